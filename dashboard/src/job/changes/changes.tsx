/** The change: a tree of its files and its lines, each of which can be remarked on; remarks become the next job. */
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import type { JobView } from '../../../../src/job/view/view.ts';
import { diffQuery, hasEnded } from '../../api/queries.ts';
import { useKeys } from '../../frame/shortcuts.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Empty, Failure, Loading } from '../../parts/notes.tsx';
import { counted, shown, shownName } from '../../parts/words.ts';
import { Half, Line, RemarkOf, type Remarking } from './line.tsx';
import { useReading, type Reading } from './remarking.ts';
import { filesOf, linesOfRow, rowsOf, treeOf, type ChangedFile, type DiffRow } from './rows.ts';
import { Moved, Send } from './send.tsx';
import { Became, Counts, Tree } from './tree.tsx';
import { useView, type View } from './view.ts';

const ROW_PX = 24;
/** How wide lines that are not wrapped may become, in characters. */
const MIN_WIDTH_CHARS = 60;
const MAX_WIDTH_CHARS = 2000;

interface HeadingProps {
  readonly file: ChangedFile;
  readonly isClosed: boolean;
  readonly isViewed: boolean;
  readonly onToggle: (path: string) => void;
  readonly onViewed: (path: string) => void;
}

function Heading({ file, isClosed, isViewed, onToggle, onViewed }: HeadingProps): ReactNode {
  return (
    <div className={`diff-head${isViewed ? ' is-viewed' : ''}`}>
      <button
        type="button"
        className="diff-file"
        aria-expanded={!isClosed}
        onClick={() => onToggle(file.path)}
      >
        <Icon name={isClosed ? 'right' : 'down'} />
        <Became file={file} />
        <span className="path">
          {file.from === null ? '' : `${shownName(file.from)} → `}
          {shownName(file.path)}
        </span>
        <Counts file={file} />
      </button>
      <label className="viewed">
        <input type="checkbox" checked={isViewed} onChange={() => onViewed(file.path)} />
        <span>Viewed</span>
      </label>
    </div>
  );
}

interface RowsProps {
  readonly rows: readonly DiffRow[];
  readonly virtual: Virtualizer<HTMLDivElement, Element>;
  readonly closed: ReadonlySet<string>;
  readonly viewed: ReadonlySet<string>;
  readonly onToggle: (path: string) => void;
  readonly onViewed: (path: string) => void;
  readonly remarking: Remarking;
  readonly cursor: string | null;
}

function Row({ row, ...props }: { readonly row: DiffRow } & RowsProps): ReactNode {
  const { remarking, cursor, closed, viewed } = props;
  switch (row.kind) {
    case 'line':
      return (
        <>
          <Line row={row} remarking={remarking} isCursor={row.id === cursor} />
          <RemarkOf row={row} remarking={remarking} />
        </>
      );
    case 'pair':
      return (
        <>
          <div className="diff-pair">
            <Half
              row={row.left}
              side="old"
              remarking={remarking}
              isCursor={row.left !== row.right && row.left?.id === cursor}
            />
            <Half row={row.right} side="new" remarking={remarking} isCursor={row.right?.id === cursor} />
          </div>
          {linesOfRow(row).map((line) => (
            <RemarkOf key={line.id} row={line} remarking={remarking} />
          ))}
        </>
      );
    case 'file':
      return (
        <Heading
          file={row.file}
          isClosed={closed.has(row.file.path)}
          isViewed={viewed.has(row.file.path)}
          onToggle={props.onToggle}
          onViewed={props.onViewed}
        />
      );
    case 'hunk':
    case 'note':
      return (
        <div className={row.kind === 'hunk' ? 'diff-hunk' : 'diff-hunk diff-note'}>{shown(row.text)}</div>
      );
  }
}

function Rows(props: RowsProps): ReactNode {
  return (
    <>
      {props.virtual.getVirtualItems().map(({ index, key, start }) => {
        const row = props.rows[index];
        if (row === undefined) return null;
        return (
          <div
            key={key}
            ref={props.virtual.measureElement}
            data-index={index}
            className="placed"
            style={{ transform: `translateY(${start}px)` }}
          >
            <Row row={row} {...props} />
          </div>
        );
      })}
    </>
  );
}

