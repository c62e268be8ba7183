/** Reviews and review comments, as GitHub shows them. */
import type { Core } from '../state/core.ts';
import type { Pull, Repository, Review, ReviewComment } from '../state/model.ts';
import type { Json } from '../http/route.ts';
import { nodeId, simpleUser } from './accounts.ts';
import { association, reactionsJson } from './pulls.ts';
import { repoApi, repoHtml } from './repositories.ts';

/** `pull-request-review`. */
export function reviewJson(core: Core, repository: Repository, pull: Pull, review: Review): Json {
  const html = repoHtml(core, repository, `/pull/${pull.number}#pullrequestreview-${review.id}`);
  const at = repoApi(core, repository, `/pulls/${pull.number}`);
  return {
    id: review.id,
    node_id: nodeId('PullRequestReview', review.id),
    user: simpleUser(core, review.login),
    body: review.body,
    state: review.state,
    html_url: html,
    pull_request_url: at,
    _links: { html: { href: html }, pull_request: { href: at } },
    commit_id: review.commitId,
    author_association: association(repository, review.login),
    ...(review.submittedAt === null ? {} : { submitted_at: review.submittedAt }),
  };
}

/** `pull-request-review-comment`. */
export function reviewCommentJson(
  core: Core,
  repository: Repository,
  pull: Pull,
  comment: ReviewComment,
): Json {
  const self = repoApi(core, repository, `/pulls/comments/${comment.id}`);
  const html = repoHtml(core, repository, `/pull/${pull.number}#discussion_r${comment.id}`);
  const at = repoApi(core, repository, `/pulls/${pull.number}`);
  return {
    id: comment.id,
    node_id: nodeId('PullRequestReviewComment', comment.id),
    pull_request_review_id: comment.reviewId,
    ...(comment.inReplyTo === null ? {} : { in_reply_to_id: comment.inReplyTo }),
    url: self,
    html_url: html,
    pull_request_url: at,
    _links: { self: { href: self }, html: { href: html }, pull_request: { href: at } },
    diff_hunk: comment.diffHunk,
    path: comment.path,
    position: comment.line ?? 1,
    original_position: comment.line ?? 1,
    line: comment.line ?? 1,
    original_line: comment.line ?? 1,
    start_line: comment.startLine,
    original_start_line: comment.startLine,
    start_side: comment.startLine === null ? null : comment.side,
    side: comment.side,
    subject_type: comment.line === null ? 'file' : 'line',
    commit_id: pull.headSha,
    original_commit_id: comment.commitId,
    user: simpleUser(core, comment.login),
    body: comment.body,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: association(repository, comment.login),
    reactions: reactionsJson(self, comment.reactions),
  };
}
