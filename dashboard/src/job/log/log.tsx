/** The log as it grows. Only lines that are seen are drawn, so that fifty thousand of them cost no more than fifty. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useDeferredValue, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { JobEvent } from '../../../../src/job/job.ts';
import type { Connection } from '../../api/follow.ts';
import { useKeys } from '../../frame/shortcuts.tsx';
import { CopyLater } from '../../parts/copy.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Empty } from '../../parts/notes.tsx';
import { State, type Told } from '../../parts/state.tsx';
import { clock } from '../../parts/words.ts';
import { Ansi } from './ansi.tsx';
import {
  createLines,
  found,
  fromSource,
  namedLine,
  SOURCES,
  textOf,
  type LogLine,
  type Source,
} from './lines.ts';

const LINE_PX = 20;
/** Longest part of a line that is drawn, in characters, until the whole is asked for. */
const MAX_DRAWN_CHARS = 2000;

const CONNECTIONS: Readonly<Record<Connection, Told>> = {
  connecting: { icon: 'run', word: 'Connecting', tone: 'live' },
  live: { icon: 'pulse', word: 'Live', tone: 'live' },
  lost: { icon: 'warn', word: 'Cut off; it comes again', tone: 'warn' },
  over: { icon: 'tick', word: 'Complete', tone: 'quiet' },
};

function Text({ line }: { readonly line: LogLine }): ReactNode {
  const [isWhole, setWhole] = useState(false);
  if (isWhole || line.text.length <= MAX_DRAWN_CHARS) return <Ansi text={line.text} />;
  return (
    <>
      <Ansi text={line.text.slice(0, MAX_DRAWN_CHARS)} />
      <button type="button" className="button small" onClick={() => setWhole(true)}>
        … {(line.text.length - MAX_DRAWN_CHARS).toLocaleString('en')} more characters
      </button>
    </>
  );
}

/** The line that the address names. */
function linked(): string | null {
  return /^#L([\d.]+)$/.exec(location.hash)?.[1] ?? null;
}

interface BarProps extends Looked {
  readonly lines: readonly LogLine[];
  readonly source: Source;
  readonly onSource: (source: Source) => void;
  readonly isWrapped: boolean;
  readonly onWrap: () => void;
  readonly isFollowing: boolean;
  readonly onFollow: () => void;
  readonly connection: Connection;
  readonly address: string;
}

