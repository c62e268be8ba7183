/** The rows. Only those that are seen are drawn; what comes in above what one reads is counted, and waits. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useLocation } from 'wouter';
import type { JobView } from '../../../src/job/view/view.ts';
import { useKeys } from '../frame/shortcuts.tsx';
import { counted } from '../parts/words.ts';
import type { Feed } from './feed.ts';
import { heldBack } from './patch.ts';
import { COLUMNS, Row } from './row.tsx';

const ROW_PX = 56;
const NARROW_ROW_PX = 92;
/** Rows before the end at which the next page is asked for. */
const AHEAD = 60;
/** How far one may be from the top and still be there, in pixels. */
const TOP_PX = 8;
/** Where somebody was in a list, to be there again when they come back. */
const places = new Map<string, number>();

/** Which jobs are chosen, and how that is changed. */
export interface Choice {
  readonly has: (jobId: string) => boolean;
  readonly state: 'none' | 'some' | 'all';
  /** @param isWide all between this one and the one that was chosen before as well */
  readonly toggle: (jobId: string, isWide: boolean) => void;
  readonly toggleAll: () => void;
}

function Head({ choice }: { readonly choice: Choice | null }): ReactNode {
  const box = useRef<HTMLInputElement>(null);
  const isSome = choice?.state === 'some';
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = isSome;
  }, [isSome]);
  return (
    <div role="row" className="job-row head" aria-rowindex={1}>
      <span role="columnheader" className="c-choose">
        {choice === null ? (
          <span className="unseen">Chosen</span>
        ) : (
          <input
            ref={box}
            type="checkbox"
            checked={choice.state === 'all'}
            aria-label="Choose all that are listed"
            onChange={choice.toggleAll}
          />
        )}
      </span>
      {COLUMNS.map(([name, label]) => (
        <span key={name} role="columnheader" className={`c-${name}`}>
          {label}
        </span>
      ))}
    </div>
  );
}

interface ListProps {
  readonly feed: Feed;
  readonly place: string;
  readonly choice: Choice | null;
  readonly onEscape: () => void;
  readonly onSearch: () => void;
}

interface ListKeys extends Pick<ListProps, 'choice' | 'onEscape' | 'onSearch'> {
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** The job that the keyboard is at. */
  readonly atId: string | null;
  readonly move: (by: number) => void;
}

function useListKeys({ scroller, atId, move, choice, onEscape, onSearch }: ListKeys): void {
  const [, go] = useLocation();
  useEffect(() => {
    const link = scroller.current?.querySelector<HTMLElement>('[data-at]');
    link?.focus({ preventScroll: true });
    // The row that one is at is another one: which, the list itself says.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [atId, scroller]);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => (atId === null ? undefined : choice?.toggle(atId, false)),
    o: () => (atId === null ? undefined : go(`/job/${atId}`)),
    '/': onSearch,
    Escape: onEscape,
  });
}

/** Jobs as they are shown: those that came in above where one reads wait, and are counted. */
function useHeld(
  jobs: readonly JobView[],
  startsAway: boolean,
): {
  readonly shownJobs: readonly JobView[];
  readonly held: number;
  readonly onScroll: (scrollTop: number) => void;
  readonly release: () => void;
} {
  const [top, setTop] = useState<JobView | null>(startsAway ? (jobs[0] ?? null) : null);
  const held = heldBack(jobs, top);
  return {
    shownJobs: held === 0 ? jobs : jobs.slice(held),
    held,
    onScroll: (scrollTop: number): void => {
      if (scrollTop <= TOP_PX) {
        // With some waiting one stays where one reads, until they are asked for.
        if (top !== null && held === 0) setTop(null);
      } else if (top === null) setTop(jobs[0] ?? null);
    },
    release: () => setTop(null),
  };
}

interface RowsProps extends Pick<ListProps, 'choice'> {
  readonly virtual: Virtualizer<HTMLDivElement, Element>;
  readonly jobs: readonly JobView[];
  readonly atId: string | null;
}

function Rows({ virtual, jobs, atId, choice }: RowsProps): ReactNode {
  return (
    <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const job = jobs[index];
        if (job === undefined) return null;
        const isChosen = choice?.has(job.job_id) === true;
        return (
          <div
            key={key}
            ref={virtual.measureElement}
            data-index={index}
            role="row"
            aria-rowindex={index + 2}
            className={isChosen ? 'job-row chosen' : 'job-row'}
            style={{ transform: `translateY(${start}px)` }}
          >
            <Row job={job} isAt={job.job_id === atId} isChosen={isChosen} onChoose={choice?.toggle ?? null} />
          </div>
        );
      })}
    </div>
  );
}

/** The list. */
export function List({ feed, place, choice, onEscape, onSearch }: ListProps): ReactNode {
  const { hasMore, more } = feed;
  const scroller = useRef<HTMLDivElement>(null);
  const [atId, setAtId] = useState<string | null>(null);
  const initialOffset = places.get(place) ?? 0;
  const { shownJobs: jobs, held, onScroll, release } = useHeld(feed.jobs, initialOffset > TOP_PX);
  const isNarrow = matchMedia('(max-width: 720px)').matches;
  const virtual = useVirtualizer({
    count: jobs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? NARROW_ROW_PX : ROW_PX),
    overscan: 8,
    getItemKey: (index) => jobs[index]?.job_id ?? index,
    initialOffset,
  });
  const last = virtual.getVirtualItems().at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= jobs.length - AHEAD) more();
  }, [hasMore, last, jobs.length, more]);
  const move = (by: number): void => {
    const at = atId === null ? -1 : jobs.findIndex((job) => job.job_id === atId);
    const next = Math.min(jobs.length - 1, Math.max(0, at + by));
    setAtId(jobs[next]?.job_id ?? null);
    virtual.scrollToIndex(next);
  };
  useListKeys({ scroller, atId, move, choice, onEscape, onSearch });
  const toTop = (): void => {
    release();
    virtual.scrollToIndex(0);
    scroller.current?.focus({ preventScroll: true });
  };
  return (
    <div className="list">
      <p className="held" role="status">
        {held === 0 ? null : (
          <button type="button" className="button small primary" onClick={toTop}>
            {counted(held, 'new job')}
          </button>
        )}
      </p>
      <div
        ref={scroller}
        className="scroller"
        tabIndex={-1}
        onScroll={(event) => {
          const { scrollTop } = event.currentTarget;
          places.set(place, scrollTop);
          onScroll(scrollTop);
        }}
      >
        <div
          role="table"
          aria-label="Jobs"
          aria-rowcount={hasMore ? -1 : jobs.length + 1}
          aria-busy={feed.isReading}
          className="jobs"
        >
          <Head choice={choice} />
          <Rows virtual={virtual} jobs={jobs} atId={atId} choice={choice} />
        </div>
      </div>
    </div>
  );
}
