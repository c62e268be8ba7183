/** Where a job for a person's checkout begins: which commit judges it, which tree the agent starts from. */
import { JobError } from '../../job/error.ts';
import type { InPlace, InPlaceStart } from '../../job/in-place/in-place.ts';
import type { Remote } from '../../forge/forge.ts';
import type { Git } from '../../workspace/git.ts';
import { commitInfo } from '../steps/commit.ts';
import type { Base } from '../../workspace/remote/listing.ts';
import { fetchBase, pinRef } from '../../workspace/remote/mirror.ts';
import {
  branchTip,
  forkOfHead,
  meetingPoint,
  readPosition,
  type Position,
} from '../../workspace/person/position.ts';
import { snapshotCheckout } from '../../workspace/person/snapshot.ts';
import type { JobContext } from '../context.ts';

/** The base of a job in place, fetched and pinned. */
export interface InPlaceBase extends InPlaceStart {
  readonly base: Base;
  /** The commit whose files the agent finds; the base's own, or work that is on the branch already. */
  readonly start: string;
  readonly notices: readonly string[];
}

/** Uncommitted paths that an error names. */
const MAX_DIRTY_NAMED = 5;

/** Which commits a job starts from, before anything is fetched. */
interface Choice {
  readonly base: string;
  readonly start: string;
  readonly notices: readonly string[];
}

async function choose(
  git: Git,
  checkout: string,
  inPlace: InPlace,
  position: Position,
  tip: string | null,
): Promise<Choice> {
  const { head } = position;
  const { branch, command } = inPlace;
  const isOn = position.branch === branch;
  const meeting = tip === null ? null : await meetingPoint(git, checkout, head, tip);
  const short = tip?.slice(0, 12) ?? '';
  if (isOn && command === 'issue-to-pr')
    return { base: await forkOfHead(git, checkout, head), start: head, notices: [] };
  // A branch without commits of its own is moved on; it has nothing that could be lost.
  if (isOn || tip === null || meeting === tip) return { base: head, start: head, notices: [] };
  const notices = [`${branch} is there (${short}): its work is gone on with`];
  if (command === 'issue-to-pr') return { base: meeting ?? head, start: tip, notices };
  if (position.dirty.length === 0) return { base: tip, start: tip, notices };
  throw new JobError(
    'conflict',
    `branch: ${branch} has commits of its own, and the checkout has uncommitted changes`,
    {
      hint: `commit or stash them; or go on with it: git switch ${branch}; or discard it: git branch -D ${branch}`,
    },
  );
}

/**
 * Says before there is a job what would stop it: a branch with other work, or uncommitted files that a push
 * would publish.
 *
 * @throws JobError `conflict`, `repo_unusable`
 */
export async function checkInPlace(git: Git, remote: Remote, inPlace: InPlace): Promise<void> {
  if (remote.kind !== 'checkout') return;
  const position = await readPosition(git, remote.url);
  await choose(git, remote.url, inPlace, position, await branchTip(git, remote.url, inPlace.branch));
  if (inPlace.command !== 'self-heal' || !inPlace.push || position.dirty.length === 0) return;
  const named = position.dirty.slice(0, MAX_DIRTY_NAMED).join(', ');
  throw new JobError(
    'conflict',
    `push: the checkout has uncommitted changes, which would be pushed too: ${named}`,
    {
      hint: 'commit or stash them, or leave --push out',
    },
  );
}

/**
 * Finds where a job in place begins and brings it into the mirror. Healing begins with the state of the working
 * tree, uncommitted changes included; an issue with the last commit, judged against where its branch began.
 *
 * @throws JobError `conflict` when the branch has other work and the checkout is not clean, `repo_unusable`
 */
export async function fetchInPlace(
  context: JobContext,
  remote: Remote,
  inPlace: InPlace,
): Promise<InPlaceBase> {
  const { git, job, layout, paths } = context;
  const repo = layout.repo(remote.url);
  if (remote.kind !== 'checkout') {
    const base = await fetchBase(git, repo, remote, null, job.job_id);
    return { base, start: base.sha, parent: base.sha, tip: null, on: null, notices: [] };
  }
  const position = await readPosition(git, remote.url);
  const tip = await branchTip(git, remote.url, inPlace.branch);
  const { base, start, notices } = await choose(git, remote.url, inPlace, position, tip);
  const pinned = await fetchBase(git, repo, remote, base, job.job_id);
  const name = start === position.head ? (position.branch ?? base.slice(0, 12)) : inPlace.branch;
  const known = { tip, on: position.branch };
  if (inPlace.command !== 'self-heal' || position.dirty.length === 0) {
    return { ...known, base: { ...pinned, name, isBranch: true }, start, parent: start, notices };
  }
  const info = commitInfo(context, 'Agent: state of the working tree before self-healing');
  const from = { checkout: remote.url, head: base, home: context.config.host.home };
  const own = `${paths.root}.snapshot`;
  const sha = await snapshotCheckout(git, from, { mirror: repo.mirror, ref: pinRef(job.job_id), own }, info);
  const said = `uncommitted changes are judged too, and go onto ${inPlace.branch} as a commit of their own`;
  const all = sha === base ? notices : [...notices, said];
  return { ...known, base: { name, sha, isBranch: true }, start: sha, parent: sha, notices: all };
}