/** Which file one is in, where its heading is out of sight. */
function Above({ rows, first }: { readonly rows: readonly DiffRow[]; readonly first: number }): ReactNode {
  const row = rows.slice(0, first + 1).findLast(({ kind }) => kind === 'file');
  if (row?.kind !== 'file' || rows[first] === row) return null;
  return (
    <p className="diff-above" aria-hidden="true">
      <span>{shownName(row.file.path)}</span>
    </p>
  );
}

/** Characters of the longest line, as far as one is drawn. */
function widthOf(rows: readonly DiffRow[]): number {
  return Math.min(
    MAX_WIDTH_CHARS,
    rows.reduce(
      (most, row) => (row.kind === 'line' ? Math.max(most, row.text.length) : most),
      MIN_WIDTH_CHARS,
    ),
  );
}

/** The next row from one on, in a direction, that something is true of; -1 where there is none. */
function seek(
  rows: readonly DiffRow[],
  from: number,
  by: 1 | -1,
  isWanted: (row: DiffRow) => boolean,
): number {
  for (let at = from + by; at >= 0 && at < rows.length; at += by) {
    const row = rows[at];
    if (row !== undefined && isWanted(row)) return at;
  }
  return -1;
}

/** Where one is, by keys: file by file, change by change, line by line. */
function useSteps(
  rows: readonly DiffRow[],
  virtual: Virtualizer<HTMLDivElement, Element>,
  reading: Reading,
): void {
  const { cursor, onCursor, remarking } = reading;
  const place = (): number => {
    const isHere = (row: DiffRow): boolean =>
      row.kind === 'pair' ? row.left?.id === cursor || row.right?.id === cursor : row.id === cursor;
    const at = cursor === null ? -1 : rows.findIndex(isHere);
    return at >= 0 ? at : (virtual.range?.startIndex ?? 0) - 1;
  };
  const isLine = ({ kind }: DiffRow): boolean => kind === 'line' || kind === 'pair';
  const move = (by: 1 | -1, isExtending = false): void => {
    const at = seek(rows, place(), by, isLine);
    if (at < 0) return;
    onCursor(linesOfRow(rows[at]).at(-1)?.id ?? null, isExtending);
    virtual.scrollToIndex(at, { align: 'auto' });
  };
  const jump = (by: 1 | -1, kind: 'file' | 'hunk'): void => {
    const shown = seek(rows, place() + (by === 1 ? 0 : 1), -1, (row) => row.kind === kind);
    const at =
      by === 1
        ? seek(rows, place(), 1, (row) => row.kind === kind)
        : seek(rows, shown, -1, (row) => row.kind === kind);
    if (at < 0) return;
    const line = seek(rows, at, 1, isLine);
    onCursor(linesOfRow(rows[line]).at(-1)?.id ?? null);
    virtual.scrollToIndex(at, { align: 'start' });
  };
  const remark = (): void => {
    const line = linesOfRow(rows[place()]).at(-1);
    if (line !== undefined && remarking.canRemark) remarking.onOpen(line, remarking.chosen.size > 0);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    J: () => move(1, true),
    K: () => move(-1, true),
    n: () => jump(1, 'file'),
    p: () => jump(-1, 'file'),
    ']': () => jump(1, 'hunk'),
    '[': () => jump(-1, 'hunk'),
    c: remark,
  });
}

function Bar({ view, jobId }: { readonly view: View; readonly jobId: string }): ReactNode {
  return (
    <div className="diff-bar">
      <button type="button" className="button small" aria-pressed={view.isWrapped} onClick={view.onWrap}>
        Wrap lines
      </button>
      {view.isWide ? (
        <button type="button" className="button small" aria-pressed={view.isSplit} onClick={view.onSplit}>
          Side by side
        </button>
      ) : null}
      <a className="button small" href={`/api/jobs/${jobId}/diff`} download={`${jobId}.patch`}>
        <Icon name="down" /> Patch
      </a>
    </div>
  );
}

