/** What a person has not committed. Looked at with our GIT_DIR and a copy of the index: their `.git` runs nothing. */
import { readFile, rm } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { splitNul, type Git, type GitTarget } from '../git.ts';
import { copyIndex } from '../staging.ts';

/** Longest look at a person's files; a slow disk must not hold up a job for a notice. */
const LOOK_TIMEOUT_MS = 20_000;

async function findIndex(checkout: string): Promise<string> {
  const dotGit = join(checkout, '.git');
  const text = await readFile(dotGit, 'utf8').catch(() => null);
  const gitDir = text === null ? dotGit : (/^gitdir: (.+)$/m.exec(text)?.[1] ?? '');
  return join(isAbsolute(gitDir) ? gitDir : resolve(checkout, gitDir), 'index');
}

/**
 * Paths of a working repository that differ from `head`: changed, staged, or new and not ignored. An answer is
 * a courtesy: where it can't be had in time, it is empty.
 *
 * @param target any GIT_DIR of ours that has `head`
 */
export async function dirtyPaths(
  git: Git,
  target: GitTarget,
  checkout: string,
  head: string,
): Promise<readonly string[]> {
  const index = join(target.dir, 'index.dirty');
  try {
    await copyIndex(await findIndex(checkout), index);
    const look = { dir: target.dir, workTree: checkout, index };
    const options = { timeoutMs: LOOK_TIMEOUT_MS };
    // A clone that was copied, or a file that was touched, only seems changed until it is looked into.
    await git(look, ['update-index', '-q', '--refresh', '--ignore-submodules'], {
      ...options,
      okCodes: [0, 1],
    });
    const changed = await git(
      look,
      ['diff-index', '-z', '--name-only', '--ignore-submodules=all', head],
      options,
    );
    const others = await git(
      look,
      ['ls-files', '-z', '--others', '--exclude-standard', '--directory', '--no-empty-directory'],
      options,
    );
    return [...splitNul(changed.stdout), ...splitNul(others.stdout)];
  } catch {
    return [];
  } finally {
    await rm(index, { force: true });
  }
}
