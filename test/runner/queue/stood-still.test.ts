/** A machine that slept: every lease has ended by the clock, and every process is as alive as it was. */
import { afterEach, expect, it, vi } from 'vitest';
import { createLog } from '../../../src/log.ts';
import type { Bell } from '../../../src/runner/queue/bell.ts';
import { work, type WorkerOptions, type WorkerParts } from '../../../src/runner/queue/worker.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import { sampleJob } from '../../store/sample.ts';

const NO_BELL: Bell = { ring() {}, on: () => () => {}, close() {} };

afterEach(() => {
  vi.useRealTimers();
});

it('keeps a worker from taking its own jobs a second time', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const store = createMemoryStore();
  await store.createJob(sampleJob('a'));
  const stop = new AbortController();
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ran: string[] = [];
  const run: WorkerParts['run'] = async ({ job }) => {
    ran.push(job.job_id);
    begun.resolve();
    await ended.promise;
    throw new Error('it is over');
  };
  const rounds: number[] = [];
  const options: WorkerOptions = {
    mode: 'loop',
    concurrency: 2,
    perRepo: null,
    pollMs: 5,
    drainMs: 1000,
    stop: stop.signal,
    hindrance: async () => {
      rounds.push(Date.now());
      return null;
    },
    log: createLog({ level: 'error', format: 'json', write() {} }),
  };
  const working = work(
    { store, bell: NO_BELL, run, settle: async () => {}, deliverer: null, dispatcher: null },
    options,
  );
  await begun.promise;
  vi.setSystemTime(Date.now() + 3_600_000);
  const slept = rounds.length;
  await expect.poll(() => rounds.length).toBeGreaterThan(slept + 4);
  stop.abort();
  ended.resolve();
  await working;
  expect(ran).toEqual(['a']);
});
