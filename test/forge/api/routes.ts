/** All routes of the API. */
import type { Route } from '../http/route.ts';
import { COMMIT_ROUTES } from './commits.ts';
import { PULL_ROUTES } from './pulls.ts';
import { REF_ROUTES } from './refs.ts';
import { REPOSITORY_ROUTES } from './repositories.ts';
import { USER_ROUTES } from './users.ts';

export const ROUTES: readonly Route[] = [
  ...USER_ROUTES,
  ...REPOSITORY_ROUTES,
  ...REF_ROUTES,
  ...COMMIT_ROUTES,
  ...PULL_ROUTES,
];
