/** Commits, files and refs as GitHub shows them. */
import type { Commit, FileChange } from '../git/history.ts';
import type { Core } from '../state/core.ts';
import type { Repository } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { nodeId } from './accounts.ts';
import { repoApi, repoHtml } from './repositories.ts';

/** `commit`, without the files, which only one commit's own page has. */
export function commitJson(core: Core, repository: Repository, commit: Commit): Json {
  const api = (below: string): string => repoApi(core, repository, below);
  return {
    sha: commit.sha,
    node_id: nodeId('Commit', repository.id),
    commit: {
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      tree: { sha: commit.tree, url: api(`/git/trees/${commit.tree}`) },
      url: api(`/git/commits/${commit.sha}`),
      comment_count: 0,
      verification: {
        verified: false,
        reason: 'unsigned',
        signature: null,
        payload: null,
        verified_at: null,
      },
    },
    url: api(`/commits/${commit.sha}`),
    html_url: repoHtml(core, repository, `/commit/${commit.sha}`),
    comments_url: api(`/commits/${commit.sha}/comments`),
    // No e-mail address belongs to an account here.
    author: null,
    committer: null,
    parents: commit.parents.map((sha) => ({
      sha,
      url: api(`/commits/${sha}`),
      html_url: repoHtml(core, repository, `/commit/${sha}`),
    })),
  };
}

/** `diff-entry`. */
export function fileJson(
  core: Core,
  repository: Repository,
  file: FileChange,
  sha: string,
  patch: string | null,
): Json {
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: file.blob,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: repoHtml(core, repository, `/blob/${sha}/${path}`),
    raw_url: repoHtml(core, repository, `/raw/${sha}/${path}`),
    contents_url: repoApi(core, repository, `/contents/${path}?ref=${sha}`),
    ...(patch === null ? {} : { patch }),
    ...(file.previousPath === null ? {} : { previous_filename: file.previousPath }),
  };
}

/** `git-ref`. */
export function refJson(core: Core, repository: Repository, name: string, sha: string): Json {
  return {
    ref: name,
    node_id: nodeId('Ref', repository.id),
    url: repoApi(core, repository, `/git/${name}`),
    object: { sha, type: 'commit', url: repoApi(core, repository, `/git/commits/${sha}`) },
  };
}
