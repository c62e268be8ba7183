/** Reviews of pull requests. */
import type { Pull, Review, ReviewState } from '../../state/model.ts';
import { reviewJson } from '../../json/reviews.ts';
import { notFound, plain } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { checkBody } from '../limits.ts';
import { pullOf } from './pulls.ts';
import { addReviewComment, emitReviewComment } from './review-comments.ts';
import { addReview, emitReview } from './submitted.ts';

const READ = { permission: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['pull_requests', 'write'] } as const;
const AT = '/repos/{owner}/{repo}/pulls/{pull_number}/reviews';

const STATES: Readonly<Record<string, ReviewState>> = {
  APPROVE: 'APPROVED',
  REQUEST_CHANGES: 'CHANGES_REQUESTED',
  COMMENT: 'COMMENTED',
};

function reviewOf(pull: Pull, { params }: Call): Review {
  const found = pull.reviews.find((one) => String(one.id) === params['review_id']);
  if (found === undefined) throw notFound();
  return found;
}

async function submit(call: Call): Promise<Json> {
  const { core, repository, body, login } = call;
  const pull = pullOf(call);
  const event = textOf(body, 'event');
  const state = event === '' ? 'PENDING' : STATES[event];
  if (state === undefined) throw plain('Event is not included in the list');
  const text = textOf(body, 'body');
  checkBody('PullRequestReview', text);
  const comments = Array.isArray(body['comments']) ? (body['comments'] as readonly Json[]) : [];
  if (pull.login === login && (state === 'APPROVED' || state === 'CHANGES_REQUESTED')) {
    throw plain(`Can not ${state === 'APPROVED' ? 'approve' : 'request changes on'} your own pull request`);
  }
  if (text === '' && state !== 'APPROVED' && state !== 'PENDING' && comments.length === 0) {
    throw plain('Body cannot be blank');
  }
  const review = addReview(call, pull, state, text);
  pull.requestedReviewers = pull.requestedReviewers.filter((one) => one !== login);
  const made = [];
  for (const comment of comments)
    made.push(await addReviewComment(call, pull, comment, { reviewId: review.id }));
  if (state !== 'PENDING') {
    emitReview(call, pull, review, 'submitted');
    for (const comment of made) emitReviewComment(call, pull, comment, 'created');
  }
  return reviewJson(core, repository, pull, review);
}

export const REVIEW_ROUTES: readonly Route[] = [
  route(`GET ${AT}`, READ, (call) => {
    const pull = pullOf(call);
    // Reviews that aren't submitted are seen by their writers alone.
    const seen = pull.reviews.filter((one) => one.state !== 'PENDING' || one.login === call.login);
    return { status: 200, list: seen.map((one) => reviewJson(call.core, call.repository, pull, one)) };
  }),
  route(`POST ${AT}`, WRITE, async (call) => ({ status: 200, body: await submit(call) })),
  route(`GET ${AT}/{review_id}`, READ, (call) => {
    const pull = pullOf(call);
    return { status: 200, body: reviewJson(call.core, call.repository, pull, reviewOf(pull, call)) };
  }),
  route(`PUT ${AT}/{review_id}/dismissals`, { ...WRITE, role: 'write' }, (call) => {
    const pull = pullOf(call);
    const review = reviewOf(pull, call);
    review.state = 'DISMISSED';
    emitReview(call, pull, review, 'dismissed');
    return { status: 200, body: reviewJson(call.core, call.repository, pull, review) };
  }),
];
