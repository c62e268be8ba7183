/** Whom a pull request asks for a review. */
import { findAccount, grantedRole } from '../../state/core.ts';
import type { Pull } from '../../state/model.ts';
import { simpleUser } from '../../json/accounts.ts';
import { listedPull } from '../../json/pulls.ts';
import { Refusal } from '../../http/refusal.ts';
import { route, type Call, type Route } from '../../http/route.ts';
import { emitPull } from '../code/pushes.ts';
import { pullOf } from './pulls.ts';

const READ = { permission: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['pull_requests', 'write'], role: 'triage' } as const;
const AT = '/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers';

function logins({ core, repository, body }: Call, pull: Pull): readonly string[] {
  const given = Array.isArray(body['reviewers'])
    ? body['reviewers'].filter((one) => typeof one === 'string')
    : [];
  return given.map((login) => {
    const account = findAccount(core, login);
    if (account?.login === pull.login)
      throw new Refusal(422, 'Review cannot be requested from pull request author.');
    if (account === undefined || grantedRole(core, repository, account) === 'none') {
      throw new Refusal(
        422,
        `Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the ${repository.owner}/${repository.name} repository.`,
      );
    }
    return account.login;
  });
}

export const REVIEWER_ROUTES: readonly Route[] = [
  route(`GET ${AT}`, READ, (call) => ({
    status: 200,
    body: { users: pullOf(call).requestedReviewers.map((login) => simpleUser(call.core, login)), teams: [] },
  })),
  route(`POST ${AT}`, WRITE, (call) => {
    const { core, repository, login } = call;
    const pull = pullOf(call);
    for (const one of logins(call, pull)) {
      if (pull.requestedReviewers.includes(one)) continue;
      pull.requestedReviewers.push(one);
      emitPull(core, repository, pull, 'review_requested', login, {
        requested_reviewer: simpleUser(core, one),
      });
    }
    return { status: 201, body: listedPull(core, repository, pull) };
  }),
  route(`DELETE ${AT}`, WRITE, (call) => {
    const { core, repository, login } = call;
    const pull = pullOf(call);
    for (const one of logins(call, pull)) {
      if (!pull.requestedReviewers.includes(one)) continue;
      pull.requestedReviewers = pull.requestedReviewers.filter((other) => other !== one);
      emitPull(core, repository, pull, 'review_request_removed', login, {
        requested_reviewer: simpleUser(core, one),
      });
    }
    return { status: 200, body: listedPull(core, repository, pull) };
  }),
];