function Search({ words, onWords, hits, at, onMove }: Looked): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  useKeys({ '/': () => field.current?.focus() });
  const told =
    words.trim() === '' || namedLine(words) !== null
      ? ''
      : hits.length === 0
        ? 'not found'
        : `${at + 1} of ${hits.length.toLocaleString('en')}`;
  return (
    <>
      <label className="search">
        <Icon name="search" />
        <span className="unseen">Search the log</span>
        <input
          ref={field}
          type="search"
          placeholder="Search the log, or :120"
          value={words}
          onChange={(event) => onWords(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') onMove(event.shiftKey ? -1 : 1);
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        <kbd>/</kbd>
      </label>
      <span className="quiet hits" role="status">
        {told}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label="Earlier hit"
        disabled={hits.length === 0}
        onClick={() => onMove(-1)}
      >
        <Icon name="left" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Next hit"
        disabled={hits.length === 0}
        onClick={() => onMove(1)}
      >
        <Icon name="right" />
      </button>
    </>
  );
}

function Bar(props: BarProps): ReactNode {
  const { lines, source, onSource, isWrapped, onWrap, isFollowing, onFollow, connection, address } = props;
  return (
    <div className="log-bar">
      <Search {...props} />
      <select
        aria-label="What of the log is shown"
        value={source}
        onChange={(event) => onSource(event.target.value as Source)}
      >
        {Object.entries(SOURCES).map(([name, [text]]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
      </select>
      <span className="log-state">
        <State told={CONNECTIONS[connection]} />
        {connection === 'over' ? null : (
          <button type="button" className="button small" aria-pressed={isFollowing} onClick={onFollow}>
            <Icon name="down" /> Follow
          </button>
        )}
        <button type="button" className="button small" aria-pressed={isWrapped} onClick={onWrap}>
          Wrap
        </button>
        <CopyLater text={() => textOf(lines)} what="what is shown" />
        <a className="button small" href={address} download>
          <Icon name="file" /> Save
        </a>
      </span>
    </div>
  );
}

interface Looked {
  readonly words: string;
  readonly onWords: (words: string) => void;
  readonly hits: readonly number[];
  /** Which of the hits one is at. */
  readonly at: number;
  readonly onMove: (by: number) => void;
}

/** What is looked for in the lines, and where it is. @param onGo goes to a line @param onMark names one in the address */
function useLooked(
  lines: readonly LogLine[],
  onGo: (index: number) => void,
  onMark: (id: string) => void,
): Looked {
  const [words, setWords] = useState('');
  const wanted = useDeferredValue(words);
  const hits = useMemo(() => found(lines, wanted), [lines, wanted]);
  const [at, setAt] = useState(0);
  const goTo = (next: number): void => {
    setAt(next);
    const index = hits[next];
    if (index !== undefined) onGo(index);
  };
  const onWords = (next: string): void => {
    setWords(next);
    setAt(0);
    const named = namedLine(next);
    const place = named === null ? -1 : lines.findIndex(({ id }) => id === named || id === `${named}.1`);
    if (place >= 0) {
      onMark(lines[place]?.id ?? '');
      onGo(place);
      return;
    }
    const [first] = found(lines, next);
    if (first !== undefined) onGo(first);
  };
  return {
    words,
    onWords,
    hits,
    at,
    onMove: (by) => goTo((at + by + hits.length) % Math.max(1, hits.length)),
  };
}

interface LineProps {
  readonly line: LogLine;
  readonly isMarked: boolean;
  readonly isHit: boolean;
  readonly onMark: (id: string) => void;
}

function Line({ line, isMarked, isHit, onMark }: LineProps): ReactNode {
  const names = [`line l-${line.kind}`, ...(isMarked ? ['marked'] : []), ...(isHit ? ['hit'] : [])];
  return (
    <div className={names.join(' ')}>
      <a
        href={`#L${line.id}`}
        tabIndex={-1}
        aria-label={`Link to line ${line.id}`}
        title={clock(line.time)}
        onClick={(event) => {
          event.preventDefault();
          onMark(line.id);
        }}
      >
        {line.id}
      </a>
      <span className="line-text" dir="auto">
        <Text line={line} />
      </span>
    </div>
  );
}

interface LinesProps {
  readonly isWrapped: boolean;
  readonly lines: readonly LogLine[];
  readonly virtual: Virtualizer<HTMLDivElement, Element>;
  readonly marked: string | null;
  readonly hit: number | undefined;
  readonly onMark: (id: string) => void;
}

/** Characters of the longest line, as far as one is drawn. */
function widthOf(lines: readonly LogLine[]): number {
  return Math.min(
    MAX_DRAWN_CHARS,
    lines.reduce((most, { text }) => Math.max(most, text.length), 0),
  );
}

function Lines({ lines, isWrapped, virtual, marked, hit, onMark }: LinesProps): ReactNode {
  const width = useMemo(() => (isWrapped ? null : widthOf(lines)), [lines, isWrapped]);
  return (
    <div
      className="log-lines"
      style={{
        height: virtual.getTotalSize(),
        ...(width === null ? {} : { minWidth: `calc(${width}ch + 7rem)` }),
      }}
    >
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const line = lines[index];
        return line === undefined ? null : (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            className="placed"
            style={{ transform: `translateY(${start}px)` }}
          >
            <Line line={line} isMarked={line.id === marked} isHit={index === hit} onMark={onMark} />
          </div>
        );
      })}
    </div>
  );
}

/** The line that the address names, and how to name another; the first time it is there one is taken to it. */
function useMarked(
  lines: readonly LogLine[],
  onGo: (index: number) => void,
): readonly [string | null, (id: string) => void] {
  const [marked, setMarked] = useState(linked);
  const isThere = useRef(false);
  useEffect(() => {
    if (marked === null || isThere.current) return;
    const index = lines.findIndex(({ id }) => id === marked);
    if (index === -1) return;
    isThere.current = true;
    onGo(index);
  }, [lines, marked, onGo]);
  const mark = (id: string): void => {
    setMarked(id);
    isThere.current = true;
    history.replaceState(history.state, '', `#L${id}`);
  };
  return [marked, mark];
}

interface LogProps {
  readonly jobId: string;
  readonly events: readonly JobEvent[];
  readonly connection: Connection;
  readonly hasEnded: boolean;
}

/** The log of a job. */
export function Log({ jobId, events, connection, hasEnded }: LogProps): ReactNode {
  const [read] = useState(createLines);
  const all = read(events);
  const [source, setSource] = useState<Source>('all');
  const lines = useMemo(() => fromSource(all, source), [all, source]);
  const [isWrapped, setWrapped] = useState(true);
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(linked() === null && !hasEnded);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
    getItemKey: (index) => lines[index]?.id ?? index,
  });
  const go = (index: number): void => {
    setFollowing(false);
    virtual.scrollToIndex(index, { align: 'center' });
  };
  const [marked, mark] = useMarked(lines, go);
  const looked = useLooked(lines, go, mark);
  useEffect(() => {
    if (isFollowing && lines.length > 0) virtual.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [isFollowing, lines.length, virtual]);
  return (
    <div className="card log">
      <Bar
        {...looked}
        lines={lines}
        source={source}
        onSource={setSource}
        isWrapped={isWrapped}
        onWrap={() => setWrapped(!isWrapped)}
        isFollowing={isFollowing}
        onFollow={() => setFollowing(!isFollowing)}
        connection={connection}
        address={`/api/jobs/${jobId}/log`}
      />
      {lines.length === 0 ? (
        <Empty icon="file" title={all.length === 0 ? 'Nothing was written yet' : 'Nothing of this kind'} />
      ) : null}
      <div
        ref={scroller}
        className={`log-scroller${isWrapped ? '' : ' is-unwrapped'}`}
        hidden={lines.length === 0}
        tabIndex={0}
        role="region"
        aria-label="Log"
        onWheel={({ deltaY }) => (deltaY < 0 ? setFollowing(false) : undefined)}
        onKeyDown={({ key }) => (/^(ArrowUp|PageUp|Home)$/.test(key) ? setFollowing(false) : undefined)}
      >
        <Lines
          lines={lines}
          isWrapped={isWrapped}
          virtual={virtual}
          marked={marked}
          hit={looked.words.trim() === '' ? undefined : looked.hits[looked.at]}
          onMark={mark}
        />
      </div>
    </div>
  );
}
