/** Step `propose` of a pipeline's step: its commit is kept in the home, and nothing leaves it. */
import { writeFile } from 'node:fs/promises';
import type { Proposed } from '../../../job/step.ts';
import { boundPaths } from '../../../job/pipeline/output/given.ts';
import { formatPatch } from '../../../workspace/change.ts';
import { listChanges } from '../../../workspace/diff.ts';
import { readSaved, saveCommit, wipRef } from '../../../workspace/remote/saved.ts';
import type { JobContext, PreparedDetail } from '../../context.ts';
import type { StepValue } from '../../engine/engine.ts';
import type { Bench } from '../../place.ts';

/** Keeps the commit that the gate judged where the run, and the jobs of later steps, find it. Done twice, it is done once. */
export async function proposeStep(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  head: string,
): Promise<StepValue<Proposed>> {
  const { git, job, layout, paths, journal } = context;
  const { target } = bench.copy;
  const repo = layout.repo(detail.remote.url);
  const ref = wipRef(job.job_id);
  if ((await readSaved(git, repo.saved, ref)) !== head)
    await saveCommit(git, repo, paths.git, head, detail.base_sha, ref);
  await writeFile(paths.patch, await formatPatch(git, target, detail.base_sha, head));
  const changes = await listChanges(git, target, detail.base_sha, head);
  journal.emit('message', 'propose', { head_sha: head, text: 'kept for the run of its pipeline' });
  return {
    outcome: 'proposed',
    head_sha: head,
    pr_url: null,
    patch_path: paths.patch,
    push_command: null,
    files: boundPaths(changes.map(({ path }) => path)),
  };
}
