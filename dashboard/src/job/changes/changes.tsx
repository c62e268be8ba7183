/** The change: a tree of its files and its lines, each of which can be remarked on; remarks become the next job. */
import { useQuery } from '@tanstack/react-query';
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { JobView } from '../../../../src/job/view/view.ts';
import { diffQuery, hasEnded } from '../../api/queries.ts';
import { useSay } from '../../frame/notices.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Empty, Failure, Loading } from '../../parts/notes.tsx';
import { counted, shown, shownName } from '../../parts/words.ts';
import { followUp, sendMessage, Words } from '../actions.tsx';
import { taskOf, type Remark } from './remarks.ts';
import { filesOf, rowsOf, treeOf, type ChangedFile, type DiffRow } from './rows.ts';
import { Became, Counts, Tree } from './tree.tsx';

const ROW_PX = 24;
/** Longest part of a line that is drawn, in characters. */
const MAX_DRAWN_CHARS = 2000;
const SIGNS = { insert: '+', delete: '−', normal: ' ' } as const;

type LineRow = Extract<DiffRow, { kind: 'line' }>;

interface Remarking {
  readonly remarks: ReadonlyMap<string, Remark>;
  readonly openAt: string | null;
  readonly onOpen: (id: string | null) => void;
  readonly onRemark: (id: string, remark: Remark | null) => void;
  readonly canRemark: boolean;
}

function RemarkOf({ row, remarking }: { readonly row: LineRow; readonly remarking: Remarking }): ReactNode {
  const { remarks, openAt, onOpen, onRemark } = remarking;
  const remark = remarks.get(row.id);
  const add = async (text: string): Promise<void> => {
    onRemark(row.id, { path: row.path, line: row.new ?? -(row.old ?? 0), quote: row.text, text });
    onOpen(null);
  };
  if (openAt === row.id) {
    return (
      <div className="remark">
        <Words
          label={`On line ${row.new ?? row.old} of ${shownName(row.path)}`}
          button="Remark"
          onSend={add}
          autoFocus
        />
        <button type="button" className="button plain small" onClick={() => onOpen(null)}>
          Leave it
        </button>
      </div>
    );
  }
  if (remark === undefined) return null;
  return (
    <div className="remark said">
      <Icon name="say" />
      <p className="prose" dir="auto">
        {shown(remark.text)}
      </p>
      <button
        type="button"
        className="icon-button"
        aria-label="Take the remark back"
        onClick={() => onRemark(row.id, null)}
      >
        <Icon name="cross" />
      </button>
    </div>
  );
}

function Line({ row, remarking }: { readonly row: LineRow; readonly remarking: Remarking }): ReactNode {
  const text =
    row.text.length > MAX_DRAWN_CHARS
      ? `${row.text.slice(0, MAX_DRAWN_CHARS)} … ${(row.text.length - MAX_DRAWN_CHARS).toLocaleString('en')} more characters`
      : row.text;
  return (
    <>
      <div className={`diff-line d-${row.type}`}>
        <span className="number">{row.old ?? ''}</span>
        <span className="number">{row.new ?? ''}</span>
        {remarking.canRemark ? (
          <button
            type="button"
            className="remark-button"
            aria-label={`Remark on line ${row.new ?? row.old}`}
            onClick={() => remarking.onOpen(row.id)}
          >
            <Icon name="add" />
          </button>
        ) : (
          <span />
        )}
        <span
          className="sign"
          aria-label={row.type === 'insert' ? 'added' : row.type === 'delete' ? 'removed' : undefined}
        >
          {SIGNS[row.type]}
        </span>
        <code>{shown(text)}</code>
      </div>
      <RemarkOf row={row} remarking={remarking} />
    </>
  );
}

function Heading({
  file,
  isClosed,
  onToggle,
}: {
  readonly file: ChangedFile;
  readonly isClosed: boolean;
  readonly onToggle: (path: string) => void;
}): ReactNode {
  return (
    <button type="button" className="diff-file" aria-expanded={!isClosed} onClick={() => onToggle(file.path)}>
      <Icon name={isClosed ? 'right' : 'down'} />
      <Became file={file} />
      <span className="path">
        {file.from === null ? '' : `${shownName(file.from)} → `}
        {shownName(file.path)}
      </span>
      <Counts file={file} />
    </button>
  );
}

