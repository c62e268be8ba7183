/** What every store must keep of pipelines: definitions, decisions that wake a run once, runs and their steps. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import type { Pipeline, StoredPipeline } from '../../src/job/pipeline/definition.ts';
import type { ApprovalDecision } from '../../src/job/pipeline/run.ts';
import type { JobRequest } from '../../src/job/request.ts';
import type { JobResult } from '../../src/job/result.ts';
import type { JobFilter, Lease, Store } from '../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../store/sample.ts';
import { rejected, type OpenStore } from './store.ts';

const MINUTE = 60_000;

/** A definition without any step, which a store does not look into. */
function definition(name: string): Pipeline {
  const none = { repo_url: null, base: null, agent: null, model: null, policy: {}, budget: {} };
  return { name, ...none, resolve: 'fail', draft: false, labels: [], reviewers: [], steps: [] };
}

/** A pipeline as it is kept. */
export function samplePipeline(id: string, name: string, over: Partial<StoredPipeline> = {}): StoredPipeline {
  const time = T0.toISOString();
  return {
    pipeline_id: id,
    definition: definition(name),
    created_at: time,
    updated_at: time,
    created_by: null,
    ...over,
  };
}

/** A run's job. */
export function sampleRun(id: string, pipelineId: string | null = null, over: Partial<JobRequest> = {}): Job {
  const pipeline = { pipeline_id: pipelineId, definition: definition('nightly'), retries: null };
  return sampleJob(id, { request: sampleRequest({ pipeline, ...over }) });
}

/** The job of a step of a run. */
export function sampleStep(id: string, run: string, over: Partial<JobRequest> = {}): Job {
  const none = {
    kind: 'step',
    base: 'main',
    base_sha: 'a'.repeat(40),
    origin_sha: 'a'.repeat(40),
    conflicts: [],
    start: null,
    outputs: null,
  } as const;
  const step = { run, pipeline: 'nightly', name: id, ...none };
  return sampleJob(id, { request: sampleRequest({ step, ...over }) });
}

/** What somebody said. */
export function sampleDecision(approved: boolean, by = 'ann'): ApprovalDecision {
  return { approved, by, comment: null, time: T0.toISOString() };
}

