/** The list of jobs: what is looked for, and what becomes of pages that were read when something changes. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { between } from '../../dashboard/src/jobs/chosen/choice.ts';
import type { Change } from '../../dashboard/src/api/changes.ts';
import { addressOf, ALL, filterOf, fits, questionOf, type Filter } from '../../dashboard/src/jobs/filter.ts';
import { heldBack, notOlder, pageOf, patched, type JobPage } from '../../dashboard/src/jobs/patch.ts';
import { issueAddress } from '../../dashboard/src/jobs/row.tsx';
import { countSteps } from '../../dashboard/src/jobs/steps.tsx';
import { viewOf, type JobView } from '../../src/job/view/view.ts';
import { sampleJob, T0 } from '../store/sample.ts';

const NOW = T0.getTime();

/** The `at`th job that was created, as it is listed. */
function job(at: number, over: Partial<JobView> = {}): JobView {
  const created_at = new Date(NOW + at * 1000).toISOString();
  return { ...viewOf(sampleJob(`job-${at}`, { created_at })), ...over };
}

describe('a filter', () => {
  test('stands in the address, and what makes no sense there is passed over', () => {
    const filter: Filter = {
      status: 'failed',
      repo: 'https://git.example.org/a b.git',
      agent: 'codex',
      user: 'ada & co',
      kind: 'run',
      days: '7',
      words: 'disc*',
    };
    expect(filterOf(new URLSearchParams(addressOf(filter).toString()))).toEqual(filter);
    expect(addressOf(ALL).toString()).toBe('');
    expect(filterOf(new URLSearchParams('kind=nonsense&days=-3&other=1'))).toEqual(ALL);
  });

  test('asks the server for what the page shows: steps of runs are folded away', () => {
    const asked = (filter: Partial<Filter>): string =>
      decodeURIComponent(questionOf({ ...ALL, ...filter }, 9, null, NOW)).replace('/api/jobs?limit=9', '');
    expect(asked({})).toBe('&kind=top');
    expect(asked({ kind: 'all', words: 'round' })).toBe('&q=round*');
    expect(asked({ kind: 'step', days: '2', user: 'ada' })).toBe('&user=ada&kind=step&since=2026-11-19');
  });

  test('fits a job as the server would say, which alone knows words', () => {
    const run = job(1, { run_id: 'run-1' });
    const step = job(2, { run_id: 'run-1', step: 'lint' });
    const fit = (filter: Partial<Filter>, one: JobView): boolean | null =>
      fits({ ...ALL, ...filter }, one, NOW);
    expect([fit({}, run), fit({}, step), fit({}, job(3))]).toEqual([true, false, true]);
    expect([fit({ kind: 'job' }, run), fit({ kind: 'run' }, run), fit({ kind: 'run' }, step)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([fit({ kind: 'step' }, step), fit({ kind: 'all' }, step)]).toEqual([true, true]);
    expect([fit({ status: 'failed' }, run), fit({ agent: 'patch' }, run), fit({ user: 'x' }, run)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([fit({ days: '1' }, run), fit({ days: '1' }, job(-90_000))]).toEqual([true, false]);
    expect([fit({ words: 'typo' }, run), fit({ words: 'typo', status: 'failed' }, run)]).toEqual([
      null,
      false,
    ]);
  });
});

describe('pages that were read', () => {
  const pages: readonly JobPage[] = [
    pageOf({ jobs: [job(6), job(5)], next_cursor: 'job-5', change: 10 }, true),
    pageOf({ jobs: [job(4), job(3)], next_cursor: 'job-3', change: 12 }, false),
  ];
  const change = (number: number, one: JobView): Change => ({ change: number, job: one });
  const after = (changes: readonly Change[], fit: (one: JobView) => boolean | null = () => true): string =>
    patched(pages, changes, fit)
      .pages.map((page) => page.jobs.map((one) => `${one.job_id.slice(4)}${one.status[0]}`).join(' '))
      .join(' | ');

  test('take what changed in its place, and keep what did not as it is', () => {
    const next = patched(pages, [change(13, job(4, { status: 'running' }))], () => true);
    expect(next.pages[0]).toBe(pages[0]);
    expect(next.pages[1]?.jobs[1]).toBe(pages[1]?.jobs[1]);
    expect(after([change(13, job(4, { status: 'running' }))])).toBe('6q 5q | 4r 3q');
    expect(after([change(12, job(4, { status: 'running' }))])).toBe('6q 5q | 4q 3q');
    expect(after([change(13, job(4, { status: 'running' })), change(14, job(4, { status: 'failed' }))])).toBe(
      '6q 5q | 4f 3q',
    );
  });

  test('take in what is new where it belongs, and let go of what fits no more', () => {
    expect(after([change(20, job(7)), change(21, job(8))])).toBe('8q 7q 6q 5q | 4q 3q');
    expect(after([change(20, job(5.5)), change(21, job(4.5)), change(22, job(3.5))])).toBe(
      '6q 5.5q 5q | 4.5q 4q 3.5q 3q',
    );
    // What lies below was not read yet, and comes with its page.
    expect(after([change(20, job(2))])).toBe('6q 5q | 4q 3q');
    expect(after([change(20, job(5, { status: 'failed' }))], (one) => one.status !== 'failed')).toBe(
      '6q | 4q 3q',
    );
    // It was there when the page was read, and did not stand on it; of two that were created at once only the server knows.
    expect(after([change(12, job(3.5))])).toBe('6q 5q | 4q 3q');
    expect(after([change(20, job(3, { job_id: 'job-3-too' }))])).toBe('6q 5q | 4q 3q');
    const empty = [pageOf({ jobs: [], next_cursor: null, change: 1 }, true)];
    expect(patched(empty, [change(2, job(1))], () => true).pages[0]?.jobs).toHaveLength(1);
  });

  test('say when only the server knows whether something is missing', () => {
    expect(patched(pages, [change(20, job(7))], () => null)).toEqual({ pages, isUnsure: true });
    expect(patched(pages, [change(20, job(7))], () => false).isUnsure).toBe(false);
    const onlyFirst = (one: JobView): boolean | null => (one.job_id === 'job-7' ? null : true);
    expect(patched(pages, [change(20, job(7)), change(21, job(8))], onlyFirst).isUnsure).toBe(true);
    expect(after([change(20, job(6, { status: 'running' }))], () => null)).toBe('6r 5q | 4q 3q');
  });

  test('are after any changes what the server would answer', () => {
    const statuses = ['queued', 'running', 'failed'] as const;
    const moves = fc.array(fc.tuple(fc.integer({ min: 0, max: 14 }), fc.constantFrom(...statuses)), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(moves, moves, fc.integer({ min: 1, max: 6 }), (before, later, size) => {
        const stored = new Map<number, JobView>();
        let number = 0;
        const apply = ([at, status]: readonly [number, JobView['status']]): Change => {
          stored.set(at, job(at, { status }));
          return change(++number, job(at, { status }));
        };
        const fit = (one: JobView): boolean => one.status !== 'failed';
        const listed = (): readonly JobView[] =>
          [...stored.values()].filter(fit).sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
        before.forEach(apply);
        const all = listed();
        const read: JobPage[] = [];
        for (let from = 0; from === 0 || (from < all.length && read.length < 2); from += size) {
          const jobs = all.slice(from, from + size);
          const next_cursor = from + size < all.length ? (jobs.at(-1)?.job_id ?? null) : null;
          read.push(pageOf({ jobs, next_cursor, change: number }, from === 0));
        }
        const isWhole = read.at(-1)?.next_cursor === null;
        const lowest = read.at(-1)?.jobs.at(-1)?.created_at ?? '';
        const got = patched(read, later.map(apply), fit).pages.flatMap((page) => page.jobs);
        // What is below the last page that was read is read when one gets there.
        const want = listed().filter((one) => isWhole || one.created_at >= lowest);
        expect(got).toEqual(want);
      }),
      { numRuns: 300 },
    );
  });
});

test('what comes in above where one reads is counted', () => {
  const jobs = [job(5), job(4), job(3)];
  expect([heldBack(jobs, null), heldBack(jobs, job(5)), heldBack(jobs, job(3))]).toEqual([0, 0, 2]);
  // The one that was at the top is gone.
  expect([heldBack(jobs, job(3.5)), heldBack([], job(1))]).toEqual([2, 0]);
});

test('an answer that was long on its way puts nothing back that was told since', () => {
  const told = [5, 9, 12].map((number, at) => ({ change: number, job: job(at === 0 ? 1 : 2) }));
  const found = notOlder({ jobs: [job(3), job(2), job(1)], change: 8 }, told);
  expect(found.map((one) => [one.change, one.job.job_id])).toEqual([
    [8, 'job-3'],
    [8, 'job-1'],
  ]);
});

test('with Shift all between two are chosen', () => {
  const jobs = [job(5), job(4), job(3), job(2)];
  expect(between(jobs, 'job-2', 'job-4')).toEqual(['job-4', 'job-3', 'job-2']);
  expect(between(jobs, 'job-gone', 'job-4')).toEqual(['job-4']);
});

test('a job leads to its issue where its repository says on which forge', () => {
  const address = (over: Partial<JobView>): string | null => issueAddress(job(1, over));
  expect(address({ about: 'octo/shop#12', repo: 'https://git.example.org/octo/shop.git' })).toBe(
    'https://git.example.org/octo/shop/issues/12',
  );
  expect(address({ about: 'octo/shop#12', repo: '/srv/shop' })).toBeNull();
  expect(address({ about: 'javascript:alert(1)#1', repo: 'https://git.example.org/a' })).toBeNull();
  expect(address({ about: null, repo: 'https://git.example.org/a' })).toBeNull();
});

test('a run tells how many of its steps are behind it', () => {
  const steps = ['completed', 'skipped', 'running', 'queued', 'failed'].map((status) => ({ status }));
  const run = { pipeline: 'checks', steps } as unknown as Parameters<typeof countSteps>[0];
  expect(countSteps(run)).toEqual({ pipeline: 'checks', done: 3, all: 5 });
});
