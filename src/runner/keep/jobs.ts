/** What the store and the disk say about a job that is not ours: what it prepared, who works on it. */
import { readFile } from 'node:fs/promises';
import type { StepResult } from '../../job/step.ts';
import type { Store } from '../../store/store.ts';
import type { Layout } from '../../workspace/layout.ts';
import type { PreparedDetail } from '../context.ts';

/** What a job's `prepare` found, or `null` before it ended. */
export async function readPrepared(store: Store, jobId: string): Promise<PreparedDetail | null> {
  const step = (await store.readSteps(jobId)).find((one) => one.key === 'prepare-1');
  // Only the engine writes step results.
  const result = (step?.result ?? null) as StepResult<PreparedDetail> | null;
  return result?.ok === true ? result : null;
}

/** The process that works in a job's folder, as it noted itself; `null` where none did. */
export async function readOwner(layout: Layout, name: string): Promise<string | null> {
  return readFile(layout.job(name).owner, 'utf8').catch(() => null);
}
