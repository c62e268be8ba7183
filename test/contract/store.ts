/** What every store must do, whatever it keeps its rows in. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobError, type ErrorCode } from '../../src/job/error.ts';
import type { NewEvent } from '../../src/job/job.ts';
import type { Job } from '../../src/job/job.ts';
import { JOB_STATUSES, OUTCOMES, TRANSITIONS, type Outcome } from '../../src/job/status.ts';
import type { JobRequest } from '../../src/job/request.ts';
import type { UsageKey } from '../../src/job/model/usage.ts';
import type { JobResult } from '../../src/job/result.ts';
import { MAX_STEP_RESULT_BYTES, type Lease, type Store } from '../../src/store/store.ts';
import { sampleEvent, sampleJob, sampleRequest, T0 } from '../store/sample.ts';

/** A store under test. `reopen` closes it and opens another on the same rows, where rows last. */
export interface OpenStore {
  readonly store: Store;
  readonly reopen?: () => Promise<Store>;
  readonly close: () => Promise<void>;
}

/** What of a result is summed. */
type Spent = Pick<JobResult, 'total_cost' | 'total_tokens_in' | 'total_tokens_out' | 'turns'>;

const MINUTE = 60_000;
// Bytes 0, half surrogate pairs and separators: what agents print and people paste.
const NASTY =
  'NUL \u0000 · emoji 🙂 · half \ud800 · RTL \u202e · BOM \ufeff · LS \u2028 · \'"\\; DROP TABLE jobs; -- %s ${x}';
const MEGABYTE = 'ä'.repeat(512 * 1024);

/** `T0` plus so many milliseconds. */
function at(ms: number): Date {
  return new Date(T0.getTime() + ms);
}

/** Expects a `JobError` of one code and returns it. */
export async function rejected(promise: Promise<unknown>, code: ErrorCode): Promise<JobError> {
  const thrown = await promise.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof JobError))
    throw new Error(`a JobError ${code} was expected, not ${String(thrown)}`, { cause: thrown });
  expect({ code: thrown.code, message: thrown.message }).toMatchObject({ code });
  return thrown;
}

async function claimed(store: Store, jobId: string, owner = 'w1', now = T0): Promise<Lease> {
  const lease = await store.acquireLease(jobId, owner, MINUTE, now);
  if (lease === null) throw new Error(`${jobId} is held`);
  return lease;
}

