/** All routes of the API. */
import type { Route } from '../http/route.ts';
import { APP_ROUTES } from './access/apps.ts';
import { COLLABORATOR_ROUTES } from './access/collaborators.ts';
import { USER_ROUTES } from './access/users.ts';
import { CHECK_ROUTES } from './checks/check-runs.ts';
import { STATUS_ROUTES } from './checks/statuses.ts';
import { WORKFLOW_ROUTES } from './checks/workflows.ts';
import { COMMIT_ROUTES } from './code/commits.ts';
import { REF_ROUTES } from './code/refs.ts';
import { REPOSITORY_ROUTES } from './code/repositories.ts';
import { COMMENT_ROUTES } from './issues/comments.ts';
import { ISSUE_ROUTES } from './issues/issues.ts';
import { LABEL_ROUTES } from './issues/labels.ts';
import { REACTION_ROUTES } from './issues/reactions.ts';
import { DRAFT_ROUTES } from './pulls/drafts.ts';
import { PULL_ROUTES } from './pulls/pulls.ts';
import { REVIEW_COMMENT_ROUTES } from './pulls/review-comments.ts';
import { REVIEWER_ROUTES } from './pulls/reviewers.ts';
import { REVIEW_ROUTES } from './pulls/reviews.ts';

export const ROUTES: readonly Route[] = [
  ...APP_ROUTES,
  ...COLLABORATOR_ROUTES,
  ...USER_ROUTES,
  ...CHECK_ROUTES,
  ...STATUS_ROUTES,
  ...WORKFLOW_ROUTES,
  ...COMMIT_ROUTES,
  ...REF_ROUTES,
  ...REPOSITORY_ROUTES,
  ...COMMENT_ROUTES,
  ...ISSUE_ROUTES,
  ...LABEL_ROUTES,
  ...REACTION_ROUTES,
  ...DRAFT_ROUTES,
  ...PULL_ROUTES,
  ...REVIEW_COMMENT_ROUTES,
  ...REVIEWER_ROUTES,
  ...REVIEW_ROUTES,
];