function Send({
  job,
  remarks,
  onSent,
}: {
  readonly job: JobView;
  readonly remarks: readonly Remark[];
  readonly onSent: () => void;
}): ReactNode {
  const say = useSay();
  const [, go] = useLocation();
  const [isBusy, setBusy] = useState(false);
  if (remarks.length === 0) return null;
  const isOver = hasEnded(job);
  const send = async (): Promise<void> => {
    setBusy(true);
    try {
      const next = isOver ? await followUp(job, taskOf(remarks)) : null;
      if (next === null) await sendMessage(job, taskOf(remarks));
      onSent();
      say.done(isOver ? 'Asked for: the next job works your remarks in' : 'Left for the agent');
      if (next !== null) go(`/job/${next}`);
    } catch (refusal) {
      say.failed(refusal);
    }
    setBusy(false);
  };
  return (
    <div className="bulk" role="region" aria-label="Remarks">
      <span>{counted(remarks.length, 'remark')}</span>
      <button type="button" className="button primary" disabled={isBusy} onClick={() => void send()}>
        <Icon name="say" /> {isOver ? 'Ask for a follow-up' : 'Send to the agent'}
      </button>
    </div>
  );
}

interface RowsProps {
  readonly rows: readonly DiffRow[];
  readonly virtual: Virtualizer<HTMLDivElement, Element>;
  readonly closed: ReadonlySet<string>;
  readonly onToggle: (path: string) => void;
  readonly remarking: Remarking;
}

function Rows({ rows, virtual, closed, onToggle, remarking }: RowsProps): ReactNode {
  return (
    <>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const row = rows[index];
        if (row === undefined) return null;
        return (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            className="placed"
            style={{ transform: `translateY(${start}px)` }}
          >
            {row.kind === 'line' ? <Line row={row} remarking={remarking} /> : null}
            {row.kind === 'hunk' ? <div className="diff-hunk">{shown(row.text)}</div> : null}
            {row.kind === 'note' ? <div className="diff-hunk">{shown(row.text)}</div> : null}
            {row.kind === 'file' ? (
              <Heading file={row.file} isClosed={closed.has(row.file.path)} onToggle={onToggle} />
            ) : null}
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

/** Remarks that were not sent yet. */
function useRemarks(canRemark: boolean): Remarking & { readonly onClear: () => void } {
  const [remarks, setRemarks] = useState<ReadonlyMap<string, Remark>>(new Map());
  const [openAt, setOpenAt] = useState<string | null>(null);
  return {
    remarks,
    openAt,
    canRemark,
    onOpen: setOpenAt,
    onClear: () => setRemarks(new Map()),
    onRemark(id, remark) {
      const next = new Map(remarks);
      if (remark === null) next.delete(id);
      else next.set(id, remark);
      setRemarks(next);
    },
  };
}

function Diff({
  job,
  text,
  canAct,
}: {
  readonly job: JobView;
  readonly text: string;
  readonly canAct: boolean;
}): ReactNode {
  const files = useMemo(() => filesOf(text), [text]);
  const tree = useMemo(() => treeOf(files), [files]);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(files, closed), [files, closed]);
  const remarking = useRemarks(canAct);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (rows[index]?.kind === 'file' ? 40 : ROW_PX),
    overscan: 12,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const toggle = (path: string): void => {
    const next = new Set(closed);
    if (!next.delete(path)) next.add(path);
    setClosed(next);
  };
  const open = (file: ChangedFile): void => {
    virtual.scrollToIndex(
      rows.findIndex((row) => row.kind === 'file' && row.file === file),
      { align: 'start' },
    );
  };
  const added = files.reduce((sum, file) => sum + file.added, 0);
  const removed = files.reduce((sum, file) => sum + file.removed, 0);
  return (
    <div className="card changes">
      <nav className="files" aria-label="Files of the change">
        <p className="quiet">
          {counted(files.length, 'file')} <span className="ok">+{added}</span>{' '}
          <span className="bad">−{removed}</span>
        </p>
        <Tree folder={tree} onOpen={open} />
      </nav>
      <div className="diff-side">
        <div ref={scroller} className="diff-scroller" tabIndex={0} role="region" aria-label="Change">
          <Above rows={rows} first={virtual.range?.startIndex ?? 0} />
          <div className="diff-rows" style={{ height: virtual.getTotalSize() }}>
            <Rows rows={rows} virtual={virtual} closed={closed} onToggle={toggle} remarking={remarking} />
          </div>
        </div>
        <Send job={job} remarks={[...remarking.remarks.values()]} onSent={remarking.onClear} />
      </div>
    </div>
  );
}

/** The change of a job. */
export function Changes({ job, canAct }: { readonly job: JobView; readonly canAct: boolean }): ReactNode {
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
  return <Diff job={job} text={data} canAct={canAct} />;
}
