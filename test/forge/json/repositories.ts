/** Repositories as GitHub shows them. */
import { atLeast, forksOf, repositoryById, roleOf, sourceOf, type Actor, type Core } from '../state/core.ts';
import type { Repository, Role } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { apiUrl, nodeId, simpleUser } from './accounts.ts';

// Links of a repository whose name and place say all: `events` is at …/events.
const LINKS: Readonly<Record<string, string>> = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

export function fullName(repository: Repository): string {
  return `${repository.owner}/${repository.name}`;
}

/** Link to a repository or something below it in the API. */
export function repoApi(core: Core, repository: Repository, below = ''): string {
  return `${apiUrl(core)}/repos/${fullName(repository)}${below}`;
}

/** The same on the page that people see. */
export function repoHtml(core: Core, repository: Repository, below = ''): string {
  return `${core.url.value}/${fullName(repository)}${below}`;
}

function permissions(role: Role): Json {
  return {
    admin: atLeast(role, 'admin'),
    maintain: atLeast(role, 'maintain'),
    push: atLeast(role, 'write'),
    triage: atLeast(role, 'triage'),
    pull: atLeast(role, 'read'),
  };
}

/** A repository as it stands in lists and in other answers (`repository`, `minimal-repository`). */
export function listedRepository(core: Core, repository: Repository, actor?: Actor): Json {
  const open = (list: readonly { readonly state: string }[]): number =>
    list.filter((one) => one.state === 'open').length;
  const openCount = open(repository.issues) + open(repository.pulls);
  const forks = forksOf(core, repository).length;
  return {
    id: repository.id,
    node_id: nodeId('Repository', repository.id),
    name: repository.name,
    full_name: fullName(repository),
    owner: simpleUser(core, repository.owner),
    private: repository.private,
    visibility: repository.private ? 'private' : 'public',
    html_url: repoHtml(core, repository),
    description: null,
    fork: repository.parentId !== null,
    url: repoApi(core, repository),
    ...Object.fromEntries(
      Object.entries(LINKS).map(([key, below]) => [key, repoApi(core, repository, below)]),
    ),
    git_url: `git:${core.url.value.replace(/^https?:/, '')}/${fullName(repository)}.git`,
    ssh_url: `git@${new URL(core.url.value).hostname}:${fullName(repository)}.git`,
    clone_url: repoHtml(core, repository, '.git'),
    svn_url: repoHtml(core, repository),
    mirror_url: null,
    homepage: null,
    language: null,
    license: null,
    topics: [],
    forks_count: forks,
    forks,
    stargazers_count: 0,
    watchers_count: 0,
    watchers: 0,
    size: 1,
    default_branch: repository.defaultBranch,
    open_issues_count: openCount,
    open_issues: openCount,
    is_template: false,
    has_issues: repository.parentId === null,
    has_projects: true,
    has_wiki: true,
    has_pages: false,
    has_downloads: true,
    has_discussions: false,
    archived: repository.archived,
    disabled: false,
    allow_forking: true,
    web_commit_signoff_required: false,
    pushed_at: repository.pushedAt,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    ...(actor === undefined ? {} : { permissions: permissions(roleOf(core, actor, repository)) }),
  };
}

/** A repository as its own page (`full-repository`), with what it was forked from. */
export function fullRepository(core: Core, repository: Repository, actor: Actor): Json {
  const parent = repositoryById(core, repository.parentId);
  return {
    ...listedRepository(core, repository, actor),
    subscribers_count: 0,
    network_count: forksOf(core, sourceOf(core, repository)).length,
    temp_clone_token: null,
    allow_squash_merge: true,
    allow_merge_commit: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    delete_branch_on_merge: false,
    ...(parent === undefined
      ? {}
      : {
          parent: listedRepository(core, parent),
          source: listedRepository(core, sourceOf(core, repository)),
        }),
  };
}