/** Runs the contract against one store. */
export function testStore(name: string, open: () => Promise<OpenStore>): void {
  describe(`store contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });

    describe('jobs', () => {
      test('a job comes back as it was given, whatever its texts hold', async () => {
        const job = sampleJob('job-1', {
          request: sampleRequest({ task: NASTY + MEGABYTE, policy: { on_red: 'draft' }, user_id: '' }),
          question: NASTY,
        });
        await store.createJob(job);
        expect(await store.getJob('job-1')).toEqual(job);
        expect(await store.getJob('job-2')).toBeNull();
      });

      test('a second job with the same id is refused and changes nothing', async () => {
        await store.createJob(sampleJob('job-1'));
        const second = sampleJob('job-1', { request: sampleRequest({ task: 'other' }) });
        await rejected(store.createJob(second), 'conflict');
        expect((await store.getJob('job-1'))?.request.task).toBe('fix the typo');
      });

      test('one refused write takes none of its neighbours with it', async () => {
        const ids = ['a', 'a', 'b', 'b', 'c'];
        const ended = await Promise.allSettled(ids.map((id) => store.createJob(sampleJob(id))));
        expect(ended.map((e) => e.status)).toEqual([
          'fulfilled',
          'rejected',
          'fulfilled',
          'rejected',
          'fulfilled',
        ]);
        const listed = await store.listJobs({ limit: 10 });
        expect(listed.map((job) => job.job_id)).toEqual(['c', 'b', 'a']);
      });

      test('what is given or returned can be changed without changing what is stored', async () => {
        const request = { ...sampleRequest(), labels: ['x'] };
        const accepted = store.createJob(sampleJob('job-1', { request }));
        request.labels.push('y');
        request.task = 'changed';
        await accepted;
        const first = await store.getJob('job-1');
        expect(first?.request).toMatchObject({ task: 'fix the typo', labels: ['x'] });
        Object.assign(first?.request ?? {}, { task: 'changed' });
        expect((await store.getJob('job-1'))?.request.task).toBe('fix the typo');
      });

      test('a job whose outcome and status disagree is refused', async () => {
        await rejected(store.createJob(sampleJob('a', { outcome: 'proposed' })), 'illegal_transition');
        await rejected(store.createJob(sampleJob('a', { status: 'completed' })), 'illegal_transition');
        await rejected(store.createJob(sampleJob('a', { created_at: 'yesterday' })), 'bug');
        await rejected(store.createJob(sampleJob('')), 'bug');
        await rejected(store.createJob(sampleJob('half \ud800')), 'bug');
        expect(await store.listJobs({ limit: 1 })).toEqual([]);
      });
    });

    describe('changes of a job', () => {
      let lease: Lease;
      beforeEach(async () => {
        await store.createJob(sampleJob('job-1'));
        lease = await claimed(store, 'job-1');
      });

      test('a change keeps what it does not name', async () => {
        const started_at = at(1).toISOString();
        const changed = await store.updateJob(lease, { status: 'running', started_at });
        expect(changed).toEqual({
          ...sampleJob('job-1', { status: 'running', started_at }),
          updated_at: changed.updated_at,
        });
        expect(Date.parse(changed.updated_at)).toBeGreaterThan(0);
        expect(await store.getJob('job-1')).toEqual(changed);
        await store.updateJob(lease, { status: 'needs_input', question: NASTY });
        expect((await store.getJob('job-1'))?.question).toBe(NASTY);
        expect((await store.updateJob(lease, { status: 'running', question: null })).question).toBeNull();
      });

      test('the fixed part of a job stays, whatever a patch smuggles in', async () => {
        const smuggled = { attempt: 2, job_id: 'job-9', branch: 'main', nonsense: 1 };
        const changed = await store.updateJob(lease, smuggled);
        expect(changed).toEqual(sampleJob('job-1', { attempt: 2, updated_at: changed.updated_at }));
      });

      test('every outcome is stored with its own status, and refused with any other', async () => {
        for (const [outcome, { status }] of Object.entries(OUTCOMES)) {
          for (const other of JOB_STATUSES) {
            const id = `${outcome}-${other}`;
            await store.createJob(sampleJob(id));
            const held = await claimed(store, id);
            const change = store.updateJob(held, { status: other, outcome: outcome as Outcome });
            if (other === status) expect(await change).toMatchObject({ status, outcome });
            else await rejected(change, 'illegal_transition');
          }
        }
        await rejected(store.updateJob(lease, { status: 'completed' }), 'illegal_transition');
      });

      test('the token of a job is erased with its end, and not before', async () => {
        const { request } = sampleJob('with-token');
        await store.createJob(sampleJob('with-token', { request: { ...request, sealed_token: 'v1.abc' } }));
        const held = await claimed(store, 'with-token');
        await store.updateJob(held, { status: 'running' });
        expect((await store.getJob('with-token'))?.request.sealed_token).toBe('v1.abc');
        await store.updateJob(held, { status: 'failed', outcome: 'refused' });
        expect((await store.getJob('with-token'))?.request).toEqual({ ...request, sealed_token: null });
      });

      test('only legal changes of status happen; the same status again is none', async () => {
        for (const from of ['queued', 'running', 'needs_input', 'retrying'] as const) {
          for (const to of JOB_STATUSES) {
            const id = `${from}-${to}`;
            await store.createJob(sampleJob(id, { status: from }));
            const outcome =
              to === 'completed'
                ? 'proposed'
                : to === 'failed'
                  ? 'refused'
                  : to === 'cancelled'
                    ? 'cancelled'
                    : null;
            const change = store.updateJob(await claimed(store, id), { status: to, outcome });
            if (to === from || TRANSITIONS[from].includes(to)) expect((await change).status).toBe(to);
            else await rejected(change, 'illegal_transition');
            const now = (await store.getJob(id))?.status;
            expect(now).toBe(TRANSITIONS[from].includes(to) ? to : from);
          }
        }
      });

      test('what is terminal stays; the same ending again is no error', async () => {
        const ending = {
          status: 'failed',
          outcome: 'gate_failed',
          finished_at: at(5).toISOString(),
        } as const;
        await store.updateJob(lease, ending);
        expect(await store.updateJob(lease, ending)).toMatchObject(ending);
        const error = await rejected(
          store.updateJob(lease, { status: 'running', outcome: null }),
          'illegal_transition',
        );
        expect(error.message).toContain('failed');
        expect(error.message).toContain('running');
        await rejected(store.updateJob(lease, { outcome: 'gave_up' }), 'illegal_transition');
        expect(await store.getJob('job-1')).toMatchObject(ending);
      });
    });

    describe('a job that ended elsewhere', () => {
      const ended = (id: string): Job =>
        sampleJob(id, { status: 'failed', outcome: 'gave_up', finished_at: T0.toISOString() });
      const step = { key: 'build-1', tries: 3, procedure_version: 1, note: { x: 1 }, result: { ok: true } };

      test('is stored with its log and steps, found, counted, and never in the queue', async () => {
        const open = { key: 'save-1', tries: 1, procedure_version: 1, note: {}, result: null };
        await store.importJob(ended('job-1'), [sampleEvent('a'), sampleEvent('b')], [step, open]);
        expect(await store.getJob('job-1')).toEqual(ended('job-1'));
        expect((await store.readEvents('job-1', 0, 10)).map(({ seq, data }) => [seq, data])).toEqual([
          [1, sampleEvent('a').data],
          [2, sampleEvent('b').data],
        ]);
        expect(await store.readSteps('job-1')).toEqual([step, open]);
        expect(await store.listJobs({ search: 'typo', limit: 9 })).toHaveLength(1);
        expect(await store.readTallies()).toContainEqual(expect.objectContaining({ of: 'gave_up' }));
        expect(await store.countQueue()).toEqual({ ready: 0, held: 0, parked: 0, blocked: 0 });
      });

      test('is refused where its id is taken, or it has not ended', async () => {
        await store.createJob(sampleJob('job-1'));
        await rejected(store.importJob(ended('job-1'), [sampleEvent('a')], []), 'conflict');
        await rejected(store.importJob(sampleJob('job-2'), [], []), 'invalid_request');
        await rejected(store.importJob(ended('job-3'), [], [{ ...step, tries: 0 }]), 'bug');
        expect(await store.readEvents('job-1', 0, 10)).toEqual([]);
        expect(await store.listJobs({ limit: 9 })).toHaveLength(1);
      });
    });

    describe('searches', () => {
      const ids = async (search: string, more: { before?: string; limit?: number } = {}): Promise<string[]> =>
        (await store.listJobs({ search, limit: 10, ...more })).map((job) => job.job_id);

      test('find jobs by whole words of task, repository, branch and id, and by what words begin with', async () => {
        const add = (id: string, repo: string, task: string): Promise<unknown> =>
          store.createJob(sampleJob(id, { branch: `bot/${id}`, request: sampleRequest({ repo, task }) }));
        await add('job-0a1b', 'https://git.example.org/shop.git', 'Mend the rounding of Discounts');
        await add('job-2c3d', '/srv/bank', 'Round to cents: naïve prices, ROUNDING 価格');
        await add('job-4e5f', '/srv/shop', `${'x '.repeat(3000)}beyond what is read`);
        expect(await ids('rounding')).toEqual(['job-2c3d', 'job-0a1b']);
        expect(await ids('Discounts THE')).toEqual(['job-0a1b']);
        expect(await ids('round')).toEqual(['job-2c3d']);
        expect(await ids('disc*')).toEqual(['job-0a1b']);
        expect(await ids('shop')).toEqual(['job-4e5f', 'job-0a1b']);
        expect(await ids('https://git.example.org/shop.git')).toEqual(['job-0a1b']);
        expect(await ids('bot/job-2c3d')).toEqual(['job-2c3d']);
        expect(await ids('job-*')).toEqual(['job-4e5f', 'job-2c3d', 'job-0a1b']);
        expect(await ids('nai\u0308ve')).toEqual(['job-2c3d']);
        expect(await ids('価')).toEqual(['job-2c3d']);
        expect(await ids('rounding shop disc*')).toEqual(['job-0a1b']);
        expect(await ids('rounding beyond')).toEqual([]);
        expect(await ids('"rounding" OR (NOT bank) ; DROP')).toEqual([]);
        expect(await ids('job*', { limit: 1, before: 'job-4e5f' })).toEqual(['job-2c3d']);
        for (const search of ['', ' - ', 'di*', 'x '.repeat(17), 'x'.repeat(201)])
          await rejected(ids(search), 'invalid_request');
      });

      test('find a job by its pull request, once it is there', async () => {
        await store.createJob(sampleJob('job-1'));
        const lease = await claimed(store, 'job-1');
        const result = { pr_url: 'https://forge.example.org/shop/pull/4711' } as JobResult;
        expect(await ids('4711')).toEqual([]);
        await store.updateJob(lease, { status: 'completed', outcome: 'pr_opened', result });
        expect(await ids('https://forge.example.org/shop/pull/4711')).toEqual(['job-1']);
        expect(await ids('typo 4711')).toEqual(['job-1']);
      });
    });

    describe('lists', () => {
      test('newest first; among equal times, the one accepted last', async () => {
        const times = [3, 1, 2, 2, 0, 3];
        for (const [i, ms] of times.entries()) {
          await store.createJob(sampleJob(`job-${i}`, { created_at: at(ms).toISOString() }));
        }
        const ids = (await store.listJobs({ limit: 10 })).map((job) => job.job_id);
        expect(ids).toEqual(['job-5', 'job-0', 'job-3', 'job-2', 'job-1', 'job-4']);
      });

      test('times are compared as times, however they are written', async () => {
        await store.createJob(sampleJob('half', { created_at: '2026-11-20T10:00:00.500Z' }));
        await store.createJob(sampleJob('full', { created_at: '2026-11-20T10:00:00Z' }));
        await store.createJob(sampleJob('zone', { created_at: '2026-11-20T12:00:00.250+02:00' }));
        const jobs = await store.listJobs({ limit: 10 });
        expect(jobs.map((job) => job.job_id)).toEqual(['half', 'zone', 'full']);
        expect(jobs[1]?.created_at).toBe('2026-11-20T12:00:00.250+02:00');
      });

      test('pages by cursor reach every job once, by any filter', async () => {
        for (let i = 0; i < 23; i++) {
          await store.createJob(
            sampleJob(`job-${i}`, {
              created_at: at(Math.floor(i / 4)).toISOString(),
              status: i % 3 === 0 ? 'running' : 'queued',
              request: sampleRequest({ repo: i % 2 === 0 ? '/srv/a' : '/srv/b' }),
            }),
          );
        }
        const all = await store.listJobs({ limit: 100 });
        expect(all).toHaveLength(23);
        for (const filter of [
          {},
          { status: 'running' },
          { repo: '/srv/a' },
          { status: 'queued', repo: '/srv/b' },
        ] as const) {
          const expected = all.filter(
            (job) =>
              (!('status' in filter) || job.status === filter.status) &&
              (!('repo' in filter) || job.request.repo === filter.repo),
          );
          const seen: Job[] = [];
          for (let page = 0; page < 30; page++) {
            const last = seen.at(-1);
            const rows = await store.listJobs({ ...filter, limit: 2, ...(last && { before: last.job_id }) });
            seen.push(...rows);
            if (rows.length < 2) break;
          }
          expect(seen).toEqual(expected);
        }
      });

      test('jobs are narrowed by who edits, by when they were created, and by whether they are steps of runs', async () => {
        const step = { run: 'job-1', pipeline: 'p', name: 'lint' } as NonNullable<JobRequest['step']>;
        const add = (id: string, ms: number, request: Partial<JobRequest>): Promise<unknown> =>
          store.createJob(
            sampleJob(id, { created_at: at(ms).toISOString(), request: sampleRequest(request) }),
          );
        await add('job-1', 0, {});
        await add('job-2', 1, { step });
        await add('job-3', 2, { agent: 'simulated' });
        await add('job-4', 3, { agent: 'simulated', step });
        const ids = async (filter: Partial<Parameters<Store['listJobs']>[0]>): Promise<string> =>
          (await store.listJobs({ limit: 9, ...filter })).map(({ job_id: id }) => id.slice(4)).join('');
        expect(await ids({ agent: 'simulated' })).toBe('43');
        expect(await ids({ agent: 'nobody' })).toBe('');
        expect(await ids({ isStep: false })).toBe('31');
        expect(await ids({ isStep: true, agent: 'simulated' })).toBe('4');
        expect(await ids({ isStep: false, before: 'job-3' })).toBe('1');
        expect(await ids({ since: at(1).toISOString(), until: at(3).toISOString() })).toBe('32');
        expect(await ids({ since: at(2).toISOString(), search: 'typo', isStep: false })).toBe('3');
        await rejected(store.listJobs({ since: 'yesterday', limit: 1 }), 'invalid_request');
      });

      test('what changed is told by numbers that grow, each job once, by its last change', async () => {
        expect(await store.listChanges(null, 9)).toEqual({ changes: [], last: 0 });
        for (const id of ['job-1', 'job-2', 'job-3']) await store.createJob(sampleJob(id));
        const told = async (after: number, limit = 9): Promise<string> =>
          (await store.listChanges(after, limit)).changes
            .map(({ change, job }) => `${change}:${job.job_id.slice(4)}:${job.status}`)
            .join(' ');
        expect(await told(0)).toBe('1:1:queued 2:2:queued 3:3:queued');
        const lease = await claimed(store, 'job-1');
        await store.appendEvents('job-1', [sampleEvent('no change of a job')]);
        expect(await told(3)).toBe('');
        await store.updateJob(lease, { status: 'running' });
        await rejected(store.updateJob(lease, { status: 'queued' }), 'illegal_transition');
        expect(await told(0)).toBe('2:2:queued 3:3:queued 4:1:running');
        expect(await told(2, 1)).toBe('3:3:queued');
        expect(await told(3)).toBe('4:1:running');
        await store.importJob(
          sampleJob('job-4', {
            status: 'cancelled',
            outcome: 'cancelled',
            created_at: at(-MINUTE).toISOString(),
          }),
          [],
          [],
        );
        expect(await told(4)).toBe('5:4:cancelled');
        expect(await store.listChanges(null, 1)).toEqual({ changes: [], last: 5 });
        expect(await store.listChanges(99, 1)).toEqual({ changes: [], last: 5 });
        await rejected(store.listChanges(0, 0), 'invalid_request');
        const again = await opened.reopen?.();
        if (again === undefined) return;
        expect((await again.listChanges(4, 9)).changes).toHaveLength(1);
        await again.close();
      });

      test('usage is summed by day, repository, agent and model, and what nobody knows is no number', async () => {
        expect(await store.sumUsage({ by: 'day', since: null, limit: 10 })).toEqual([]);
        expect(await store.sumUsage({ by: null, since: null, limit: 10 })).toEqual([]);
        const day = 24 * 60 * MINUTE;
        const add = async (id: string, days: number, request: Partial<JobRequest>, spent: Spent | null) => {
          const result = spent === null ? null : ({ ...spent, summary: NASTY } as unknown as JobResult);
          await store.createJob(
            sampleJob(id, {
              created_at: at(days * day).toISOString(),
              request: sampleRequest(request),
              result,
            }),
          );
        };
        const opus = { agent: 'claude', model: 'anthropic/opus' };
        await add('a', 0, opus, { total_cost: 0.1, total_tokens_in: 100, total_tokens_out: 10, turns: 2 });
        await add('b', 0, opus, { total_cost: 0.2, total_tokens_in: 50, total_tokens_out: 5, turns: 1 });
        await add('c', 1, opus, { total_cost: null, total_tokens_in: 7, total_tokens_out: 1, turns: 1 });
        await add(
          'd',
          1,
          { repo: '/srv/b' },
          { total_cost: null, total_tokens_in: null, total_tokens_out: null, turns: 3 },
        );
        await add('e', 1, opus, null);
        await add(
          'f',
          2,
          { agent: 'x' },
          { total_cost: 0, total_tokens_in: 0, total_tokens_out: 0, turns: 1 },
        );
        const none = { jobs: 1, running: 0, unpriced: 0, uncounted: 0 };
        expect(await store.sumUsage({ by: 'day', since: null, limit: 10 })).toEqual([
          { ...none, key: '2026-11-22', cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 1 },
          {
            key: '2026-11-21',
            jobs: 3,
            running: 1,
            unpriced: 2,
            cost_usd: null,
            uncounted: 1,
            tokens_in: 7,
            tokens_out: 1,
            turns: 4,
          },
          { ...none, key: '2026-11-20', jobs: 2, cost_usd: 0.3, tokens_in: 150, tokens_out: 15, turns: 3 },
        ]);
        const keys = async (by: UsageKey) =>
          (await store.sumUsage({ by, since: null, limit: 10 })).map(({ key, jobs, cost_usd: cost }) => [
            key,
            jobs,
            cost,
          ]);
        expect(await keys('agent')).toEqual([
          ['claude', 4, 0.3],
          ['x', 1, 0],
          ['patch', 1, null],
        ]);
        expect(await keys('model')).toEqual([
          ['anthropic/opus', 4, 0.3],
          [null, 2, 0],
        ]);
        expect(await keys('repo')).toEqual([
          ['/srv/repo', 5, 0.3],
          ['/srv/b', 1, null],
        ]);
        expect(await store.sumUsage({ by: 'repo', since: null, limit: 1 })).toHaveLength(1);
        const since = at(day).toISOString();
        expect(await store.sumUsage({ by: null, since, limit: 1 })).toEqual([
          {
            key: null,
            jobs: 4,
            running: 1,
            unpriced: 2,
            cost_usd: 0,
            uncounted: 1,
            tokens_in: 7,
            tokens_out: 1,
            turns: 5,
          },
        ]);
        const running = { mode: 'change', outcome: null };
        expect(await store.listCosts('/srv/repo', 2)).toEqual([
          { ...running, agent: 'x', model: null, cost_usd: 0 },
          { ...running, ...opus, cost_usd: null },
        ]);
        expect(await store.listCosts('/srv/b', 9)).toHaveLength(1);
        await rejected(store.listCosts('/srv/b', 0), 'invalid_request');
        await rejected(store.sumUsage({ by: null, since: 'yesterday', limit: 1 }), 'bug');
        await rejected(store.sumUsage({ by: null, since: null, limit: 0 }), 'invalid_request');
      });

      test('usage counts a job once it has ended', async () => {
        await store.createJob(sampleJob('job-1', { status: 'running' }));
        const lease = await claimed(store, 'job-1');
        const result = {
          total_cost: 1.5,
          total_tokens_in: 3,
          total_tokens_out: 4,
          turns: 2,
        } as unknown as JobResult;
        await store.updateJob(lease, { status: 'completed', outcome: 'proposed', result });
        expect(await store.sumUsage({ by: null, since: null, limit: 1 })).toMatchObject([
          { running: 0, cost_usd: 1.5, tokens_in: 3, tokens_out: 4, turns: 2 },
        ]);
      });

      test('limits that are no limits are refused', async () => {
        await store.createJob(sampleJob('job-1'));
        for (const limit of [0, -1, 1.5, Number.NaN, Infinity, 10_001]) {
          await rejected(store.listJobs({ limit }), 'invalid_request');
          await rejected(store.readEvents('job-1', 0, limit), 'invalid_request');
        }
      });
    });

    describe('leases', () => {
      beforeEach(async () => {
        await store.createJob(sampleJob('job-1'));
      });

      test('one holder at a time; an expired lease is taken over', async () => {
        expect(await store.getLease('job-1')).toBeNull();
        const first = await store.acquireLease('job-1', 'w1', 1000, T0);
        expect(first).toEqual({ job_id: 'job-1', owner: 'w1', token: 1, expires_at: at(1000).toISOString() });
        expect(await store.getLease('job-1')).toEqual(first);
        expect(await store.acquireLease('job-1', 'w2', 1000, at(999))).toBeNull();
        expect(await store.acquireLease('job-1', 'w1', 1000, at(999))).toBeNull();
        expect(await store.getLease('job-1')).toEqual(first);
        const second = await store.acquireLease('job-1', 'w2', 1000, at(1001));
        expect(second).toMatchObject({ owner: 'w2', token: 2 });
        expect(await store.getLease('job-1')).toEqual(second);
      });

      test('of many that claim at once, one wins', async () => {
        const claims = await Promise.all(
          Array.from({ length: 20 }, (_, i) => store.acquireLease('job-1', `w${i}`, 1000, T0)),
        );
        expect(claims.filter((lease) => lease !== null)).toHaveLength(1);
      });

      test('the old holder is fenced off everywhere once another has claimed', async () => {
        const old = await claimed(store, 'job-1', 'w1');
        await store.beginStep(old, 'build#1', 1);
        await store.addMessage('job-1', 'hello', T0.toISOString());
        const fresh = await claimed(store, 'job-1', 'w2', at(MINUTE + 1));
        const before = await store.readSteps('job-1');
        for (const write of [
          () => store.updateJob(old, { status: 'running' }),
          () => store.renewLease(old, MINUTE, at(MINUTE + 2)),
          () => store.beginStep(old, 'build#1', 1),
          () => store.beginStep(old, 'build#2', 1),
          () => store.noteStep(old, 'build#1', { ref: 'x' }, 'full'),
          () => store.finishStep(old, 'build#1', { ok: true }, 'normal'),
          () => store.clearSteps(old),
          () => store.takeMessage(old, 'message#1'),
        ]) {
          const error = await rejected(write(), 'conflict');
          expect(error.hint).not.toBeNull();
        }
        // Giving back what is lost takes nothing from the new holder.
        await store.releaseLease(old);
        expect(await store.getLease('job-1')).toEqual(fresh);
        expect(await store.getJob('job-1')).toEqual(sampleJob('job-1'));
        expect(await store.readSteps('job-1')).toEqual(before);
        expect(await store.takeMessage(fresh, 'message#1')).toBe('hello');
      });

      test('a released job can be claimed at once; tokens only grow', async () => {
        const first = await claimed(store, 'job-1', 'w1');
        await store.releaseLease(first);
        await store.releaseLease(first);
        expect(await store.getLease('job-1')).toBeNull();
        await rejected(store.updateJob(first, { attempt: 2 }), 'conflict');
        await rejected(store.renewLease(first, MINUTE, T0), 'conflict');
        expect(await claimed(store, 'job-1', 'w1')).toMatchObject({ token: 2 });
        await rejected(store.updateJob(first, { attempt: 2 }), 'conflict');
      });

      test('a renewal extends from now, also after expiry while nobody else came', async () => {
        const first = await claimed(store, 'job-1', 'w1');
        const renewed = await store.renewLease(first, 5000, at(2 * MINUTE));
        expect(renewed).toEqual({ ...first, expires_at: at(2 * MINUTE + 5000).toISOString() });
        expect(await store.getLease('job-1')).toEqual(renewed);
        expect(await store.acquireLease('job-1', 'w2', 1, at(2 * MINUTE + 4999))).toBeNull();
        // The token is what counts: the lease from before the renewal still writes.
        expect(await store.updateJob(first, { attempt: 3 })).toMatchObject({ attempt: 3 });
      });

      test('lengths that are no lengths are refused', async () => {
        for (const ms of [0, -1, Number.NaN, 0.5])
          await rejected(store.acquireLease('job-1', 'w', ms, T0), 'bug');
        await rejected(store.acquireLease('job-1', 'w', 1, new Date(Number.NaN)), 'bug');
        await rejected(store.acquireLease('job-1', '', 1, T0), 'bug');
        expect(await store.getLease('job-1')).toBeNull();
      });
    });

    describe('events', () => {
      beforeEach(async () => {
        await store.createJob(sampleJob('job-1'));
      });

      test('events are numbered from 1 without gaps, for each job', async () => {
        await store.createJob(sampleJob('job-2'));
        expect(await store.readEvents('job-1', 0, 10)).toEqual([]);
        const first = await store.appendEvents('job-1', [sampleEvent('a'), sampleEvent('b')]);
        const other = await store.appendEvents('job-2', [sampleEvent('x')], 'full');
        const second = await store.appendEvents('job-1', [sampleEvent('c')]);
        expect(first.map((event) => event.seq)).toEqual([1, 2]);
        expect(other).toEqual([{ ...sampleEvent('x'), seq: 1, job_id: 'job-2' }]);
        expect(await store.appendEvents('job-1', [])).toEqual([]);
        expect(await store.readEvents('job-1', 0, 10)).toEqual([...first, ...second]);
        expect(await store.readEvents('job-2', 0, 10)).toEqual(other);
      });

      test('appended all at once, from many callers, the log has no gap and keeps each caller in order', async () => {
        const callers = Array.from({ length: 40 }, async (_, caller) => {
          for (let i = 0; i < 10; i++) {
            const durability = (caller + i) % 7 === 0 ? 'full' : 'normal';
            const events = [sampleEvent(`${caller}:${i}a`), sampleEvent(`${caller}:${i}b`)];
            const stored = await store.appendEvents('job-1', events, durability);
            expect((stored[1]?.seq ?? 0) - (stored[0]?.seq ?? 0)).toBe(1);
          }
        });
        await Promise.all(callers);
        const log = await store.readEvents('job-1', 0, 1000);
        expect(log.map((event) => event.seq)).toEqual(Array.from({ length: 800 }, (_, i) => i + 1));
        for (let caller = 0; caller < 40; caller++) {
          const mine = log
            .map((event) => String(event.data['text']))
            .filter((text) => text.startsWith(`${caller}:`));
          expect(mine).toEqual([...Array(10).keys()].flatMap((i) => [`${caller}:${i}a`, `${caller}:${i}b`]));
        }
      });

      test('writes happen in the order of the calls, whatever their durability', async () => {
        const stored = await Promise.all(
          Array.from({ length: 50 }, (_, i) =>
            store.appendEvents('job-1', [sampleEvent(String(i))], i % 2 === 0 ? 'normal' : 'full'),
          ),
        );
        expect(stored.flat().map((event) => event.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      });

      test('pages go on after a cursor', async () => {
        await store.appendEvents(
          'job-1',
          Array.from({ length: 25 }, (_, i) => sampleEvent(String(i))),
        );
        const seqs = async (after: number, limit: number): Promise<number[]> =>
          (await store.readEvents('job-1', after, limit)).map((event) => event.seq);
        expect(await seqs(0, 3)).toEqual([1, 2, 3]);
        expect(await seqs(3, 3)).toEqual([4, 5, 6]);
        expect(await seqs(23, 10)).toEqual([24, 25]);
        expect(await seqs(25, 10)).toEqual([]);
        expect(await seqs(1000, 10)).toEqual([]);
        await rejected(seqs(-1, 10), 'bug');
      });

      test('data comes back as it was given at the call', async () => {
        const data = {
          text: NASTY,
          big: MEGABYTE,
          deep: [{ a: [null, 1.5, -0.1, true, ''] }],
          '': 1,
          ['__proto__']: { x: 1 },
        };
        const event: NewEvent = { ...sampleEvent(''), data, phase: null, type: 'tool_call', attempt: 3 };
        const appended = store.appendEvents('job-1', [event]);
        const kept = structuredClone(data);
        data.text = 'changed';
        const [stored] = await appended;
        expect(stored?.data).toEqual(kept);
        expect(await store.readEvents('job-1', 0, 1)).toEqual([stored]);
        expect(stored).toMatchObject({ phase: null, type: 'tool_call', attempt: 3, seq: 1 });
      });

      test('data that is no JSON is refused, and nothing of its call is stored', async () => {
        const loop: Record<string, unknown> = {};
        loop['self'] = loop;
        for (const data of [loop, { big: 1n }]) {
          await rejected(
            store.appendEvents('job-1', [sampleEvent('fine'), { ...sampleEvent(''), data }]),
            'bug',
          );
        }
        const huge = { ...sampleEvent(''), data: { text: 'x'.repeat(16 * 1024 * 1024) } };
        expect((await rejected(store.appendEvents('job-1', [huge]), 'bug')).hint).not.toBeNull();
        expect(await store.readEvents('job-1', 0, 10)).toEqual([]);
      });
    });

    describe('trimming', () => {
      test('forgets the logs of jobs that ended long ago, oldest first, and of no other', async () => {
        for (const [index, id] of ['job-1', 'job-2', 'job-3', 'job-4'].entries()) {
          await store.createJob(sampleJob(id, { created_at: at(index).toISOString() }));
          await store.appendEvents(id, [sampleEvent('a')]);
          await store.addMessage(id, 'hello', at(0).toISOString());
          if (id === 'job-4') continue;
          const lease = await claimed(store, id);
          await store.beginStep(lease, 'build-1', 1);
          const finished = at(index * MINUTE).toISOString();
          await store.updateJob(lease, { status: 'running' });
          await store.updateJob(lease, { status: 'failed', outcome: 'gate_failed', finished_at: finished });
        }
        const before = at(2 * MINUTE).toISOString();
        expect(await store.trimJobs(before, 1, true)).toEqual(['job-1']);
        expect(await store.readEvents('job-1', 0, 10)).toHaveLength(1);
        expect(await store.trimJobs(before, 1, false)).toEqual(['job-1']);
        expect(await store.trimJobs(before, 10, false)).toEqual(['job-2']);
        expect(await store.trimJobs(before, 10, false)).toEqual([]);
        expect(await store.readEvents('job-2', 0, 10)).toEqual([]);
        expect(await store.readSteps('job-2')).toEqual([]);
        expect(await store.getJob('job-2')).toMatchObject({ outcome: 'gate_failed' });
        for (const kept of ['job-3', 'job-4']) expect(await store.readEvents(kept, 0, 10)).toHaveLength(1);
        await rejected(store.trimJobs(before, 0, false), 'invalid_request');
      });
    });

    describe('steps', () => {
      let lease: Lease;
      beforeEach(async () => {
        await store.createJob(sampleJob('job-1'));
        lease = await claimed(store, 'job-1');
      });

      test('tries are counted until there is a result, which stays', async () => {
        expect(await store.beginStep(lease, 'build#1', 1)).toEqual({
          key: 'build#1',
          tries: 1,
          procedure_version: 1,
          note: {},
          result: null,
        });
        await store.noteStep(lease, 'build#1', { ref: 'refs/x', n: 1 }, 'full');
        await store.noteStep(lease, 'build#1', { n: 2, text: NASTY }, 'normal');
        const again = await store.beginStep(lease, 'build#1', 2);
        expect(again).toEqual({
          key: 'build#1',
          tries: 2,
          procedure_version: 2,
          note: { ref: 'refs/x', n: 2, text: NASTY },
          result: null,
        });
        const result = { ok: true, text: NASTY };
        await store.finishStep(lease, 'build#1', result, 'full');
        const replayed = await store.beginStep(lease, 'build#1', 3);
        expect(replayed).toEqual({ ...again, result });
        expect(await store.readSteps('job-1')).toEqual([replayed]);
      });

      test('steps are read in the order in which they first began', async () => {
        for (const key of ['prepare#1', 'verify#1', 'build#1']) await store.beginStep(lease, key, 1);
        await store.finishStep(lease, 'verify#1', { ok: true }, 'normal');
        await store.beginStep(lease, 'prepare#1', 1);
        const keys = (await store.readSteps('job-1')).map((step) => step.key);
        expect(keys).toEqual(['prepare#1', 'verify#1', 'build#1']);
      });

      test('a result is at most 64 KiB, in bytes', async () => {
        await store.beginStep(lease, 'a', 1);
        const fits = 'x'.repeat(MAX_STEP_RESULT_BYTES - 2);
        await rejected(store.finishStep(lease, 'a', `${fits}x`, 'normal'), 'bug');
        await rejected(store.finishStep(lease, 'a', 'ä'.repeat(MAX_STEP_RESULT_BYTES / 2), 'normal'), 'bug');
        await rejected(store.noteStep(lease, 'a', { fits }, 'normal'), 'bug');
        expect(await store.readSteps('job-1')).toMatchObject([{ result: null, note: {} }]);
        await store.finishStep(lease, 'a', fits, 'normal');
        expect(await store.readSteps('job-1')).toMatchObject([{ result: fits }]);
      });

      test('an ending may be repeated but not changed, and null is none', async () => {
        await store.beginStep(lease, 'a', 1);
        await rejected(store.finishStep(lease, 'a', null, 'normal'), 'bug');
        await rejected(store.finishStep(lease, 'a', undefined, 'normal'), 'bug');
        await store.finishStep(lease, 'a', { ok: false }, 'normal');
        await store.finishStep(lease, 'a', { ok: false }, 'normal');
        await rejected(store.finishStep(lease, 'a', { ok: true }, 'normal'), 'bug');
        await rejected(store.noteStep(lease, 'a', { n: 1 }, 'normal'), 'bug');
        expect(await store.readSteps('job-1')).toMatchObject([{ result: { ok: false }, note: {} }]);
      });

      test('cleared steps are gone, and those of other jobs are not', async () => {
        await store.createJob(sampleJob('job-2'));
        await store.beginStep(await claimed(store, 'job-2'), 'a', 1);
        await store.beginStep(lease, 'a', 1);
        await store.finishStep(lease, 'a', 1, 'normal');
        await store.clearSteps(lease);
        expect(await store.readSteps('job-1')).toEqual([]);
        expect(await store.readSteps('job-2')).toHaveLength(1);
        expect(await store.beginStep(lease, 'a', 2)).toMatchObject({
          tries: 1,
          result: null,
          procedure_version: 2,
        });
      });
    });

    describe('messages', () => {
      let lease: Lease;
      beforeEach(async () => {
        await store.createJob(sampleJob('job-1'));
        lease = await claimed(store, 'job-1');
      });

      test('messages are taken once, oldest first, whatever they hold', async () => {
        await store.createJob(sampleJob('job-2'));
        const texts = ['one', NASTY, '', MEGABYTE];
        for (const [i, text] of texts.entries()) await store.addMessage('job-1', text, at(-i).toISOString());
        await store.addMessage('job-2', 'other', T0.toISOString());
        for (const [i, text] of texts.entries())
          expect(await store.takeMessage(lease, `message#${i}`)).toBe(text);
        expect(await store.takeMessage(lease, 'message#9')).toBeNull();
        expect(await store.takeMessage(await claimed(store, 'job-2'), 'message#0')).toBe('other');
      });

      test('the step that took a message gets it again, under any later lease, and another step does not', async () => {
        expect(await store.takeMessage(lease, 'message#1')).toBeNull();
        await store.addMessage('job-1', 'first', T0.toISOString());
        await store.addMessage('job-1', 'second', T0.toISOString());
        expect(await store.takeMessage(lease, 'message#1')).toBe('first');
        expect(await store.takeMessage(lease, 'message#1')).toBe('first');
        const later = await claimed(store, 'job-1', 'w2', at(MINUTE + 1));
        expect(await store.takeMessage(later, 'message#1')).toBe('first');
        expect(await store.takeMessage(later, 'message#2')).toBe('second');
        expect(await store.takeMessage(later, 'message#3')).toBeNull();
        await rejected(store.takeMessage(later, ''), 'bug');
      });

      test('taken all at once, each message goes to one taker', async () => {
        await Promise.all(
          [...Array(20).keys()].map((i) => store.addMessage('job-1', String(i), T0.toISOString())),
        );
        const taken = await Promise.all(
          [...Array(25).keys()].map((i) => store.takeMessage(lease, `message#${i}`)),
        );
        expect(taken).toEqual([...[...Array(20).keys()].map(String), ...Array<null>(5).fill(null)]);
      });

      test('at most 1,000 wait', async () => {
        await Promise.all(
          [...Array(1000).keys()].map((i) => store.addMessage('job-1', String(i), T0.toISOString())),
        );
        await rejected(store.addMessage('job-1', 'more', T0.toISOString()), 'invalid_request');
        expect(await store.takeMessage(lease, 'message#1')).toBe('0');
        await store.addMessage('job-1', 'more', T0.toISOString());
      });
    });

    describe('baselines', () => {
      test('a baseline is what was put last', async () => {
        expect(await store.getBaseline('k')).toBeNull();
        await store.putBaseline('k', { a: [1, NASTY] });
        expect(await store.getBaseline('k')).toEqual({ a: [1, NASTY] });
        await store.putBaseline('k', MEGABYTE);
        await store.putBaseline('K', 2);
        expect(await store.getBaseline('k')).toBe(MEGABYTE);
        expect(await store.getBaseline('K')).toBe(2);
        await rejected(store.putBaseline('', 1), 'bug');
        await rejected(store.putBaseline('u', undefined), 'bug');
      });

      test('the oldest are forgotten after a thousand later ones', async () => {
        await Promise.all([...Array(1002).keys()].map((i) => store.putBaseline(`k${i}`, i)));
        expect(await store.getBaseline('k0')).toBeNull();
        expect(await store.getBaseline('k1')).toBeNull();
        expect(await store.getBaseline('k2')).toBe(2);
        expect(await store.getBaseline('k1001')).toBe(1001);
      });
    });

    test('what does not exist is not_found everywhere', async () => {
      await store.createJob(sampleJob('job-1'));
      const ghost: Lease = { job_id: 'ghost', owner: 'w', token: 1, expires_at: at(MINUTE).toISOString() };
      const lease = await claimed(store, 'job-1');
      for (const call of [
        () => store.listJobs({ before: 'ghost', limit: 1 }),
        () => store.updateJob(ghost, { attempt: 1 }),
        () => store.acquireLease('ghost', 'w', 1, T0),
        () => store.getLease('ghost'),
        () => store.renewLease(ghost, 1, T0),
        () => store.releaseLease(ghost),
        () => store.appendEvents('ghost', [sampleEvent('a')]),
        () => store.appendEvents('ghost', []),
        () => store.readEvents('ghost', 0, 1),
        () => store.beginStep(ghost, 'a', 1),
        () => store.noteStep(ghost, 'a', {}, 'normal'),
        () => store.finishStep(ghost, 'a', 1, 'normal'),
        () => store.readSteps('ghost'),
        () => store.clearSteps(ghost),
        () => store.addMessage('ghost', 'a', T0.toISOString()),
        () => store.takeMessage(ghost, 'message#1'),
        () => store.noteStep(lease, 'never begun', {}, 'normal'),
        () => store.finishStep(lease, 'never begun', 1, 'normal'),
      ]) {
        const error = await rejected(call(), 'not_found');
        expect(error.message).toMatch(/ghost|never begun/);
      }
    });

    test('names that look like SQL, patterns or prototypes are only names', async () => {
      for (const id of [
        "x'; DROP TABLE jobs; --",
        '%',
        '_',
        '__proto__',
        'constructor',
        'a\u0000b',
        'a\u0000c',
        'Ä',
        'ä',
      ]) {
        expect(await store.getJob(id)).toBeNull();
        await store.createJob(sampleJob(id, { request: sampleRequest({ repo: id }) }));
        const lease = await claimed(store, id, id);
        await store.beginStep(lease, id, 1);
        await store.putBaseline(id, id);
        expect((await store.getJob(id))?.job_id).toBe(id);
        expect((await store.getLease(id))?.owner).toBe(id);
        expect(await store.readSteps(id)).toMatchObject([{ key: id }]);
        expect(await store.getBaseline(id)).toBe(id);
        expect(await store.listJobs({ repo: id, limit: 10 })).toHaveLength(1);
      }
    });

    test('a closed store has written what was asked before, refuses the rest, and can be closed again', async () => {
      const asked = [store.createJob(sampleJob('job-1')), store.appendEvents('job-1', [sampleEvent('a')])];
      await store.close();
      await store.close();
      await Promise.all(asked);
      await rejected(store.createJob(sampleJob('job-2')), 'infra_failed');
      await rejected(store.getJob('job-1'), 'infra_failed');
      await rejected(store.readEvents('job-1', 0, 1), 'infra_failed');
      if (opened.reopen !== undefined) {
        const again = await opened.reopen();
        expect(await again.readEvents('job-1', 0, 10)).toHaveLength(1);
      }
    });

    test('everything survives a reopening, where rows last', async (context) => {
      if (opened.reopen === undefined) {
        context.skip('this store lives as long as its process');
        return;
      }
      await store.createJob(sampleJob('job-1', { request: sampleRequest({ task: NASTY }) }));
      await store.createJob(sampleJob('job-2'));
      const lease = await claimed(store, 'job-1');
      await store.updateJob(lease, { status: 'running' });
      await store.appendEvents('job-1', [sampleEvent(NASTY), sampleEvent('b')]);
      await store.beginStep(lease, 'a', 1);
      await store.noteStep(lease, 'a', { n: 1 }, 'full');
      await store.beginStep(lease, 'b', 1);
      await store.finishStep(lease, 'b', { ok: true }, 'normal');
      await store.addMessage('job-1', 'taken', T0.toISOString());
      await store.addMessage('job-1', 'waiting', T0.toISOString());
      await store.takeMessage(lease, 'message#1');
      await store.putBaseline('k', [1]);
      const look = async (from: Store): Promise<unknown> => [
        await from.listJobs({ limit: 10 }),
        await from.getLease('job-1'),
        await from.readEvents('job-1', 0, 10),
        await from.readSteps('job-1'),
        await from.getBaseline('k'),
      ];
      const before = await look(store);
      const again = await opened.reopen();
      expect(await look(again)).toEqual(before);
      expect(await again.takeMessage(lease, 'message#1')).toBe('taken');
      expect(await again.takeMessage(lease, 'message#2')).toBe('waiting');
      const [event] = await again.appendEvents('job-1', [sampleEvent('c')]);
      expect(event?.seq).toBe(3);
    });
  });
}
