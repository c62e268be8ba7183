/** The list of jobs as it is now: pages are read as far as one scrolls, and brought up to date by what changes. */
import { useInfiniteQuery, type InfiniteData } from '@tanstack/react-query';
import { useEffect, useMemo, useRef } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import { get } from '../api/call.ts';
import { recentChanges, useChanges, type Change } from '../api/changes.ts';
import type { Connection } from '../api/follow.ts';
import { queries } from '../api/queries.ts';
import { fits, questionOf, type Filter } from './filter.ts';
import { notOlder, pageOf, patched, type JobPage } from './patch.ts';
import { countAnew } from './steps.tsx';

/** The list. */
export interface Feed {
  readonly jobs: readonly JobView[];
  readonly state: 'loading' | 'failed' | 'ready';
  readonly error: unknown;
  readonly connection: Connection;
  readonly hasMore: boolean;
  readonly isReading: boolean;
  readonly more: () => void;
  readonly again: () => void;
}

type Pages = InfiniteData<JobPage, string | null>;

/** Jobs of the first page, which somebody waits for, and of those that are read ahead. */
const FIRST_JOBS = 50;
const PAGE_JOBS = 200;
/** Jobs of the front that are read anew where only the server knows what fits. */
const FRONT_JOBS = 50;
/** Least pause between two such readings, in milliseconds. */
const FRONT_MS = 2000;

async function read(filter: Filter, cursor: string | null, signal: AbortSignal): Promise<JobPage> {
  const given = await get<Omit<JobPage, 'from' | 'to'>>(
    questionOf(filter, cursor === null ? FIRST_JOBS : PAGE_JOBS, cursor, Date.now()),
    signal,
  );
  const page = pageOf(given, cursor === null);
  // What changed while it was on its way is told already, and not told again.
  const since = recentChanges().filter(({ change }) => change > page.change);
  const fit = (job: JobView): boolean | null => fits(filter, job, Date.now());
  return patched([page], since, fit).pages[0] ?? page;
}

function keyOf(filter: Filter): readonly unknown[] {
  return ['jobs', filter];
}

/** Puts what changed into every list that was read, and tells of those about which it can't be sure. */
function patchLists(changes: readonly Change[]): readonly Filter[] {
  const unsure: Filter[] = [];
  for (const [key, data] of queries.getQueriesData<Pages>({ queryKey: ['jobs'] })) {
    if (data === undefined) continue;
    const filter = key[1] as Filter;
    const next = patched(data.pages, changes, (job) => fits(filter, job, Date.now()));
    if (next.isUnsure) unsure.push(filter);
    if (next.pages.some((page, at) => page !== data.pages[at]))
      queries.setQueryData<Pages>(key, { ...data, pages: [...next.pages] });
  }
  return unsure;
}

/** Reads the front of a list anew, of which only the server knows what fits. */
async function readFront(filter: Filter): Promise<void> {
  const front = await get<Pick<JobPage, 'jobs' | 'change'>>(
    questionOf(filter, FRONT_JOBS, null, Date.now()),
  ).catch(() => null);
  const data = queries.getQueryData<Pages>(keyOf(filter));
  if (front === null || data === undefined) return;
  const found = notOlder(front, recentChanges());
  const { pages } = patched(data.pages, found, () => true);
  queries.setQueryData<Pages>(keyOf(filter), { ...data, pages: [...pages] });
}

/** Follows the list of jobs. */
export function useFeed(filter: Filter): Feed {
  const pages = useInfiniteQuery({
    queryKey: keyOf(filter),
    queryFn: ({ pageParam, signal }) => read(filter, pageParam, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page: JobPage) => page.next_cursor,
    staleTime: Infinity,
    // What has changed is known, and comparing thousands of jobs field by field is not free.
    structuralSharing: false,
    refetchOnMount: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const reading = useRef<ReturnType<typeof setTimeout> | null>(null);
  const current = useRef(filter);
  useEffect(() => {
    current.current = filter;
  }, [filter]);
  useEffect(
    () => () => {
      if (reading.current !== null) clearTimeout(reading.current);
    },
    [],
  );
  const listener = useMemo(
    () => ({
      onChanges(changes: readonly Change[]) {
        countAnew(changes.map(({ job }) => job));
        if (!patchLists(changes).some((one) => JSON.stringify(one) === JSON.stringify(current.current)))
          return;
        reading.current ??= setTimeout(() => {
          reading.current = null;
          void readFront(current.current);
        }, FRONT_MS);
      },
      onReset: () => void queries.resetQueries({ queryKey: ['jobs'] }),
    }),
    [],
  );
  const connection = useChanges(pages.data?.pages[0]?.change ?? null, listener);
  const jobs = useMemo(() => pages.data?.pages.flatMap((page) => page.jobs) ?? [], [pages.data]);
  return {
    jobs,
    state: pages.isPending ? 'loading' : pages.isError && jobs.length === 0 ? 'failed' : 'ready',
    error: pages.error,
    connection,
    hasMore: pages.hasNextPage,
    isReading: pages.isFetchingNextPage,
    more: () => void (pages.isFetching || pages.isError ? undefined : pages.fetchNextPage()),
    again: () => void (pages.isFetchNextPageError ? pages.fetchNextPage() : pages.refetch()),
  };
}
