/** A person's word to a step of a run that asks. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { runIdOf, type ApprovalDecision } from '../../job/pipeline/run.ts';
import { isTerminal } from '../../job/status.ts';
import type { Store } from '../../store/store.ts';
import { readRecords } from './walk/records.ts';
import { runRequestOf } from './walk/step-request.ts';

/** Longest comment that is kept, in characters. */
const MAX_COMMENT_CHARS = 4000;

/** What somebody says. */
export interface Said {
  readonly approved: boolean;
  /** Name of the user or of the API key. */
  readonly by: string;
  readonly comment: string | null;
}

/**
 * Decides. The first word counts; the same once more changes nothing.
 *
 * @throws JobError `not_found` for a step that is not there, `no_permission` that names who may, `conflict` where the step
 *   asks nothing or somebody said otherwise, `invalid_request` for a comment that is too long
 */
export async function approveStep(
  store: Store,
  job: Job,
  name: string,
  { approved, by, comment }: Said,
): Promise<ApprovalDecision> {
  const { definition } = runRequestOf(job);
  const run = runIdOf(job.job_id);
  const step = definition.steps.find((one) => one.name === name);
  const shown = JSON.stringify(name.slice(0, 100));
  if (step === undefined)
    throw new JobError('not_found', `step: ${run} has no ${shown}`, {
      hint: `it has ${definition.steps
        .slice(0, 20)
        .map((one) => one.name)
        .join(', ')}`,
    });
  const approvers = step.approval?.approvers ?? [];
  if (approvers.length > 0 && !approvers.includes(by))
    throw new JobError('no_permission', `approval: ${by} may not decide about ${shown} of ${run}`, {
      hint: `${approvers.join(', ')} may`,
    });
  if (comment !== null && comment.length > MAX_COMMENT_CHARS)
    throw new JobError('invalid_request', `comment: ${comment.length} characters are too long`, {
      hint: `give at most ${MAX_COMMENT_CHARS}`,
    });
  const { asked } = readRecords(await store.readSteps(job.job_id));
  const decided = await store.getApproval(job.job_id, name);
  const isAsked = asked.some((one) => one.step === name && one.message !== '');
  if (decided === null && (!isAsked || isTerminal(job.status)))
    throw new JobError('conflict', `approval: the step ${shown} of ${run} asks nothing`, {
      hint: isTerminal(job.status)
        ? 'the run has ended'
        : step.approval === null
          ? 'it needs no approval'
          : 'it asks once the steps before it have ended',
    });
  return store.decideApproval(job.job_id, name, { approved, by, comment, time: new Date().toISOString() });
}
