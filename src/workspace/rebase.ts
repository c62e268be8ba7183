/** Carrying a change over to a base that moved: three trees become one, or it is said that they do not fit. */
import type { Git, GitTarget } from './git.ts';
import type { Source } from './remote/listing.ts';

/** Brings one commit of a remote into a repository of the runner's own. */
export async function fetchCommit(git: Git, target: GitTarget, source: Source, sha: string): Promise<void> {
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', source.url, sha];
  await git({ dir: target.dir }, args, { config: source.kind === 'url' ? 'user' : 'none' });
}

/**
 * The tree of `onto` with what `change` did since the two parted, by git's own three-way algorithm (since 2.38).
 * Nothing but objects is written.
 *
 * @returns `null` where they touch the same lines, or `onto` does not go on from the change's base
 */
export async function rebaseTree(
  git: Git,
  target: GitTarget,
  base: string,
  onto: string,
  change: string,
): Promise<string | null> {
  const own = { dir: target.dir };
  const goesOn = await git(own, ['merge-base', '--is-ancestor', base, onto], { okCodes: [0, 1, 128] });
  if (goesOn.code !== 0) return null;
  const args = ['merge-tree', '--write-tree', '--no-messages', onto, change];
  const result = await git(own, args, { okCodes: [0, 1, 128, 129] });
  const tree = result.text.split('\n')[0] ?? '';
  return result.code === 0 && /^[0-9a-f]{40}$/.test(tree) ? tree : null;
}
