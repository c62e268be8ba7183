/** All jobs, the newest first. Only rows that are seen are drawn, and pages are read as far as one scrolls. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { Link, useLocation } from 'wouter';
import type { JobView } from '../../../src/job/view/view.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { useTitle } from '../frame/shell.tsx';
import { useKeys } from '../frame/shortcuts.tsx';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { Bulk } from './bulk.tsx';
import { useFeed, type Feed, type Filter } from './feed.ts';
import { Filters, useFilter } from './filters.tsx';
import { COLUMNS, Row } from './row.tsx';

const ROW_PX = 57;
const NARROW_ROW_PX = 92;
/** Rows before the end at which the next page is asked for. */
const AHEAD = 30;
/** Where somebody was in a list, to be there again when they come back. */
const places = new Map<string, number>();

function Nothing({ filter, canSubmit }: { readonly filter: Filter; readonly canSubmit: boolean }): ReactNode {
  const isFiltered = filter.status !== '' || filter.repo !== '' || filter.words !== '';
  if (isFiltered) {
    return (
      <Empty icon="search" title="No job fits this">
        <p>Words are looked for in tasks, repositories, branches and ids.</p>
        <Link href="/" className="button">
          Show all jobs
        </Link>
      </Empty>
    );
  }
  return (
    <Empty icon="list" title="No jobs yet">
      <p>
        A job takes one task on one repository, and ends in a change that was proven or in the reason why not.
      </p>
      {canSubmit ? (
        <Link href="/new" className="button primary">
          Ask for the first one
        </Link>
      ) : null}
    </Empty>
  );
}

function Head(): ReactNode {
  return (
    <div role="row" className="job-row head" aria-rowindex={1}>
      <span role="columnheader" className="c-choose">
        <span className="unseen">Chosen</span>
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
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: ((jobId: string) => void) | null;
  readonly onEscape: () => void;
  readonly onSearch: () => void;
}

interface ListKeys extends Pick<ListProps, 'onChoose' | 'onEscape' | 'onSearch'> {
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Place and job that the keyboard is at. */
  readonly at: number;
  readonly current: JobView | undefined;
  readonly move: (by: number) => void;
}

function useListKeys({ scroller, at, current, move, onChoose, onEscape, onSearch }: ListKeys): void {
  const [, go] = useLocation();
  useEffect(() => {
    const link = scroller.current?.querySelector<HTMLElement>('[data-at]');
    link?.focus({ preventScroll: true });
    // The row that one is at is another one: which, the list itself says.
    // oxlint-disable-next-line react/exhaustive-effect-dependencies
  }, [at, scroller]);
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    x: () => (current === undefined ? undefined : onChoose?.(current.job_id)),
    o: () => (current === undefined ? undefined : go(`/job/${current.job_id}`)),
    '/': onSearch,
    Escape: onEscape,
  });
}

function List({ feed, place, chosen, onChoose, onEscape, onSearch }: ListProps): ReactNode {
  const { jobs, fresh, hasMore, more } = feed;
  const scroller = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState(-1);
  const isNarrow = matchMedia('(max-width: 720px)').matches;
  const virtual = useVirtualizer({
    count: jobs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isNarrow ? NARROW_ROW_PX : ROW_PX),
    overscan: 8,
    getItemKey: (index) => jobs[index]?.job_id ?? index,
    initialOffset: places.get(place) ?? 0,
  });
  const rows = virtual.getVirtualItems();
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= jobs.length - AHEAD) more();
  }, [hasMore, last, jobs.length, more]);
  const move = (by: number): void => {
    const next = Math.min(jobs.length - 1, Math.max(0, at + by));
    setAt(next);
    virtual.scrollToIndex(next);
  };
  useListKeys({ scroller, at, current: jobs[at], move, onChoose, onEscape, onSearch });
  return (
    <div
      ref={scroller}
      className="scroller"
      onScroll={(event) => places.set(place, event.currentTarget.scrollTop)}
    >
      <div role="table" aria-label="Jobs" aria-rowcount={hasMore ? -1 : jobs.length + 1} className="jobs">
        <Head />
        <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
          {rows.map(({ index, key, start }) => {
            const job = jobs[index];
            if (job === undefined) return null;
            return (
              <div
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                role="row"
                aria-rowindex={index + 2}
                className={chosen.has(job.job_id) ? 'job-row chosen' : 'job-row'}
                style={{ transform: `translateY(${start}px)` }}
              >
                <Row
                  job={job}
                  isFresh={index < fresh}
                  isAt={index === at}
                  isChosen={chosen.has(job.job_id)}
                  onChoose={onChoose}
                />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The page. */
export function JobsPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('Jobs');
  const [filter, change] = useFilter();
  const feed = useFeed(filter);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const field = useRef<HTMLInputElement>(null);
  const canSubmit = who.role !== 'read';
  const choose = useCallback((jobId: string) => {
    setChosen((all) => {
      const next = new Set(all);
      if (!next.delete(jobId)) next.add(jobId);
      return next;
    });
  }, []);
  const clear = useCallback(() => setChosen(new Set()), []);
  const place = JSON.stringify(filter);
  return (
    <div className="page-list">
      <header className="page-head">
        <h1>Jobs</h1>
        <Filters filter={filter} onChange={change} field={field} />
      </header>
      {feed.error === null ? null : <Failure error={feed.error} onAgain={feed.again} />}
      {feed.state === 'loading' ? <Loading what="jobs" lines={9} /> : null}
      {feed.state === 'ready' && feed.jobs.length === 0 ? (
        <Nothing filter={filter} canSubmit={canSubmit} />
      ) : null}
      {feed.jobs.length === 0 ? null : (
        <List
          key={place}
          feed={feed}
          place={place}
          chosen={chosen}
          onChoose={canSubmit ? choose : null}
          onEscape={clear}
          onSearch={() => field.current?.focus()}
        />
      )}
      <Bulk jobs={feed.jobs.filter((job) => chosen.has(job.job_id))} onClear={clear} />
    </div>
  );
}
