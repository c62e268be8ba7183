/** Where a job is executed, and what of a request can go along to where that is not here. Pure. */
import { JobError } from '../error.ts';
import type { JobRequest } from '../request.ts';

/** Who executes: this machine, or the workflow of another repository. */
export const EXECUTORS = ['local', 'github-actions'] as const;
export type Executor = (typeof EXECUTORS)[number];

/** Name of whoever edits in a workflow: which agent that is, the workflow's own settings say. */
export const WORKFLOW_AGENT = 'github-actions';

/** GitHub's limit for all inputs of a dispatch, in characters, and what is kept for those besides the prompt. */
const MAX_INPUTS_CHARS = 65_535;
const OTHER_INPUTS_CHARS = 4000;
/** Longest prompt of a workflow, in characters of its JSON form. */
export const MAX_PROMPT_CHARS: number = MAX_INPUTS_CHARS - OTHER_INPUTS_CHARS;

/** The branch of a job that is executed in a workflow, which is told the job's id and nothing of templates. */
export function branchElsewhere(jobId: string): string {
  return `bot/${jobId}`;
}

/** Whether a job is executed by a workflow, and not on this machine. */
export function isElsewhere({ executor }: Pick<JobRequest, 'executor'>): boolean {
  return executor === 'github-actions';
}

/**
 * Checks the name of an executor.
 *
 * @throws JobError `invalid_request`
 */
export function parseExecutor(name: string): Executor {
  const known = EXECUTORS.find((one) => one === name);
  if (known !== undefined) return known;
  throw new JobError(
    'invalid_request',
    `executor: ${JSON.stringify(name.slice(0, 100))} is unknown (allowed: ${EXECUTORS.join(', ')})`,
  );
}

/**
 * Checks that a task fits into the inputs of a dispatch.
 *
 * @throws JobError `invalid_request`
 */
export function checkPrompt(task: string): void {
  const chars = JSON.stringify(task).length;
  if (chars <= MAX_PROMPT_CHARS) return;
  throw new JobError(
    'invalid_request',
    `task: ${chars} characters are too many for a workflow (at most ${MAX_PROMPT_CHARS}: GitHub takes ${MAX_INPUTS_CHARS} of all inputs together)`,
    {
      hint: 'put long material into a file of the repository and name it in the task, or ask for executor local',
    },
  );
}

/**
 * Refuses what a workflow is never told: quietly left out, it would be another job than the one that was asked for.
 *
 * @param given what was asked for, by the name of its field; `undefined` was not
 * @throws JobError `invalid_request` that names the field
 */
export function checkCarried(given: Readonly<Record<string, unknown>>): void {
  const field = Object.keys(given).find((name) => given[name] !== undefined);
  if (field === undefined) return;
  throw new JobError('invalid_request', `${field}: a job of executor github-actions takes none`, {
    hint: `leave ${field} out, for the workflow has its own settings; or ask for executor local`,
  });
}
