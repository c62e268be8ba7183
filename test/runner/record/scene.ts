/** What a recorder needs of a job, and nothing else. */
import { createMask } from '../../../src/log.ts';
import type { JobContext } from '../../../src/runner/context.ts';
import type { TurnBegun } from '../../../src/runner/record/recorder.ts';

export interface Told {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The part of a job's context that a recorder reads; what it says in the log is collected. */
export function recorderContext(turns: string, secret = 'hunter2hunter2', told: Told[] = []): JobContext {
  const journal = {
    emit: (type: string, _phase: unknown, data: Told['data']) => void told.push({ type, data }),
    flush: () => Promise.resolve(),
  };
  return { paths: { turns }, mask: createMask([secret]), journal } as unknown as JobContext;
}

export const BEGUN: TurnBegun = {
  key: 'build-1',
  phase: 'build',
  why: 'task',
  agent: 'command',
  model: null,
  answer: null,
  prompt: 'do it',
};
