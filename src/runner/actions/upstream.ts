/** The upstream and a change of it in a repository of ours: fetched, never cloned in place, and looked at as data. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Access, Remote } from '../../forge/forge.ts';
import { JobError } from '../../job/error.ts';
import { treeOf } from '../../workspace/change.ts';
import { fetchCommit, isAncestor, rebaseTree } from '../../workspace/commits.ts';
import type { Git, GitTarget } from '../../workspace/git.ts';
import { findBase } from '../../workspace/remote/listing.ts';
import { createBare } from '../../workspace/remote/mirror.ts';
import type { Reached } from '../forge/alone/fork.ts';
import { CHANGE_REF, unfit, type ReadChange } from './artifact.ts';

/** Objects that a change may bring, and what they may hold in all once they are unpacked. */
const MAX_OBJECTS = 50_000;
const MAX_OBJECT_BYTES = 512 * 1024 * 1024;
const GITLINK = '160000';

/** The branch that a change is for, in a bare repository of ours. */
export interface Upstream {
  readonly target: Pick<GitTarget, 'dir'>;
  readonly remote: Remote;
  readonly access: Access;
  readonly base: string;
  readonly tip: string;
}

/**
 * Fetches a branch of the upstream with all that it reaches into a new repository below `folder`.
 *
 * @param base branch; `null` for the default one
 * @throws JobError `repo_unusable`, `base_missing`, or `infra_failed`
 */
export async function fetchUpstream(
  { git, remote, access }: Reached,
  folder: string,
  base: string | null,
): Promise<Upstream> {
  const found = await findBase(git, join(folder, 'listed'), remote, base);
  if (!found.isBranch) {
    throw new JobError('base_missing', `base: ${found.name} of ${remote.display} is no branch`, {
      hint: 'name a branch: a pull request is for one',
    });
  }
  const dir = join(folder, 'upstream.git');
  await createBare(dir);
  const ref = `refs/heads/${found.name}`;
  await fetchCommit(git, { dir }, remote, `+${ref}:${ref}`);
  await git({ dir }, ['symbolic-ref', 'HEAD', ref]);
  const { text: tip } = await git({ dir }, ['rev-parse', '--verify', '--end-of-options', ref]);
  return { target: { dir }, remote, access, base: found.name, tip };
}

/** Refuses more than a change may bring. Sizes are those that git reads from a pack's heads. */
async function refuseTooMuch(
  git: Git,
  target: Upstream['target'],
  from: string,
  head: string,
): Promise<void> {
  const list = ['rev-list', '--objects', '--no-object-names', head, '--not', from];
  const { text: ids } = await git(target, list);
  const count = ids.split('\n').length;
  if (count > MAX_OBJECTS) throw unfit('bundle', `it brings ${count} objects (at most ${MAX_OBJECTS})`);
  const asked = ['cat-file', '--batch-check=%(objectsize)'];
  const { text: sizes } = await git(target, asked, { stdin: `${ids}\n` });
  const bytes = sizes.split('\n').reduce((sum, size) => sum + Number(size), 0);
  if (!(bytes <= MAX_OBJECT_BYTES))
    throw unfit('bundle', `its objects hold ${bytes} bytes (at most ${MAX_OBJECT_BYTES})`);
}

/** Refuses what no change of an agent can hold: other repositories inside this one. */
async function refuseGitlinks(
  git: Git,
  target: Upstream['target'],
  from: string,
  head: string,
): Promise<void> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--ignore-submodules=none', from, head];
  const { text } = await git(target, args);
  const rows = text.split('\0').filter((row) => row.startsWith(':'));
  if (rows.some((row) => row.slice(1).split(' ')[1] === GITLINK))
    throw unfit('bundle', 'it adds or moves a submodule, which no change of an agent does');
}

/**
 * Takes the commit of a bundle into the upstream's repository: exactly one ref, every object checked by git as a server
 * checks a push, on a base that the upstream's branch has.
 *
 * @throws JobError `conflict` that says what does not fit
 */
export async function layBundle(
  git: Git,
  folder: string,
  { target, base, tip }: Upstream,
  { change, bundle }: Pick<ReadChange, 'change' | 'bundle'>,
): Promise<void> {
  const { base_sha: from, head_sha: head } = change;
  if (change.base !== base)
    throw unfit('change.json', `it is for ${JSON.stringify(change.base)}, not for ${base}`);
  const known = await git(target, ['cat-file', '-e', `${from}^{commit}`], { okCodes: [0, 1, 128] });
  if (known.code !== 0 || !(await isAncestor(git, target, from, tip)))
    throw unfit('change.json', `its base ${from.slice(0, 12)} is not in the history of ${base}`);
  // What was read and hashed is what git gets, whoever writes into the folder it came from.
  const path = join(folder, 'laid.bundle');
  await writeFile(path, bundle, { flag: 'wx' });
  const okCodes = [0, 1, 128];
  const listed = await git(null, ['bundle', 'list-heads', path], { okCodes });
  if (listed.code !== 0) throw unfit('bundle', 'it is no bundle');
  if (listed.text !== `${head} ${CHANGE_REF}`)
    throw unfit('bundle', `its refs are not exactly ${CHANGE_REF} at ${head.slice(0, 12)}`);
  const strict = ['-c', 'transfer.fsckObjects=true', '-c', 'fetch.unpackLimit=1'];
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', path];
  const fetched = await git(target, [...strict, ...fetch, `${CHANGE_REF}:${CHANGE_REF}`], { okCodes });
  if (fetched.code !== 0) throw unfit('bundle', `git refuses it: ${fetched.stderr.trim().slice(0, 500)}`);
  if (!(await isAncestor(git, target, from, head)))
    throw unfit('bundle', `its commit does not go on from ${from.slice(0, 12)}`);
  await refuseTooMuch(git, target, from, head);
  await refuseGitlinks(git, target, from, head);
}

/**
 * The tree of a change on a commit of its base: the bundle's own, or where the base moved since what it is there.
 *
 * @throws JobError `conflict` where it does not fit, or nothing of it is left
 */
export async function treeOn(
  git: Git,
  target: Upstream['target'],
  change: ReadChange['change'],
  onto: string,
): Promise<string> {
  const { base_sha: from, head_sha: head } = change;
  const tree = onto === from ? await treeOf(git, target, head) : await rebaseTree(git, target, onto, head);
  if (tree !== null && tree !== (await treeOf(git, target, onto))) return tree;
  const why =
    tree === null
      ? `the base moved to ${onto.slice(0, 12)} while the agent worked, and the change does not fit it`
      : `the base at ${onto.slice(0, 12)} has all of it already`;
  throw new JobError('conflict', `change: ${why}`, { hint: 'run the workflow again, on what is there now' });
}
