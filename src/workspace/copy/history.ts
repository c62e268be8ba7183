/**
 * The history an agent may read: packs with exactly the objects its base reaches. The mirror itself is never
 * shown to a job, because it holds other jobs' bases too. A base that descends from one packed earlier only
 * packs what is new, and is read together with it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Git } from '../git.ts';

/** Object directories that together hold a base's history; each has a `pack` folder. */
export type History = readonly string[];

/** Commits before a base among which an earlier one is looked for: a step of a pipeline may come after a thousand others. */
const MAX_BEFORE = 2000;
/** How many earlier bases, which are not in a straight line behind it, are tried as a starting point, newest first; each try is one git call of about 2 ms. */
const MAX_CANDIDATES = 5;
/** Longest chain of packs; every object look-up walks them all, so a long chain is packed anew. */
const MAX_CHAIN = 8;

async function readChain(root: string, sha: string): Promise<string[] | null> {
  const text = await readFile(join(root, sha, 'chain'), 'utf8').catch(() => null);
  return text === null ? null : text.split('\n').filter((line) => /^[0-9a-f]{40}$/.test(line));
}

async function findAncestor(git: Git, mirror: string, root: string, sha: string): Promise<string[]> {
  const names = (await readdir(root).catch(() => [])).filter((name) => /^[0-9a-f]{40}$/.test(name));
  if (names.length === 0) return [];
  const line = ['rev-list', '--first-parent', `--max-count=${MAX_BEFORE}`, sha, '--'];
  const before = await git({ dir: mirror }, line, { okCodes: [0, 1, 128] });
  for (const name of before.text.split('\n').filter((id) => names.includes(id))) {
    const chain = await readChain(root, name);
    if (chain !== null && chain.length < MAX_CHAIN) return chain;
  }
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(root, name)).catch(() => null))?.mtimeMs ?? 0 })),
  );
  for (const { name } of aged.toSorted((a, b) => b.at - a.at).slice(0, MAX_CANDIDATES)) {
    const args = ['merge-base', '--is-ancestor', name, sha];
    const answer = await git({ dir: mirror }, args, { okCodes: [0, 1, 128] });
    const chain = answer.code === 0 ? await readChain(root, name) : null;
    if (chain !== null && chain.length < MAX_CHAIN) return chain;
  }
  return [];
}

/**
 * Object directories for the history of `sha`, packed on first use and kept.
 *
 * @param root folder that holds the packs of this repository, one folder a base
 */
export async function openHistory(git: Git, mirror: string, root: string, sha: string): Promise<History> {
  const done = await readChain(root, sha);
  if (done !== null) return done.map((name) => join(root, name));
  const ancestors = await findAncestor(git, mirror, root, sha);
  const building = join(root, `.new-${randomBytes(6).toString('hex')}`);
  await mkdir(join(building, 'pack'), { recursive: true });
  const chain = [sha, ...ancestors];
  const newest = ancestors[0];
  const stdin = newest === undefined ? `${sha}\n` : `${sha}\n^${newest}\n`;
  const args = ['pack-objects', '--revs', '--quiet', '--delta-base-offset', join(building, 'pack', 'pack')];
  await git({ dir: mirror }, args, { stdin });
  await writeFile(join(building, 'chain'), chain.join('\n'));
  try {
    await rename(building, join(root, sha));
  } catch (error) {
    // Another process packed the same base meanwhile: its result is as good.
    await rm(building, { recursive: true, force: true });
    if ((await readChain(root, sha)) === null) throw error;
  }
  return chain.map((name) => join(root, name));
}
