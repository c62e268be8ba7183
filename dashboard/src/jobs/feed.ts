/** The list of jobs as it is now: its newest part asked for again and again, the rest read once, as far as one scrolls. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import { get } from '../api/call.ts';
import { queries, type JobPage } from '../api/queries.ts';

/** What is looked for; empty is everything. */
export interface Filter {
  readonly status: string;
  readonly repo: string;
  readonly words: string;
}

/** The list. */
export interface Feed {
  readonly jobs: readonly JobView[];
  /** How many of them are asked for again by themselves. */
  readonly fresh: number;
  readonly state: 'loading' | 'failed' | 'ready';
  readonly error: unknown;
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly again: () => void;
}

const HEAD_JOBS = 50;
const PAGE_JOBS = 100;
const HEAD_MS = 2000;
/** Letters that the server needs of the beginning of a word. */
const MIN_BEGINNING = 3;

/** Words as the server searches them: the last one may still be growing, so that its beginning is looked for. */
export function searchOf(words: string): string {
  const trimmed = words.trim();
  const last = /[\p{L}\p{N}]+$/u.exec(trimmed)?.[0] ?? '';
  return last.length >= MIN_BEGINNING && trimmed === words ? `${trimmed}*` : trimmed;
}

function addressOf({ status, repo, words }: Filter, limit: number, cursor: string | null): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (status !== '') query.set('status', status);
  if (repo !== '') query.set('repo', repo);
  if (words.trim() !== '') query.set('q', searchOf(words));
  if (cursor !== null) query.set('cursor', cursor);
  return `/api/jobs?${query}`;
}

/** Puts the new front of a list before what was read of it earlier; `null` where they do not meet any more. */
export function joined(head: JobPage, earlier: readonly JobView[]): readonly JobView[] | null {
  const last = head.jobs.at(-1);
  if (last === undefined || head.next_cursor === null) return head.jobs;
  const at = earlier.findIndex((job) => job.job_id === last.job_id);
  return at === -1 ? null : [...head.jobs, ...earlier.slice(at + 1)];
}

/** Follows the list of jobs. */
export function useFeed(filter: Filter): Feed {
  const key = ['jobs', filter.status, filter.repo, filter.words];
  const pages = useInfiniteQuery({
    queryKey: [...key, 'pages'],
    queryFn: ({ pageParam, signal }) => get<JobPage>(addressOf(filter, PAGE_JOBS, pageParam), signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page: JobPage) => page.next_cursor,
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
  const head = useQuery({
    queryKey: [...key, 'head'],
    queryFn: ({ signal }) => get<JobPage>(addressOf(filter, HEAD_JOBS, null), signal),
    refetchInterval: HEAD_MS,
    enabled: pages.isSuccess,
  });
  const earlier = useMemo(() => pages.data?.pages.flatMap((page) => page.jobs) ?? [], [pages.data]);
  const whole = useMemo(
    () => (head.data === undefined ? earlier : joined(head.data, earlier)),
    [head.data, earlier],
  );
  const isTorn = whole === null;
  const { status, repo, words } = filter;
  useEffect(() => {
    // More jobs came at once than the front holds: what was read earlier is read anew.
    if (isTorn) void queries.resetQueries({ queryKey: ['jobs', status, repo, words, 'pages'] });
  }, [isTorn, status, repo, words]);
  const error = pages.error ?? head.error;
  return {
    jobs: whole ?? head.data?.jobs ?? [],
    fresh: head.data?.jobs.length ?? 0,
    state: pages.isPending ? 'loading' : pages.isError ? 'failed' : 'ready',
    error,
    hasMore: pages.hasNextPage && whole !== null && whole.length >= HEAD_JOBS,
    more: () => void (pages.isFetchingNextPage ? undefined : pages.fetchNextPage()),
    again: () => void Promise.all([pages.refetch(), head.refetch()]),
  };
}
