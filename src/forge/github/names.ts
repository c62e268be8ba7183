/** How repositories of a GitHub server are named: `owner/name`, by https and by ssh. */
import { isOwnerName } from '../../job/request.ts';

/** A repository of the server. */
export interface RepoName {
  readonly owner: string;
  readonly name: string;
}

/** Where a pull request goes, and where it comes from. */
export interface Route {
  readonly upstream: RepoName;
  /** Owner and name of the repository that has the branch. */
  readonly head: RepoName;
}

/** `owner/name` in two parts; `null` where it is none. */
export function splitName(fullName: string): RepoName | null {
  const text = fullName.replace(/\.git$/, '');
  if (!isOwnerName(text) || text.startsWith('.') || text.startsWith('-')) return null;
  const [owner = '', name = ''] = text.split('/');
  return name === '.' || name === '..' ? null : { owner, name };
}

/**
 * The repository of a server that an address names, in any of the forms that git takes.
 *
 * @param url address of the server, without a slash at its end
 */
export function nameOn(url: string, repo: string): RepoName | null {
  const { host, hostname } = new URL(url);
  const forms = [`${url}/`, `ssh://git@${host}/`, `ssh://git@${hostname}/`, `git@${hostname}:`];
  const lower = repo.toLowerCase();
  const form = forms.find((one) => lower.startsWith(one.toLowerCase()));
  return form === undefined ? null : splitName(repo.slice(form.length).replace(/\/+$/, ''));
}

/** Whether two names are of one repository: GitHub tells no capitals apart. */
export function isSameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A repository as routes have it. */
export function repoOf({ owner, name }: RepoName): { readonly owner: string; readonly repo: string } {
  return { owner, repo: name };
}

/** Whether a proposal goes from one repository to another. */
export function isAcross({ upstream, head }: Route): boolean {
  return !isSameName(`${head.owner}/${head.name}`, `${upstream.owner}/${upstream.name}`);
}
