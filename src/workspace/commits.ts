/** Commits of several places brought together: fetched, compared, and a change carried over to a base that moved. */
import type { Git, GitTarget } from './git.ts';
import type { Source } from './remote/listing.ts';

/**
 * Brings a commit of a remote, with all it reaches, into a repository of the runner's own.
 *
 * @param what its full id, or a refspec that gives it a name there
 */
export async function fetchCommit(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  source: Source,
  what: string,
): Promise<void> {
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', source.url, what];
  await git({ dir }, args, { config: source.kind === 'url' ? 'user' : 'none' });
}

/**
 * Brings commits of a repository of the runner's own into another one of them, in two processes whatever their number;
 * what is there already is left.
 *
 * @param from bare repository on this machine
 * @param ids full ids; those that neither has are left out
 */
export async function fetchCommits(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  from: string,
  ids: readonly string[],
): Promise<void> {
  const lacking = async (where: string, some: readonly string[]): Promise<readonly string[]> => {
    const stdin = some.map((id) => `${id}\n`).join('');
    const args = ['cat-file', '--batch-check=%(objectname)'];
    const { text, code } = await git({ dir: where }, args, { stdin, okCodes: [0, 128] });
    // No repository: nothing was ever kept, or it is gone.
    if (code !== 0) return some;
    return text.split('\n').flatMap((line) => (line.endsWith(' missing') ? [line.slice(0, 40)] : []));
  };
  const wanted = await lacking(dir, ids);
  if (wanted.length === 0) return;
  const gone = new Set(await lacking(from, wanted));
  const stdin = wanted
    .filter((id) => !gone.has(id))
    .map((id) => `${id}\n`)
    .join('');
  if (stdin === '') return;
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--update-shallow', '--stdin'];
  await git({ dir }, [...args, '--', from], { stdin });
}

/** Whether the history of a commit has another; both are in the repository. */
export async function isAncestor(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  older: string,
  newer: string,
): Promise<boolean> {
  const args = ['merge-base', '--is-ancestor', older, newer];
  return (await git({ dir }, args, { okCodes: [0, 1] })).code === 0;
}

/** A commit by its id and the first line of its message, which others wrote. */
export interface NamedCommit {
  readonly sha: string;
  readonly title: string;
}

/**
 * The commits that one has and another has not, the newest first.
 *
 * @param most at most so many
 */
export async function listCommits(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  from: string,
  to: string,
  most: number,
): Promise<readonly NamedCommit[]> {
  const args = ['log', `--max-count=${most}`, '--format=%H %s', '--end-of-options', `${from}..${to}`];
  const { text } = await git({ dir }, args);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ sha: line.slice(0, 40), title: line.slice(41) }));
}

/**
 * The tree of `onto` with what `change` did since the two parted, by git's own three-way algorithm (since 2.38).
 * Nothing but objects is written.
 *
 * @returns `null` where they touch the same lines
 */
export async function rebaseTree(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  onto: string,
  change: string,
): Promise<string | null> {
  const args = ['merge-tree', '--write-tree', '--no-messages', onto, change];
  const result = await git({ dir }, args, { okCodes: [0, 1, 128, 129] });
  const tree = result.text.split('\n')[0] ?? '';
  return result.code === 0 && /^[0-9a-f]{40}$/.test(tree) ? tree : null;
}
