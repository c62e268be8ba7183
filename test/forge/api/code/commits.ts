/** Commits, comparisons and files. */
import { folderOf, forksOf, sourceOf, type Core } from '../../state/core.ts';
import type { Repository } from '../../state/model.ts';
import {
  blobBase64,
  changedFiles,
  commit,
  countCommits,
  entriesAt,
  log,
  mergeBase,
  patchOf,
  type Commit,
  type Entry,
} from '../../git/history.ts';
import { listRefs, readRef } from '../../git/refs.ts';
import { commitJson, fileJson } from '../../json/commits.ts';
import { repoApi, repoHtml } from '../../json/repositories.ts';
import { notFound, Refusal } from '../../http/refusal.ts';
import { route, type Call, type Json, type Route } from '../../http/route.ts';

const READ = { permission: ['contents', 'read'] } as const;
// What GitHub shows of a comparison.
const MAX_COMMITS = 250;
const MAX_FILES = 300;

/** The commit that a person's word for it names: a branch, a tag, a sha or the beginning of one. */
export async function resolveCommit(
  core: Core,
  repository: Repository,
  word: string,
): Promise<Commit | null> {
  const folder = folderOf(core, repository);
  const name = word.replace(/^refs\//, '');
  for (const ref of [`refs/heads/${name}`, `refs/tags/${name}`, `refs/${name}`]) {
    const sha = await readRef(folder, ref);
    if (sha !== null) return commit(folder, sha);
  }
  return /^[0-9a-f]{7,40}$/.test(word) ? commit(folder, word) : null;
}

/** Files of a difference, with their patches. */
export async function filesJson(
  core: Core,
  repository: Repository,
  from: string,
  to: string,
): Promise<readonly Json[]> {
  const folder = folderOf(core, repository);
  const files = (await changedFiles(folder, from, to)).slice(0, MAX_FILES);
  return Promise.all(
    files.map(async (file) =>
      fileJson(core, repository, file, to, await patchOf(folder, from, to, file.path)),
    ),
  );
}

// The tree without anything, which git knows without storing it.
const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

async function oneCommit({ core, repository, params }: Call): Promise<Json> {
  const found = await resolveCommit(core, repository, params['ref'] ?? '');
  if (found === null) throw new Refusal(422, `No commit found for SHA: ${params['ref'] ?? ''}`);
  const files = await filesJson(core, repository, found.parents[0] ?? EMPTY_TREE, found.sha);
  const sum = (key: string): number => files.reduce((total, file) => total + Number(file[key]), 0);
  return {
    ...commitJson(core, repository, found),
    stats: { total: sum('changes'), additions: sum('additions'), deletions: sum('deletions') },
    files,
  };
}

/** A side of a comparison: `branch`, `owner:branch` or `owner:repo:branch`, in the same network. */
async function side(core: Core, repository: Repository, text: string): Promise<Commit> {
  const parts = text.split(':');
  const ref = parts.at(-1) ?? '';
  let at = repository;
  if (parts.length > 1) {
    const source = sourceOf(core, repository);
    const network = [source, ...forksOf(core, source), ...forksOf(core, repository), repository];
    const found = network.find(
      (one) => one.owner === parts[0] && (parts.length === 2 || one.name === parts[1]),
    );
    if (found === undefined) throw notFound();
    at = found;
  }
  const found = await resolveCommit(core, at, ref);
  if (found === null) throw notFound();
  return found;
}

async function compare({ core, repository, params }: Call): Promise<Json> {
  const text = params['basehead'] ?? '';
  const [left, right] = text.split('...');
  if (!left || !right) throw notFound();
  const folder = folderOf(core, repository);
  const [base, head] = [await side(core, repository, left), await side(core, repository, right)];
  const common = await mergeBase(folder, base.sha, head.sha);
  if (common === null) throw new Refusal(404, `No common ancestor between ${left} and ${right}.`);
  const ahead = await countCommits(folder, base.sha, head.sha);
  const behind = await countCommits(folder, head.sha, base.sha);
  const commits = (await log(folder, [head.sha, `^${base.sha}`], { max: MAX_COMMITS })).toReversed();
  const common_commit = await commit(folder, common);
  if (common_commit === null) throw notFound();
  const html = repoHtml(core, repository, `/compare/${text}`);
  return {
    url: repoApi(core, repository, `/compare/${text}`),
    html_url: html,
    permalink_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    base_commit: commitJson(core, repository, base),
    merge_base_commit: commitJson(core, repository, common_commit),
    status: ahead > 0 ? (behind > 0 ? 'diverged' : 'ahead') : behind > 0 ? 'behind' : 'identical',
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: commits.map((one) => commitJson(core, repository, one)),
    files: await filesJson(core, repository, common, head.sha),
  };
}

function entryJson(core: Core, repository: Repository, entry: Entry, ref: string): Json {
  const path = entry.path.split('/').map(encodeURIComponent).join('/');
  const self = repoApi(core, repository, `/contents/${path}?ref=${encodeURIComponent(ref)}`);
  const isFile = entry.type === 'blob';
  const git = repoApi(core, repository, `/git/${isFile ? 'blobs' : 'trees'}/${entry.sha}`);
  const html = repoHtml(core, repository, `/${isFile ? 'blob' : 'tree'}/${ref}/${path}`);
  return {
    type: isFile ? 'file' : 'dir',
    size: isFile ? entry.size : 0,
    name: entry.path.split('/').at(-1) ?? '',
    path: entry.path,
    sha: entry.sha,
    url: self,
    git_url: git,
    html_url: html,
    download_url: isFile ? repoHtml(core, repository, `/raw/${ref}/${path}`) : null,
    _links: { self, git, html },
  };
}

async function contents({ core, repository, params, query }: Call): Promise<unknown> {
  const ref = query.get('ref') ?? repository.defaultBranch;
  const at = await resolveCommit(core, repository, ref);
  if (at === null) throw new Refusal(404, `No commit found for the ref ${ref}`);
  const path = (params['path'] ?? '').replace(/^\/+|\/+$/g, '');
  const folder = folderOf(core, repository);
  const found = await entriesAt(folder, at.sha, path);
  if (found === null) throw notFound();
  if (found.self?.type !== 'blob')
    return found.children.map((entry) => entryJson(core, repository, entry, ref));
  return {
    ...entryJson(core, repository, found.self, ref),
    encoding: 'base64',
    content: await blobBase64(folder, found.self.sha),
  };
}

export const COMMIT_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}/commits', READ, async ({ core, repository, query }) => {
    const folder = folderOf(core, repository);
    if ((await listRefs(folder, 'refs/heads/')).length === 0)
      throw new Refusal(409, 'Git Repository is empty.');
    const from = await resolveCommit(core, repository, query.get('sha') ?? repository.defaultBranch);
    if (from === null) throw notFound();
    const commits = await log(folder, [from.sha], { max: 1000, path: query.get('path') });
    return { status: 200, list: commits.map((one) => commitJson(core, repository, one)) };
  }),
  route('GET /repos/{owner}/{repo}/commits/{ref}', READ, async (call) => ({
    status: 200,
    body: await oneCommit(call),
  })),
  route('GET /repos/{owner}/{repo}/compare/{basehead}', READ, async (call) => ({
    status: 200,
    body: await compare(call),
  })),
  route('GET /repos/{owner}/{repo}/contents/{path}', READ, async (call) => ({
    status: 200,
    body: await contents(call),
  })),
  route('GET /repos/{owner}/{repo}/contents', READ, async (call) => ({
    status: 200,
    body: await contents(call),
  })),
];
