/** Makes a git repository of a case: the base on `main`, the change on `change`. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Case, Edit } from './cases.ts';

const run = promisify(execFile);
const GIT_TIMEOUT_MS = 60_000;

/** Git without a person's configuration, and with fixed dates: equal trees give equal commits. */
async function git(folder: string, path: string, ...args: readonly string[]): Promise<void> {
  const person = { NAME: 'Corpus', EMAIL: 'corpus@example.org', DATE: '2026-01-01T00:00:00Z' };
  const env = Object.fromEntries(
    ['AUTHOR', 'COMMITTER'].flatMap((role) =>
      Object.entries(person).map(([key, value]) => [`GIT_${role}_${key}`, value]),
    ),
  );
  await run('git', ['-c', 'core.autocrlf=false', ...args], {
    cwd: folder,
    env: { PATH: path, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', ...env },
    timeout: GIT_TIMEOUT_MS,
  });
}

async function apply(folder: string, edit: Edit, fill: (text: string) => string): Promise<void> {
  if ('write' in edit) {
    const target = join(folder, edit.write);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, fill(edit.text));
  } else if ('delete' in edit) {
    await rm(join(folder, edit.delete));
  } else if ('rename' in edit) {
    const target = join(folder, edit.to);
    await mkdir(dirname(target), { recursive: true });
    await rename(join(folder, edit.rename), target);
  } else {
    const target = join(folder, edit.replace);
    const parts = (await readFile(target, 'utf8')).split(edit.old);
    if (parts.length !== 2) {
      throw new Error(
        `${edit.replace}: the old text is there ${parts.length - 1} times, not once:\n${edit.old}`,
      );
    }
    await writeFile(target, parts.join(fill(edit.new)));
  }
}

/**
 * Writes a case's repository into `folder`, which must not exist.
 *
 * @param source the repository's files before any edit
 * @param path the PATH that git is found on
 * @param fill puts values in the place of `{{…}}` in written text
 * @throws Error when an edit does not fit, or head equals base
 */
export async function makeRepository(
  one: Case,
  source: string,
  folder: string,
  path: string,
  fill: (text: string) => string,
): Promise<void> {
  await cp(source, folder, { recursive: true });
  const settings = join(folder, '.agent-runner.yml');
  const text = await readFile(settings, 'utf8').catch(() => null);
  if (text !== null) await writeFile(settings, fill(text));
  const commit = async (edits: readonly Edit[], message: string): Promise<void> => {
    for (const edit of edits) await apply(folder, edit, fill);
    await git(folder, path, 'add', '--all');
    await git(folder, path, 'commit', '--quiet', '--no-verify', '--message', message);
  };
  try {
    await git(folder, path, 'init', '--quiet', '--initial-branch=main');
    await commit(one.base, 'base');
    await git(folder, path, 'switch', '--quiet', '--create', 'change');
    await commit(one.head, 'change');
  } catch (error) {
    throw new Error(`${one.id}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