/** Runs the contract against one store. */
export function testPipelines(name: string, open: () => Promise<OpenStore>): void {
  describe(`pipelines contract: ${name}`, () => {
    let opened: OpenStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(async () => {
      await opened.close();
    });
    const claim = async (perRepo: number | null = null): Promise<Lease | null> =>
      (await store.claimNext({ owner: 'w', leaseMs: MINUTE, now: T0, perRepo }))?.lease ?? null;
    const claimId = async (perRepo: number | null = null): Promise<string | null> =>
      (await claim(perRepo))?.job_id ?? null;
    const ids = async (filter: Omit<JobFilter, 'limit'>): Promise<string> =>
      (await store.listJobs({ limit: 99, ...filter })).map((job) => job.job_id).join(' ');
    /** Takes a run up, as whoever goes on with it does. */
    const takeUp = async (): Promise<Lease> => {
      const lease = await claim();
      if (lease === null) throw new Error('nothing is ready');
      await store.updateJob(lease, { status: 'running' });
      return lease;
    };
    const park = async (lease: Lease): Promise<void> => {
      await store.updateJob(lease, { status: 'needs_input' });
      await store.releaseLease(lease);
    };
    const ready = async (): Promise<number> => (await store.countQueue()).ready;

    describe('definitions', () => {
      const by = (id: string, called: string, day: number): StoredPipeline => {
        const time = `2026-11-2${day}T00:00:00.000Z`;
        return samplePipeline(id, called, { created_at: time, updated_at: time, created_by: `ann-${day}` });
      };

      test('are found by id and by name, and last', async () => {
        const half = samplePipeline('pipe-1', 'nightly \u0000 🙂', { created_by: 'ann' });
        expect(await store.putPipeline(half)).toEqual(half);
        store = (await opened.reopen?.()) ?? store;
        expect(await store.getPipeline('pipe-1')).toEqual(half);
        expect(await store.getPipeline('nightly \u0000 🙂')).toEqual(half);
        expect(await store.getPipeline('nightly')).toBeNull();
        expect([await store.deletePipeline('pipe-1'), await store.deletePipeline('pipe-1')]).toEqual([
          true,
          false,
        ]);
        expect(await store.getPipeline('pipe-1')).toBeNull();
      });

      test('have names of their own; one that is replaced keeps its id and who made it when', async () => {
        await store.putPipeline(by('pipe-1', 'a', 1));
        await store.putPipeline(by('pipe-2', 'b', 2));
        await rejected(store.putPipeline(by('pipe-3', 'a', 3)), 'conflict');
        await rejected(store.putPipeline(by('pipe-1', 'c', 3)), 'conflict');
        const replace = { replace: true };
        const kept = { pipeline_id: 'pipe-1', created_by: 'ann-1', created_at: by('', '', 1).created_at };
        const replaced = await store.putPipeline(
          { ...by('pipe-9', 'a', 3), definition: { ...definition('a'), draft: true } },
          replace,
        );
        expect(replaced).toEqual({
          ...by('', 'a', 3),
          ...kept,
          definition: { ...definition('a'), draft: true },
        });
        expect(await store.getPipeline('pipe-9')).toBeNull();
        // By its id it takes another name, but nobody else's.
        expect(await store.putPipeline(by('pipe-1', 'c', 4), replace)).toMatchObject({
          ...kept,
          definition: definition('c'),
        });
        expect(await store.getPipeline('a')).toBeNull();
        await rejected(store.putPipeline(by('pipe-1', 'b', 4), replace), 'conflict');
        expect((await store.getPipeline('b'))?.pipeline_id).toBe('pipe-2');
        await store.putPipeline(by('pipe-1', 'c', 5), replace);
        expect((await store.listPipelines({ limit: 9 })).map((one) => one.pipeline_id)).toEqual([
          'pipe-2',
          'pipe-1',
        ]);
      });

      test('are listed page by page, the newest first', async () => {
        for (const n of [1, 2, 3]) await store.putPipeline(samplePipeline(`pipe-${n}`, `p${n}`));
        const page = async (before: object): Promise<string> =>
          (await store.listPipelines({ limit: 2, ...before })).map((one) => one.pipeline_id).join(' ');
        expect([await page({}), await page({ before: 'pipe-2' }), await page({ before: 'pipe-1' })]).toEqual([
          'pipe-3 pipe-2',
          'pipe-1',
          '',
        ]);
        await rejected(store.listPipelines({ limit: 2, before: 'pipe-4' }), 'not_found');
        await rejected(store.listPipelines({ limit: 0 }), 'invalid_request');
      });
    });

    describe('decisions', () => {
      test('the first word counts, and lasts', async () => {
        await store.createJob(sampleRun('r'));
        expect(await store.getApproval('r', 'ship')).toBeNull();
        const first = { ...sampleDecision(true), comment: 'half \ud800 · 🙂' };
        expect(await store.decideApproval('r', 'ship', first)).toEqual(first);
        expect(await store.decideApproval('r', 'ship', sampleDecision(true, 'bob'))).toEqual(first);
        const error = await rejected(
          store.decideApproval('r', 'ship', sampleDecision(false, 'bob')),
          'conflict',
        );
        expect(error.message).toContain('approved already, by "ann"');
        store = (await opened.reopen?.()) ?? store;
        expect(await store.getApproval('r', 'ship')).toEqual(first);
        expect(await store.getApproval('r', 'other')).toBeNull();
      });

      test('are refused where nothing comes of them', async () => {
        await store.createJob(sampleJob('j'));
        await store.createJob(sampleRun('r'));
        await rejected(store.decideApproval('j', 'ship', sampleDecision(true)), 'invalid_request');
        await rejected(store.decideApproval('x', 'ship', sampleDecision(true)), 'not_found');
        await rejected(store.getApproval('x', 'ship'), 'not_found');
        await store.decideApproval('r', 'before', sampleDecision(true));
        const lease = await store.acquireLease('r', 'w', MINUTE, T0);
        if (lease === null) throw new Error('r is held');
        await store.updateJob(lease, { status: 'cancelled', outcome: 'cancelled' });
        await rejected(store.decideApproval('r', 'ship', sampleDecision(true)), 'conflict');
        expect(await store.decideApproval('r', 'before', sampleDecision(true))).toEqual(sampleDecision(true));
      });

      test('each wakes a parked run once, and only it', async () => {
        await store.createJob(sampleRun('r'));
        await park(await takeUp());
        expect(await store.countQueue()).toMatchObject({ parked: 1, ready: 0 });
        await store.decideApproval('r', 'one', sampleDecision(true));
        expect(await ready()).toBe(1);
        // It goes on, and waits for the other one.
        await park(await takeUp());
        expect(await store.countQueue()).toMatchObject({ parked: 1, ready: 0 });
        await store.decideApproval('r', 'one', sampleDecision(true));
        expect(await ready()).toBe(0);
        await store.decideApproval('r', 'two', sampleDecision(false));
        await takeUp();
        expect(await ready()).toBe(0);
      });

      test('one that comes before the run waits is not lost, and one that nobody asks for wakes it once', async () => {
        await store.createJob(sampleRun('r'));
        const lease = await takeUp();
        await store.decideApproval('r', 'one', sampleDecision(true));
        await park(lease);
        expect(await ready()).toBe(1);
        const again = await takeUp();
        await store.updateJob(again, { status: 'needs_input' });
        await store.decideApproval('r', 'nobody asks', sampleDecision(true));
        await store.releaseLease(again);
        expect(await ready()).toBe(1);
        await park(await takeUp());
        expect(await ready()).toBe(0);
      });

      test('one is not lost with who claimed the run and looked at nothing', async () => {
        await store.createJob(sampleRun('r'));
        await park(await takeUp());
        await store.decideApproval('r', 'one', sampleDecision(true));
        const dead = await claim();
        if (dead === null) throw new Error('nothing is ready');
        await store.releaseLease(dead);
        expect(await ready()).toBe(1);
      });

      test('a message wakes no run: it reads none, and would be woken for ever', async () => {
        await store.createJob(sampleRun('r'));
        await park(await takeUp());
        await store.addMessage('r', 'approve', T0.toISOString());
        expect(await ready()).toBe(0);
        await store.requestCancel('r');
        expect(await ready()).toBe(1);
      });
    });

    describe('runs', () => {
      test("and their steps are found, also beside other filters' rows", async () => {
        await store.createJob(sampleJob('j'));
        await store.createJob(sampleRun('r', 'pipe-1'));
        await store.createJob(sampleStep('s', 'r'));
        await store.createJob(sampleRun('q', 'pipe-2', { repo: '/srv/other', user_id: 'ann' }));
        await store.createJob(sampleStep('t', 'q'));
        await store.createJob(sampleRun('p'));
        await store.createJob(sampleStep('u', 'r', { task: 'rounding' }));
        expect(await ids({ isRun: true })).toBe('p q r');
        expect(await ids({ isRun: false })).toBe('u t s j');
        expect(await ids({ isRun: true, before: 'q' })).toBe('r');
        expect(await ids({ isRun: true, repo: '/srv/other', status: 'queued', userId: 'ann' })).toBe('q');
        expect(await ids({ pipelineId: 'pipe-1' })).toBe('r');
        expect(await ids({ pipelineId: 'pipe-1', isRun: false })).toBe('');
        expect(await ids({ stepsOf: 'r' })).toBe('u s');
        expect(await ids({ stepsOf: 'r', before: 'u', status: 'queued' })).toBe('s');
        expect(await ids({ stepsOf: 'r', search: 'rounding' })).toBe('u');
        expect(await ids({ isRun: true, search: 'typo' })).toBe('p q r');
        expect(await ids({ stepsOf: 'j' })).toBe('');
      });

      test('count for no limit of their repository, and none holds them back', async () => {
        await store.createJob(sampleRun('r'));
        await store.createJob(sampleRun('q'));
        await store.createJob(sampleStep('s', 'r'));
        await store.createJob(sampleStep('t', 'r'));
        await store.createJob(sampleRun('p'));
        const lease = await store.acquireLease('r', 'w', MINUTE, T0);
        expect(await claimId(1)).toBe('q');
        expect(await claimId(1)).toBe('s');
        // The step is in work: the run behind it is claimed all the same, and the other step is not.
        expect([await claimId(1), await claimId(1)]).toEqual(['p', null]);
        if (lease === null) throw new Error('r was held');
        await store.releaseLease(lease);
        expect([await claimId(1), await claimId(1), await claimId(2)]).toEqual(['r', null, 't']);
      });

      test('are left to others by who has enough of them', async () => {
        await store.createJob(sampleRun('r'));
        await store.createJob(sampleStep('s', 'r'));
        await store.createJob(sampleStep('t', 'r'));
        const others = async (perRepo: number | null): Promise<string | null> => {
          const claimed = { owner: 'w', leaseMs: MINUTE, now: T0, perRepo, withoutRuns: true };
          return (await store.claimNext(claimed))?.job.job_id ?? null;
        };
        expect([await others(null), await others(1), await others(null)]).toEqual(['s', null, 't']);
        expect([await others(null), await claimId()]).toEqual([null, 'r']);
      });

      test('spend what their steps spend, which is counted once', async () => {
        const result = {
          total_cost: 2,
          total_tokens_in: 30,
          total_tokens_out: 4,
          turns: 1,
          phases: [],
          gate: { runs: [] },
        } as unknown as JobResult;
        for (const job of [sampleRun('r'), sampleStep('s', 'r')]) {
          const { lease } = await store.createJob(job, { hold: { owner: 'w', leaseMs: MINUTE, now: T0 } });
          if (lease === null) throw new Error('held');
          await store.updateJob(lease, { status: 'running' });
          await store.updateJob(lease, { status: 'completed', outcome: 'proposed', result });
        }
        const sums = await store.sumUsage({ by: 'agent', since: null, limit: 9 });
        expect(sums).toMatchObject([
          { key: 'patch', jobs: 1, running: 0, unpriced: 0, cost_usd: 2, tokens_in: 30, turns: 1 },
        ]);
        expect(await store.listCosts('/srv/repo', 9)).toMatchObject([{ agent: 'patch', cost_usd: 2 }]);
        const tallies = await store.readTallies();
        const of = (series: string): readonly unknown[] =>
          tallies.filter((one) => one.series === series).map(({ agent, value }) => [agent, value]);
        expect([of('jobs'), of('ended'), of('cost')]).toEqual([
          [
            ['', 1],
            ['patch', 1],
          ],
          [
            ['', 1],
            ['patch', 1],
          ],
          [['patch', 2]],
        ]);
      });
    });
  });
}
