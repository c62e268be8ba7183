/** Pull requests and what hangs on them, as GitHub shows them. */
import { repositoryById, type Core } from '../state/core.ts';
import type { Issue, Label, Pull, Reaction, Repository } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { nodeId, simpleUser } from './accounts.ts';
import { listedRepository, repoApi, repoHtml } from './repositories.ts';

export function labelJson(core: Core, repository: Repository, label: Label): Json {
  return {
    id: label.id,
    node_id: nodeId('Label', label.id),
    url: repoApi(core, repository, `/labels/${encodeURIComponent(label.name)}`),
    name: label.name,
    color: label.color,
    default: false,
    description: label.description,
  };
}

export function labelsJson(core: Core, repository: Repository, names: readonly string[]): readonly Json[] {
  return names.flatMap((name) => {
    const label = repository.labels.find((one) => one.name.toLowerCase() === name.toLowerCase());
    return label === undefined ? [] : [labelJson(core, repository, label)];
  });
}

const EMOJI = ['+1', '-1', 'laugh', 'hooray', 'confused', 'heart', 'rocket', 'eyes'] as const;

/** How many of each reaction there are (`reaction-rollup`). */
export function reactionsJson(url: string, reactions: readonly Reaction[]): Json {
  const count = (content: string): number => reactions.filter((one) => one.content === content).length;
  return {
    url: `${url}/reactions`,
    total_count: reactions.length,
    ...Object.fromEntries(EMOJI.map((name) => [name, count(name)])),
  };
}

/** What the writer is to the repository. */
export function association(repository: Repository, login: string): string {
  if (repository.owner.toLowerCase() === login.toLowerCase()) return 'OWNER';
  return login in repository.collaborators ? 'COLLABORATOR' : 'NONE';
}

/** The fields that issues and pull requests share. */
export function sharedFields(core: Core, repository: Repository, issue: Issue): Json {
  const assignees = issue.assignees.map((login) => simpleUser(core, login));
  return {
    id: issue.id,
    number: issue.number,
    state: issue.state,
    locked: false,
    active_lock_reason: null,
    title: issue.title,
    body: issue.body,
    user: simpleUser(core, issue.login),
    labels: labelsJson(core, repository, issue.labels),
    milestone: null,
    assignee: assignees[0] ?? null,
    assignees,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    author_association: association(repository, issue.login),
  };
}

/** `pull-request-simple`, as lists have it. */
export function listedPull(core: Core, repository: Repository, pull: Pull): Json {
  const at = repoApi(core, repository, `/pulls/${pull.number}`);
  const issue = repoApi(core, repository, `/issues/${pull.number}`);
  const html = repoHtml(core, repository, `/pull/${pull.number}`);
  const head = repositoryById(core, pull.headRepositoryId);
  const [headOwner = '', headBranch = ''] = pull.headLabel.split(':');
  const links = {
    self: at,
    html,
    issue,
    comments: `${issue}/comments`,
    review_comments: `${at}/comments`,
    review_comment: repoApi(core, repository, '/pulls/comments{/number}'),
    commits: `${at}/commits`,
    statuses: repoApi(core, repository, `/statuses/${pull.headSha}`),
  };
  return {
    ...sharedFields(core, repository, pull),
    // In lists GitHub's description knows no label without a text.
    labels: labelsJson(core, repository, pull.labels).map((label) => {
      return { ...label, description: label['description'] ?? '' };
    }),
    node_id: nodeId('PullRequest', pull.id),
    url: at,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    issue_url: issue,
    comments_url: links.comments,
    review_comments_url: links.review_comments,
    review_comment_url: links.review_comment,
    commits_url: links.commits,
    statuses_url: links.statuses,
    draft: pull.draft,
    merged_at: null,
    merge_commit_sha: null,
    auto_merge: null,
    requested_reviewers: pull.requestedReviewers.map((login) => simpleUser(core, login)),
    requested_teams: [],
    head: {
      label: pull.headLabel,
      ref: headBranch,
      sha: pull.headSha,
      user: simpleUser(core, headOwner),
      repo: head === undefined ? null : listedRepository(core, head),
    },
    base: {
      label: `${repository.owner}:${pull.baseRef}`,
      ref: pull.baseRef,
      sha: pull.baseSha,
      user: simpleUser(core, repository.owner),
      repo: listedRepository(core, repository),
    },
    _links: Object.fromEntries(Object.entries(links).map(([key, href]) => [key, { href }])),
  };
}

/**
 * `pull-request`: its own page, with its figures. Nothing here merges, so nothing is ever merged.
 *
 * @param mergeable `null`: not known yet
 */
export function fullPull(
  core: Core,
  repository: Repository,
  pull: Pull,
  mergeable: boolean | null = null,
): Json {
  const { figures } = pull;
  return {
    ...listedPull(core, repository, pull),
    merged: false,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: mergeable === null ? 'unknown' : mergeable ? (pull.draft ? 'draft' : 'clean') : 'dirty',
    merged_by: null,
    comments: repository.comments.filter((one) => one.issue === pull.number).length,
    review_comments: pull.reviewComments.length,
    maintainer_can_modify: pull.maintainerCanModify,
    commits: figures.commits,
    additions: figures.additions,
    deletions: figures.deletions,
    changed_files: figures.changedFiles,
  };
}
