/** Accounts, and what the API says of itself. */
import { findAccount, roleOf } from '../../state/core.ts';
import { publicUser } from '../../json/accounts.ts';
import { listedRepository } from '../../json/repositories.ts';
import { notFound, Refusal } from '../../http/refusal.ts';
import { route, type Route } from '../../http/route.ts';

export const USER_ROUTES: readonly Route[] = [
  route('GET /rate_limit', {}, ({ rate }) => {
    const core = {
      limit: rate.limit,
      used: rate.used,
      remaining: Math.max(0, rate.remaining),
      reset: rate.reset,
    };
    const rest = { limit: 30, used: 0, remaining: 30, reset: rate.reset };
    return { status: 200, body: { resources: { core, search: rest }, rate: core } };
  }),
  route('GET /user', { who: 'user' }, ({ core, actor }) => {
    if (actor.kind !== 'account') throw notFound();
    // An installation is no user, although it acts as its bot.
    if (actor.token.kind === 'installation') throw new Refusal(403, 'Resource not accessible by integration');
    return { status: 200, body: publicUser(core, actor.account) };
  }),
  route('GET /users/{username}', {}, ({ core, params }) => {
    const account = findAccount(core, params['username'] ?? '');
    if (account === undefined) throw notFound();
    return { status: 200, body: publicUser(core, account) };
  }),
  route('GET /user/repos', { who: 'user' }, ({ core, actor, login }) => ({
    status: 200,
    list: core.state.repositories
      .filter((one) => one.owner === login || login in one.collaborators)
      .filter((one) => roleOf(core, actor, one) !== 'none')
      .map((one) => listedRepository(core, one, actor)),
  })),
];
