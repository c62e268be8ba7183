/** Comments on lines of a pull request's difference, and replies to them. */
import { atLeast, folderOf, newId, now } from '../../state/core.ts';
import type { Pull, ReviewComment } from '../../state/model.ts';
import { mergeBase, patchOf } from '../../git/history.ts';
import { listedPull } from '../../json/pulls.ts';
import { reviewCommentJson } from '../../json/reviews.ts';
import { custom, invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { checkBody } from '../limits.ts';
import { pullOf } from './pulls.ts';
import { addReview, emitReview } from './submitted.ts';

const READ = { permission: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['pull_requests', 'write'] } as const;
const AT = '/repos/{owner}/{repo}/pulls';

/** The review comment of `{comment_id}`, with its pull request. */
export function reviewCommentOf({ repository, params }: Call): readonly [Pull, ReviewComment] {
  for (const pull of repository.pulls) {
    const found = pull.reviewComments.find((one) => String(one.id) === params['comment_id']);
    if (found !== undefined) return [pull, found];
  }
  throw notFound();
}

/** Sends the event of one review comment. */
export function emitReviewComment(
  { core, repository, login }: Call,
  pull: Pull,
  comment: ReviewComment,
  action: string,
  more: Json = {},
): void {
  core.emit(repository, 'pull_request_review_comment', {
    action,
    comment: reviewCommentJson(core, repository, pull, comment),
    pull_request: listedPull(core, repository, pull),
    sender: login,
    ...more,
  });
}

function lineOf(given: Json, field: string): number | null {
  const value = given[field];
  return typeof value === 'number' && Number.isInteger(value) ? value : null;
}

/** Writes a comment on a line of a file that the pull request changes; 422 for any other. */
export async function addReviewComment(
  { core, repository, login }: Call,
  pull: Pull,
  given: Json,
  links: { readonly reviewId: number; readonly reply?: ReviewComment },
): Promise<ReviewComment> {
  const body = textOf(given, 'body');
  if (body.trim() === '') throw invalid('PullRequestReviewComment', 'body', 'missing_field');
  checkBody('PullRequestReviewComment', body);
  const { reply, reviewId } = links;
  const path = reply?.path ?? textOf(given, 'path');
  const folder = folderOf(core, repository);
  const base = (await mergeBase(folder, pull.baseSha, pull.headSha)) ?? pull.baseSha;
  const hunk = reply?.diffHunk ?? (await patchOf(folder, base, pull.headSha, path));
  if (hunk === null) throw custom('PullRequestReviewComment', `path ${path} is not part of the diff`);
  const at = now(core);
  const made: ReviewComment = {
    id: newId(core),
    reviewId,
    inReplyTo: reply?.id ?? null,
    login,
    path,
    line: reply?.line ?? lineOf(given, 'line') ?? lineOf(given, 'position'),
    startLine: reply?.startLine ?? lineOf(given, 'start_line'),
    side: given['side'] === 'LEFT' ? 'LEFT' : 'RIGHT',
    diffHunk: hunk,
    commitId: textOf(given, 'commit_id') || pull.headSha,
    createdAt: at,
    updatedAt: at,
    body,
    reactions: [],
  };
  pull.reviewComments.push(made);
  pull.updatedAt = at;
  return made;
}

/** A remark by itself, or a reply: GitHub makes a review of it. */
async function addAlone(call: Call, pull: Pull, reply: ReviewComment | undefined): Promise<Json> {
  const { core, repository, body } = call;
  const review = addReview(call, pull, 'COMMENTED', '');
  const links = reply === undefined ? {} : { reply };
  try {
    const made = await addReviewComment(call, pull, body, { reviewId: review.id, ...links });
    emitReview(call, pull, review, 'submitted');
    emitReviewComment(call, pull, made, 'created');
    return reviewCommentJson(core, repository, pull, made);
  } catch (error) {
    pull.reviews.splice(pull.reviews.indexOf(review), 1);
    throw error;
  }
}

export const REVIEW_COMMENT_ROUTES: readonly Route[] = [
  route(`GET ${AT}/{pull_number}/comments`, READ, (call) => {
    const pull = pullOf(call);
    const all = pull.reviewComments.toSorted((a, b) => a.id - b.id);
    const found = call.query.get('direction') === 'desc' ? all.toReversed() : all;
    return {
      status: 200,
      list: found.map((one) => reviewCommentJson(call.core, call.repository, pull, one)),
    };
  }),
  route(`GET ${AT}/{pull_number}/reviews/{review_id}/comments`, READ, (call) => {
    const pull = pullOf(call);
    const own = pull.reviewComments.filter((one) => String(one.reviewId) === call.params['review_id']);
    return { status: 200, list: own.map((one) => reviewCommentJson(call.core, call.repository, pull, one)) };
  }),
  route(`POST ${AT}/{pull_number}/comments`, WRITE, async (call) => {
    const pull = pullOf(call);
    const replied = pull.reviewComments.find((one) => one.id === call.body['in_reply_to']);
    return { status: 201, body: await addAlone(call, pull, replied) };
  }),
  route(`POST ${AT}/{pull_number}/comments/{comment_id}/replies`, WRITE, async (call) => {
    const pull = pullOf(call);
    const [owner, reply] = reviewCommentOf(call);
    if (owner !== pull) throw notFound();
    return { status: 201, body: await addAlone(call, pull, reply) };
  }),
  route(`GET ${AT}/comments/{comment_id}`, READ, (call) => ({
    status: 200,
    body: reviewCommentJson(call.core, call.repository, ...reviewCommentOf(call)),
  })),
  route(`PATCH ${AT}/comments/{comment_id}`, WRITE, (call) => {
    const [pull, comment] = reviewCommentOf(call);
    if (comment.login !== call.login && !atLeast(call.role, 'write'))
      throw new Refusal(403, 'Must have admin rights to Repository.');
    const body = textOf(call.body, 'body');
    checkBody('PullRequestReviewComment', body);
    const from = comment.body;
    comment.body = body;
    comment.updatedAt = now(call.core);
    emitReviewComment(call, pull, comment, 'edited', { changes: { body: { from } } });
    return { status: 200, body: reviewCommentJson(call.core, call.repository, pull, comment) };
  }),
  route(`DELETE ${AT}/comments/{comment_id}`, WRITE, (call) => {
    const [pull, comment] = reviewCommentOf(call);
    if (comment.login !== call.login && !atLeast(call.role, 'write'))
      throw new Refusal(403, 'Must have admin rights to Repository.');
    pull.reviewComments.splice(pull.reviewComments.indexOf(comment), 1);
    emitReviewComment(call, pull, comment, 'deleted');
    return { status: 204 };
  }),
];
