/** Somebody who follows a quiet job for days costs no more than at the start. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createBell } from '../../../src/runner/queue/bell.ts';
import { createFollowers } from '../../../src/runner/queue/follow.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import { sampleEvent, sampleJob } from '../../store/sample.ts';

const RINGS = 20_000;
/** A wait that is kept costs about 400 bytes; this is a tenth of that, for what the engine itself holds on to. */
const MAX_BYTES_A_RING = 40;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test('a ring that brings nothing leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-bell-'));
  const bell = createBell(folder);
  const store = createMemoryStore();
  await store.createJob(sampleJob('a'));
  await store.appendEvents('a', [sampleEvent('one')]);
  const stop = new AbortController();
  const pages = createFollowers(store, bell).follow('a', { after: 0, signal: stop.signal });
  expect((await pages.next()).value).toHaveLength(1);
  const rest = pages.next();
  const ring = async (times: number): Promise<void> => {
    for (let at = 0; at < times; at++) {
      bell.ring('log', 'a');
      await turn();
    }
  };
  await ring(1000);
  const before = heapBytes();
  await ring(RINGS);
  const grown = heapBytes() - before;
  stop.abort();
  expect((await rest).done).toBe(true);
  bell.close();
  rmSync(folder, { recursive: true, force: true });
  expect(grown / RINGS).toBeLessThan(MAX_BYTES_A_RING);
});
