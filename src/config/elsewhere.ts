/** Where jobs are executed, from settings. */
import type { Executor } from '../job/elsewhere/executor.ts';
import type { Values } from './settings.ts';

/** Which workflow executes jobs, and how its runs are watched. */
export interface ElsewhereConfig {
  /** `null`: nobody said; where there is a `runnerRepo`, what can go there does. */
  readonly executor: Executor | null;
  readonly runnerRepo: string | null;
  readonly workflow: string;
  readonly ref: string | null;
  /** Milliseconds within which a run must have ended. */
  readonly timeoutMs: number;
  /** Milliseconds between two looks at runs. */
  readonly pollMs: number;
}

/** It as the settings name it. */
export function elsewhereOf(values: Values): ElsewhereConfig {
  return {
    executor: values.executor,
    runnerRepo: values.runner_repo,
    workflow: values.runner_workflow,
    ref: values.runner_ref,
    timeoutMs: values.triggered_timeout_s * 1000,
    pollMs: values.run_poll_s * 1000,
  };
}
