/** The agent of a run's own job: none. Its steps have agents; the run only judges and proposes what they made. */
import type { Agent } from '../../agent/agent.ts';
import { JobError } from '../../job/error.ts';

/** Stands where a job has its agent; it has no model, needs nothing, and is never prompted. */
export const NOBODY: Agent = {
  name: 'pipeline',
  needs: { readOnlyPaths: [], mounts: [], env: {}, dialects: [] },
  modelless: true,
  check: () => Promise.resolve({ ready: true, detail: 'the agents of its steps work', fix: null }),
  run: () => Promise.reject(new JobError('bug', 'a run has no agent of its own to prompt')),
};
