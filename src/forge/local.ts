/** Repositories without a forge: a working repository, a bare one, or any URL that git can push to. */
import { lstat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { JobError } from '../job/error.ts';
import { isOwnerName, parseRepo } from '../job/request.ts';
import { shellWord } from '../job/text/shell.ts';
import type { Forge, Remote } from './forge.ts';

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** The working repository or bare repository that `path` lies in, or `null`. */
async function findRepository(path: string): Promise<Remote | null> {
  for (let at = path; ; at = dirname(at)) {
    if (await exists(join(at, '.git'))) return { url: at, display: at, kind: 'checkout' };
    const bare =
      (await exists(join(at, 'HEAD'))) &&
      (await exists(join(at, 'objects'))) &&
      (await exists(join(at, 'refs')));
    if (bare) return { url: at, display: at, kind: 'bare' };
    if (dirname(at) === at) return null;
  }
}

/** Servers of which it is known where a pull request is opened by hand. */
const COMPARING =
  /^(?:https:\/\/(?:[^/@]*@)?|ssh:\/\/git@|git@)(github\.com|codeberg\.org|gitea\.com)[/:](.+?)(?:\.git)?\/?$/;

/** Where a person opens the pull request of a pushed branch, where that is known. */
function comparePage(url: string, base: string, branch: string): readonly string[] {
  const [, host, name] = COMPARING.exec(url) ?? [];
  if (host === undefined || name === undefined) return [];
  const refs = [base, branch].map((ref) => ref.split('/').map(encodeURIComponent).join('/')).join('...');
  return [`open a pull request there: https://${host}/${name}/compare/${refs}`];
}

/**
 * Makes the forge of repositories without a forge.
 *
 * @param options.cwd where relative paths start
 */
export function createLocalForge(options: { readonly cwd: string }): Forge {
  return {
    name: 'local',
    owns: () => true,
    async resolve(repo) {
      parseRepo(repo);
      if (repo.startsWith('file://')) return { url: repo, display: repo, kind: 'url' };
      if (/^(https|ssh):\/\//.test(repo) || (!isAbsolute(repo) && /^[^/]+@[^/]+:/.test(repo))) {
        return { url: repo, display: repo.replace(/\/\/[^/@]*@/, '//'), kind: 'url' };
      }
      const path = resolve(options.cwd, repo);
      if (!(await exists(path))) {
        // Requests hold whole paths: what a person typed is what lies below where they stand.
        const short = isOwnerName(relative(options.cwd, path))
          ? 'check the path, or give a URL; owner/name needs a forge: set BOT_TOKEN to the token of an account there'
          : 'check the path';
        throw new JobError('repo_unusable', `repo: ${path} does not exist`, { hint: short });
      }
      const found = await findRepository(path);
      if (found !== null) return found;
      throw new JobError('repo_unusable', `repo: ${path} is not a git repository`, {
        hint: 'run `git init` and make a first commit there, or name another path',
      });
    },
    access: (remote) => {
      return {
        propose: ({ base, branch, publishTo }) =>
          Promise.resolve({
            outcome: 'proposed',
            prUrl: null,
            pushCommand:
              publishTo === null
                ? null
                : `git -C ${shellWord(remote.url)} push -u ${shellWord(publishTo)} ${shellWord(branch)}`,
            notices: comparePage(remote.url, base, branch),
          }),
      };
    },
  };
}