interface DiffProps {
  readonly job: JobView;
  readonly text: string;
  readonly head: string | null;
  readonly canAct: boolean;
}

/** Everything that is drawn of a change, and where one is in it. */
function useDiff({ job, text, head, canAct }: DiffProps, view: View) {
  const files = useMemo(() => filesOf(text), [text]);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const all = useMemo(() => rowsOf(files, new Set()), [files]);
  const rows = useMemo(
    () => (closed.size === 0 && !view.isSplit ? all : rowsOf(files, closed, view.isSplit)),
    [all, files, closed, view.isSplit],
  );
  const reading = useReading(job.job_id, head, all, rows, canAct);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.kind === 'file' ? 40 : ROW_PX),
    overscan: 12,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const toggle = (path: string, isClosing = !closed.has(path)): void => {
    const next = new Set(closed);
    if (isClosing) next.add(path);
    else next.delete(path);
    setClosed(next);
  };
  return { files, closed, all, rows, reading, scroller, virtual, toggle };
}

function Diff(props: DiffProps): ReactNode {
  const view = useView();
  const { files, closed, rows, reading, scroller, virtual, toggle, all } = useDiff(props, view);
  const tree = useMemo(() => treeOf(files), [files]);
  useSteps(rows, virtual, reading);
  const open = (file: ChangedFile): void => {
    virtual.scrollToIndex(
      rows.findIndex((row) => row.kind === 'file' && row.file === file),
      { align: 'start' },
    );
  };
  const seen = files.filter(({ path }) => reading.viewed.has(path)).length;
  const width = useMemo(() => widthOf(all), [all]);
  return (
    <div className="card changes">
      <nav className="files" aria-label="Files of the change">
        <p className="quiet">
          {counted(files.length, 'file')}{' '}
          <span className="ok">+{files.reduce((sum, { added }) => sum + added, 0)}</span>{' '}
          <span className="bad">−{files.reduce((sum, { removed }) => sum + removed, 0)}</span>
          {seen === 0 ? null : `, ${seen} viewed`}
        </p>
        <Tree folder={tree} onOpen={open} viewed={reading.viewed} />
      </nav>
      <div className="diff-side">
        <Bar view={view} jobId={props.job.job_id} />
        <Moved reading={reading} />
        <div
          ref={scroller}
          className={`diff-scroller${view.isWrapped ? '' : ' is-unwrapped'}`}
          tabIndex={0}
          role="region"
          aria-label="Change"
        >
          <Above rows={rows} first={virtual.range?.startIndex ?? 0} />
          <div
            className="diff-rows"
            style={{
              height: virtual.getTotalSize(),
              ...(view.isWrapped ? {} : { minWidth: `${width * (view.isSplit ? 2 : 1) + 18}ch` }),
            }}
          >
            <Rows
              rows={rows}
              virtual={virtual}
              closed={closed}
              viewed={reading.viewed}
              onToggle={toggle}
              onViewed={(path) => {
                toggle(path, !reading.viewed.has(path));
                reading.onViewed(path);
              }}
              remarking={reading.remarking}
              cursor={reading.cursor}
            />
          </div>
        </div>
        <Send job={props.job} reading={reading} />
      </div>
    </div>
  );
}

/** The change of a job. @param head its commit, where it is known */
export function Changes({
  job,
  head,
  canAct,
}: {
  readonly job: JobView;
  readonly head: string | null;
  readonly canAct: boolean;
}): ReactNode {
  const { data, error, refetch } = useQuery(diffQuery(job.job_id));
  if (error !== null) return <Failure error={error} onAgain={() => void refetch()} />;
  if (data === undefined) return <Loading what="the change" lines={10} />;
  if (data.trim() === '') {
    return (
      <Empty icon="file" title={hasEnded(job) ? 'Nothing was changed' : 'Nothing is changed yet'}>
        <p>The change against the base appears here, line by line.</p>
      </Empty>
    );
  }
  return <Diff job={job} text={data} head={head} canAct={canAct} />;
}
