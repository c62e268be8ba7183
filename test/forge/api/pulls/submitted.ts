/** Reviews as they are submitted: told to the hooks, and made of remarks that stand alone. */
import { newId, now } from '../../state/core.ts';
import type { Pull, Review, ReviewState } from '../../state/model.ts';
import { listedPull } from '../../json/pulls.ts';
import { reviewJson } from '../../json/reviews.ts';
import type { Call } from '../../http/route.ts';

/** Tells of a review. */
export function emitReview(
  { core, repository, login }: Call,
  pull: Pull,
  review: Review,
  action: string,
): void {
  core.emit(repository, 'pull_request_review', {
    action,
    review: { ...reviewJson(core, repository, pull, review), state: review.state.toLowerCase() },
    pull_request: listedPull(core, repository, pull),
    sender: login,
  });
}

/** Makes a review, which is told of once its remarks are made. */
export function addReview({ core, login, body }: Call, pull: Pull, state: ReviewState, text: string): Review {
  const commitId = body['commit_id'];
  const review: Review = {
    id: newId(core),
    login,
    body: text,
    state,
    commitId: typeof commitId === 'string' && commitId !== '' ? commitId : pull.headSha,
    submittedAt: state === 'PENDING' ? null : now(core),
  };
  pull.reviews.push(review);
  pull.updatedAt = now(core);
  return review;
}
