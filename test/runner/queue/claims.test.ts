/** A claim is let go of whatever goes wrong: kept by a worker that lives, its job would never run again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import { createLog } from '../../../src/log.ts';
import { holdLease } from '../../../src/runner/engine/lease.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import type { WorkerSummary } from '../../../src/runner/queue/worker.ts';
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
  it('is let go of where the job can not be marked as running, and the job runs', async () => {
    failOnce('updateJob');
    expect(await work()).toMatchObject({ tasks_started: 2, tasks_skipped: 1 });
    expect(await runner.store.getJob(jobId)).toMatchObject({ status: 'completed' });
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
});
