/** The change of a job as a diff: from its saved work once it has ended, from its last judged commit before. */
import { access } from 'node:fs/promises';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import { showDiff } from '../../workspace/change.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import type { RunnerParts } from '../context.ts';
import { WORK_REF } from '../steps/verify.ts';

/** The unified diff of a job against its base; rejects with `not_found` while there is none. */
export async function readDiff({ git, layout }: RunnerParts, job: Job): Promise<string> {
  const repo = layout.repo(job.request.repo);
  const inJob = { dir: layout.job(job.job_id).git };
  const live = await access(inJob.dir).then(
    () => !isTerminal(job.status),
    () => false,
  );
  const target = live ? inJob : { dir: repo.saved };
  const hint = 'wait until the agent has ended its first turn';
  const sha = await readSaved(git, target.dir, live ? WORK_REF : wipRef(job.job_id)).catch(() => null);
  if (sha === null) throw new JobError('not_found', `diff: ${job.job_id} has no change yet`, { hint });
  return showDiff(git, target, `${sha}^`, sha);
}
