/** A claim is let go of whatever goes wrong: kept by a worker that lives, its job would never run again. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import { PROCEDURE_VERSION } from '../../../src/job/job.ts';
import { createLog } from '../../../src/log.ts';
import { holdLease, LEASE_MS } from '../../../src/runner/engine/lease.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { reconcile, type WorkerSummary } from '../../../src/runner/queue/worker.ts';
import type { Store } from '../../../src/store/store.ts';
import { sampleRequest } from '../../store/sample.ts';
import { makeRepository } from '../../workspace/scene.ts';

let root: string;
let runner: Runner;
let jobId: string;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-claims-'));
  const flags = { home: join(root, 'home'), min_free_bytes: 0 };
  const env = { PATH: process.env['PATH'], HOME: root };
  runner = await openRunner(await resolveConfig({ flags, env, cwd: root, projectFile: null }));
  const repo = makeRepository(join(root, 'repo'), { 'a.txt': 'one\n' });
  const request = {
    ...sampleRequest(),
    repo,
    agent: 'simulated',
    sandbox: 'host',
    allow_host: true,
  } as const;
  jobId = (await runner.submit(request)).job.job_id;
});
afterEach(async () => {
  vi.useRealTimers();
  await runner.close();
  rmSync(root, { recursive: true, force: true });
});

/** Lets a method of the store fail the first time, as a disk that is full for a moment does. */
function failOnce(method: 'updateJob' | 'listCancelling'): void {
  const { store } = runner;
  const own = store[method];
  const failing = (): Promise<never> => {
    Object.assign(store, { [method]: own });
    return Promise.reject(new Error('the disk is full'));
  };
  Object.assign(store, { [method]: failing } satisfies Partial<Store>);
}

function work(): Promise<WorkerSummary> {
  const log = createLog({ level: 'error', format: 'json', write() {} });
  return runner.work({ mode: 'once', pollMs: 50, stop: new AbortController().signal, log });
}

describe('a claim', () => {
  it('is renewed no more where the job throws, and not taken again before it ends', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    failOnce('updateJob');
    expect(await work()).toMatchObject({ tasks_started: 1, tasks_skipped: 1 });
    const renewed: string[] = [];
    const renewLease: Store['renewLease'] = async (lease) => {
      renewed.push(lease.job_id);
      return lease;
    };
    Object.assign(runner.store, { renewLease });
    vi.advanceTimersByTime(LEASE_MS);
    expect(renewed).toEqual([]);
    const claim = { owner: 'host/1/1', leaseMs: 1000, perRepo: null };
    expect(await runner.store.claimNext({ ...claim, now: new Date() })).toBeNull();
    const later = new Date(Date.now() + LEASE_MS + 1000);
    expect(await runner.store.claimNext({ ...claim, now: later })).toMatchObject({ job: { job_id: jobId } });
  });

  it('is given back at once by who runs a job in the foreground', async () => {
    failOnce('updateJob');
    await expect(runner.run(jobId, { signal: new AbortController().signal })).rejects.toThrow('full');
    expect(await runner.store.getLease(jobId)).toBeNull();
  });

  it('is not held up by a look for cancelled jobs that fails', async () => {
    failOnce('listCancelling');
    expect(await work()).toMatchObject({ tasks_started: 1, tasks_skipped: 0 });
    expect(await runner.store.getJob(jobId)).toMatchObject({ status: 'completed' });
  });

  it('is looked at before what can not be taken back, also by one that slept through its end', async () => {
    const { store } = runner;
    const lease = await holdLease(store, jobId);
    await expect(lease.check()).resolves.toBeUndefined();
    const later = { owner: 'host/1/1', leaseMs: 30_000, now: new Date(Date.now() + 60_000), perRepo: null };
    expect(await store.claimNext(later)).not.toBeNull();
    await expect(lease.check()).rejects.toMatchObject({ code: 'conflict' });
    await lease.release();
  });

  it('is handed back also where that was asked for before the job was opened', async () => {
    const options = { owner: 'host/1/1', leaseMs: 30_000, now: new Date(), perRepo: null };
    const claimed = await runner.store.claimNext(options);
    const signal = new AbortController().signal;
    if (claimed === null) throw new Error('nothing was claimed');
    const run = runner.run(jobId, { signal, handBack: AbortSignal.abort(), lease: claimed.lease });
    await expect(run).rejects.toMatchObject({ code: 'conflict' });
    expect(await runner.store.getLease(jobId)).toBeNull();
    expect(await runner.store.getJob(jobId)).toMatchObject({ outcome: null });
  });

  it('of a dead process is freed, and one whose job had ended is settled', async () => {
    const { store } = runner;
    const gone = spawnSync('true').pid;
    const claim = { owner: `${hostname()}/${gone}/1`, leaseMs: 30_000, now: new Date(), perRepo: null };
    const first = await store.claimNext(claim);
    const settled: string[] = [];
    const settle = async (id: string): Promise<void> => void settled.push(id);
    expect(await reconcile({ store, settle })).toBe(1);
    expect([settled, await store.getLease(jobId)]).toEqual([[], null]);
    const again = await store.claimNext(claim);
    if (first === null || again === null) throw new Error('nothing was claimed');
    await store.updateJob(again.lease, { status: 'failed', outcome: 'infra_failed' });
    expect(await reconcile({ store, settle })).toBe(1);
    expect(settled).toEqual([jobId]);
  });

  it.each([
    [11, 'completed'],
    [30, 'failed'],
  ])('of a job whose step killed %i processes leads to one that is %s', async (deaths, status) => {
    const { store } = runner;
    const claim = { owner: 'host/1/1', leaseMs: 30_000, now: new Date(), perRepo: null };
    const claimed = await store.claimNext(claim);
    if (claimed === null) throw new Error('nothing was claimed');
    for (let death = 0; death < deaths; death++)
      await store.beginStep(claimed.lease, 'prepare-1', PROCEDURE_VERSION);
    await store.releaseLease(claimed.lease);
    await work();
    const job = await store.getJob(jobId);
    expect(job?.status).toBe(status);
    const said = status === 'failed' ? /step prepare-1 was begun 30 times and never ended/ : /^$/;
    expect(job?.result?.error?.message ?? '').toMatch(said);
  });
});
