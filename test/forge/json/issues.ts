/** Issues and comments, as GitHub shows them. */
import type { Core } from '../state/core.ts';
import type { Comment, Issue, IssueEvent, Pull, Reaction, Repository } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { nodeId, simpleUser } from './accounts.ts';
import { association, labelsJson, reactionsJson, sharedFields } from './pulls.ts';
import { repoApi, repoHtml } from './repositories.ts';

/** An issue or pull request by its number: GitHub counts both together. */
export function issueOrPull(repository: Repository, number: string | number): Issue | Pull | undefined {
  const is = (one: Issue): boolean => String(one.number) === String(number);
  return repository.issues.find(is) ?? repository.pulls.find(is);
}

function isPull(issue: Issue | Pull): issue is Pull {
  return 'headRef' in issue;
}

/** `issue`; a pull request is one too, with a link to itself. */
export function issueJson(core: Core, repository: Repository, issue: Issue | Pull): Json {
  const at = repoApi(core, repository, `/issues/${issue.number}`);
  const html = repoHtml(core, repository, `/${isPull(issue) ? 'pull' : 'issues'}/${issue.number}`);
  return {
    ...sharedFields(core, repository, issue),
    node_id: nodeId('Issue', issue.id),
    url: at,
    repository_url: repoApi(core, repository),
    labels_url: `${at}/labels{/name}`,
    comments_url: `${at}/comments`,
    events_url: `${at}/events`,
    timeline_url: `${at}/timeline`,
    html_url: html,
    comments: repository.comments.filter((one) => one.issue === issue.number).length,
    state_reason: issue.stateReason,
    reactions: reactionsJson(at, issue.reactions),
    ...(isPull(issue)
      ? {
          draft: issue.draft,
          pull_request: {
            url: repoApi(core, repository, `/pulls/${issue.number}`),
            html_url: html,
            diff_url: `${html}.diff`,
            patch_url: `${html}.patch`,
            merged_at: null,
          },
        }
      : {}),
  };
}

/** `issue-comment`. */
export function commentJson(core: Core, repository: Repository, comment: Comment): Json {
  const issue = issueOrPull(repository, comment.issue);
  const page = issue !== undefined && isPull(issue) ? 'pull' : 'issues';
  const at = repoApi(core, repository, `/issues/comments/${comment.id}`);
  return {
    id: comment.id,
    node_id: nodeId('IssueComment', comment.id),
    url: at,
    html_url: repoHtml(core, repository, `/${page}/${comment.issue}#issuecomment-${comment.id}`),
    issue_url: repoApi(core, repository, `/issues/${comment.issue}`),
    body: comment.body,
    user: simpleUser(core, comment.login),
    author_association: association(repository, comment.login),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    performed_via_github_app: null,
    reactions: reactionsJson(at, comment.reactions),
  };
}

/** `issue-event`; of an assignment GitHub names who did it as the assigner. */
export function eventJson(core: Core, repository: Repository, event: IssueEvent): Json {
  const issue = issueOrPull(repository, event.issue);
  const isAssignment = event.event === 'assigned' || event.event === 'unassigned';
  const [label] = labelsJson(core, repository, event.what === null ? [] : [event.what]);
  return {
    id: event.id,
    node_id: nodeId('IssueEvent', event.id),
    url: repoApi(core, repository, `/issues/events/${event.id}`),
    actor: simpleUser(core, isAssignment ? (event.what ?? event.login) : event.login),
    event: event.event,
    commit_id: null,
    commit_url: null,
    created_at: event.createdAt,
    ...(label === undefined || isAssignment ? {} : { label: { name: label['name'], color: label['color'] } }),
    ...(isAssignment
      ? { assignee: simpleUser(core, event.what ?? ''), assigner: simpleUser(core, event.login) }
      : {}),
    performed_via_github_app: null,
    ...(issue === undefined ? {} : { issue: issueJson(core, repository, issue) }),
  };
}

/** `reaction`. */
export function reactionJson(core: Core, reaction: Reaction): Json {
  return {
    id: reaction.id,
    node_id: nodeId('Reaction', reaction.id),
    user: simpleUser(core, reaction.login),
    content: reaction.content,
    created_at: reaction.createdAt,
  };
}
