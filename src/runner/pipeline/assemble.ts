/** Brings the work of steps together, in the run's own repository, and lays it for the gate. */
import { boundPaths } from '../../job/pipeline/output/given.ts';
import type { Assembled, AssembleInput } from '../../job/pipeline/run.ts';
import { treeOf } from '../../workspace/change.ts';
import { fetchCommits } from '../../workspace/commits.ts';
import { readLooseRef, setRef } from '../../workspace/remote/refs.ts';
import { runRef, saveCommits, type Kept } from '../../workspace/remote/saved.ts';
import { bringTogether } from '../../workspace/together/together.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';
import { STEP_TRAILER } from '../steps/commit.ts';

/** In the run's own repository: what was laid for the gate. */
const ASSEMBLED_REF = 'refs/agent-runner/assembled';

/**
 * Carries the changes of steps over to a commit, and keeps what comes of it in the home: the jobs of later steps,
 * another process and a retry find it there. The same input makes the same commits.
 *
 * @throws JobError `infra_failed` where the work of a step is no longer kept, `bad_configuration` where git is too old
 */
export async function assembleChanges(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  input: AssembleInput,
): Promise<Assembled> {
  const { git, job, layout, paths } = context;
  const { onto, changes } = input;
  if (changes.length === 0) return { commit: onto, conflict: null };
  const repo = layout.repo(detail.remote.url);
  const target = { dir: bench.copy.target.dir };
  const sources = [...new Set([onto, ...changes.flatMap((one) => [one.base_sha, one.head_sha])])];
  await fetchCommits(git, target, repo.saved, sources);
  const carried = changes.map(({ step, base_sha: base, head_sha: head }) => ({ name: step, base, head }));
  const options = { git, target, trailer: STEP_TRAILER };
  const { commit, conflict } = await bringTogether(options, onto, carried);
  const kept: Kept[] = [];
  if (commit !== onto) kept.push({ commit, ref: runRef(job.job_id, input.for) });
  if (conflict !== null) kept.push({ commit: conflict.marked, ref: runRef(job.job_id, input.for, 'marked') });
  // What the steps saved themselves is there.
  if (kept.length > 0) await saveCommits(git, repo, paths.git, kept, detail.base_sha, sources);
  if (conflict === null) return { commit, conflict: null };
  const { at } = conflict;
  const shown = { step: changes[at]?.step ?? '', paths: boundPaths(conflict.paths) };
  return { commit, conflict: { ...conflict, ...shown } };
}

/**
 * Lays a commit that was brought together into the run's working copy; `verify` then judges that very commit.
 *
 * @returns its tree, and whether it differs from the run's base
 */
export async function layAssembled(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  commit: string,
): Promise<{ readonly tree: string; readonly changed: boolean }> {
  const { git, layout, paths } = context;
  const { target } = bench.copy;
  await fetchCommits(git, target, layout.repo(detail.remote.url).saved, [commit]);
  await bench.copy.reset(commit);
  await setRef(git, paths.git, ASSEMBLED_REF, commit);
  const [tree, base] = await Promise.all([treeOf(git, target, commit), treeOf(git, target, detail.base_sha)]);
  return { tree, changed: tree !== base };
}

/** What was laid for the gate and is to be judged and proposed as it is, a commit a step; `null` where nothing was. */
export async function assembledOf(
  { git, job, paths }: JobContext,
  bench: Bench,
): Promise<{ readonly commit: string; readonly tree: string } | null> {
  if (job.request.pipeline === undefined) return null;
  const commit = (await readLooseRef(paths.git, ASSEMBLED_REF)) ?? null;
  return commit === null ? null : { commit, tree: await treeOf(git, bench.copy.target, commit) };
}
