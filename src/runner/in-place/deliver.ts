/** Step `propose` of a job in place: the judged tree as a commit on its branch, or as files of a folder. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { InPlace } from '../../job/in-place/in-place.ts';
import type { Proposal } from '../../forge/forge.ts';
import type { Proposed } from '../../job/step.ts';
import { shellWord } from '../../job/text/shell.ts';
import { commitTree, formatPatch } from '../../workspace/change.ts';
import { deliverCommit, originOf, placeBranch, pushToOrigin } from '../../workspace/person/deliver.ts';
import { readPosition } from '../../workspace/person/position.ts';
import { writeBack } from '../../workspace/person/folder.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import type { Judged } from '../forge/request.ts';
import type { Bench } from '../place.ts';
import { changeCommit } from '../steps/commit.ts';
import { gitForOrigin, proposePushed } from './proposal.ts';
import { namePaths } from '../steps/prepare.ts';

/** Label of a change whose checks are red. */
const RED = 'gate-red';

async function publish(
  context: JobContext,
  checkout: string,
  inPlace: InPlace,
  isRed: boolean,
  propose: (origin: string) => Promise<Proposal | string | null>,
): Promise<Pick<Proposed, 'push_command' | 'notices'> & Partial<Pick<Proposed, 'outcome' | 'pr_url'>>> {
  const command = `git -C ${shellWord(checkout)} push -u origin ${shellWord(inPlace.branch)}`;
  const origin = await originOf(context.git, checkout);
  if (origin === null) {
    const notice = 'there is no remote called origin to push to: git remote add origin <url>';
    return { push_command: null, notices: [notice] };
  }
  if (!inPlace.push) return { push_command: command, notices: [] };
  if (isRed) return { push_command: command, notices: ['the checks are red, so nothing was pushed'] };
  const git = await gitForOrigin(context, origin);
  const refused = await pushToOrigin(git, checkout, inPlace.branch);
  if (refused !== null) {
    throw new JobError('infra_failed', `push: ${inPlace.branch} could not be pushed to origin: ${refused}`, {
      hint: `the branch is in your repository; push it with: ${command}`,
    });
  }
  const pushed = `${inPlace.branch} was pushed to origin`;
  const proposal = await propose(origin);
  if (proposal === null || typeof proposal === 'string')
    return { push_command: null, notices: proposal === null ? [pushed] : [pushed, proposal] };
  const { outcome, prUrl, notices } = proposal;
  return { outcome, pr_url: prUrl, push_command: null, notices: [pushed, ...notices] };
}

/**
 * The judged tree on top of what the branch holds: the same tree, so the verdict is its own. Where the branch holds
 * that tree already, its own commit: an empty one would tell of work that nobody did.
 */
async function resultCommit(
  context: JobContext,
  bench: Bench,
  head: string,
  parent: string,
): Promise<string> {
  const { git } = context;
  const tree = (await git(bench.copy.target, ['rev-parse', `${head}^{tree}`])).text;
  const held = (await git(bench.copy.target, ['rev-parse', `${parent}^{tree}`])).text;
  if (held === tree) return parent;
  return commitTree(git, bench.copy.target, tree, parent, 'refs/agent-runner/result', changeCommit(context));
}

/**
 * Said after a switch that kept edits which the fix had taken back: they were judged with it, and lie on top of it
 * again, because git sees no conflict where the fix is what the last commit was.
 */
async function keptEdits({ git }: JobContext, checkout: string, branch: string): Promise<readonly string[]> {
  const { dirty } = await readPosition(git, checkout);
  if (dirty.length === 0) return [];
  const how = `git -C ${shellWord(checkout)} stash`;
  return [
    `the files are not what was judged: your uncommitted edits of ${namePaths(dirty)} were kept, and ${branch} does without them; to have it as it was judged: ${how}`,
  ];
}

/**
 * Brings the judged change to the person: a commit on the branch (switched to when it is green), or, without git,
 * the changed files, and only when they are green.
 */
export async function deliverInPlace(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  what: Judged & { readonly inPlace: InPlace },
  step: StepContext,
): Promise<StepValue<Proposed>> {
  const { git, job, paths } = context;
  const { inPlace, input, ...judged } = what;
  const head = what.verified.head_sha;
  const start = detail.in_place;
  if (start == null) throw new JobError('bug', 'a job in place was prepared as another');
  const isRed = input.labels.includes(RED);
  await writeFile(paths.patch, await formatPatch(git, bench.copy.target, detail.base_sha, head));
  const out = { outcome: 'proposed' as const, pr_url: null, patch_path: paths.patch };
  if (inPlace.folder !== null) {
    if (isRed)
      return { ...out, head_sha: head, push_command: null, notices: ['the folder was left as it is'] };
    const originals = join(paths.root, 'originals');
    const between = { base: detail.base_sha, head, folder: inPlace.folder, originals };
    const written = await writeBack(git, bench.copy.target, between);
    const notices = [
      `${written} ${written === 1 ? 'file was' : 'files were'} written to ${inPlace.folder}; as they were before: ${originals}`,
    ];
    return { ...out, head_sha: head, push_command: null, notices };
  }
  const checkout = detail.remote.url;
  const commit = await resultCommit(context, bench, head, start.parent);
  const target = { branch: inPlace.branch, commit, tip: start.tip, jobId: job.job_id };
  // A person is not put before broken files: red work is on the branch, for whoever goes there.
  const isHere = start.on === inPlace.branch;
  const delivered =
    isRed && !isHere
      ? await placeBranch(git, paths.git, checkout, target)
      : await deliverCommit(git, paths.git, checkout, target);
  const kept =
    inPlace.command === 'self-heal' && delivered.isCheckedOut
      ? await keptEdits(context, checkout, inPlace.branch)
      : [];
  const published = await publish(context, checkout, inPlace, isRed, (origin) =>
    proposePushed(context, detail, bench, { ...judged, input }, { origin, commit }, step),
  );
  context.journal.emit('message', 'propose', { branch: inPlace.branch, head_sha: commit });
  const added = commit === start.tip ? [`nothing was added to ${inPlace.branch}: it holds this already`] : [];
  const notices = [...added, ...delivered.notices, ...kept, ...(published.notices ?? [])];
  return { ...out, ...published, head_sha: commit, notices };
}
