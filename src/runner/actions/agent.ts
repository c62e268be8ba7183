/** The first job: an ordinary one on a copy of the upstream, whose proposal leaves as a bundle. It can push nowhere. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { JobResult } from '../../job/result.ts';
import type { Git } from '../../workspace/git.ts';
import { BUNDLE_FILE, CHANGE_REF, writeChange, type Change } from './artifact.ts';
import type { Upstream } from './upstream.ts';

/** Whether a job ended with a change that goes on to be judged elsewhere. */
export function hasChange(result: JobResult): boolean {
  return result.branch !== null && result.head_sha !== null && result.base_sha !== null;
}

function spentOf(result: JobResult): Change['spent'] {
  return {
    cost_usd: result.total_cost,
    tokens_in: result.total_tokens_in,
    tokens_out: result.total_tokens_out,
    turns: result.turns,
    agent_ms: result.phases
      .filter(({ name }) => name === 'explore' || name === 'plan' || name === 'build')
      .reduce((sum, phase) => sum + phase.duration_ms, 0),
  };
}

/**
 * Writes the change of an ended job as a bundle with its sheet.
 *
 * @param folder where to; what an earlier one left there is replaced
 * @returns the sheet
 */
export async function writeBundle(
  git: Git,
  upstream: Upstream,
  jobId: string,
  result: JobResult,
  folder: string,
): Promise<void> {
  const { head_sha: head, base_sha: base } = result;
  if (head === null || base === null) throw new JobError('bug', `job ${result.job_id} left no change`);
  const { target, remote } = upstream;
  const path = join(folder, BUNDLE_FILE);
  await mkdir(folder, { recursive: true });
  await rm(path, { force: true });
  await git(target, ['update-ref', CHANGE_REF, head]);
  await git(target, ['bundle', 'create', '--quiet', path, `^${base}`, CHANGE_REF]);
  await writeChange(folder, {
    job_id: jobId,
    upstream: remote.display,
    base: upstream.base,
    base_sha: base,
    head_sha: head,
    agent: result.agent,
    model: result.model,
    summary: result.summary,
    spent: spentOf(result),
  });
}
