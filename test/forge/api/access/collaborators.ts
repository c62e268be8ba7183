/** Who may do what with a repository. */
import { accountRole, findAccount, grantedRole } from '../../state/core.ts';
import { simpleUser } from '../../json/accounts.ts';
import { notFound } from '../../http/refusal.ts';
import { route, type Route } from '../../http/route.ts';

const AT = '/repos/{owner}/{repo}/collaborators/{username}';

export const COLLABORATOR_ROUTES: readonly Route[] = [
  route(`GET ${AT}/permission`, { who: 'user' }, ({ core, repository, params }) => {
    const account = findAccount(core, params['username'] ?? '');
    if (account === undefined) throw notFound();
    const role = accountRole(core, repository, account);
    // The older field knows four words, the newer all of them.
    const permission = role === 'maintain' ? 'write' : role === 'triage' ? 'read' : role;
    return {
      status: 200,
      body: { permission, role_name: role, user: { ...simpleUser(core, account.login), role_name: role } },
    };
  }),
  route(`GET ${AT}`, { who: 'user', role: 'write' }, ({ core, repository, params }) => {
    const account = findAccount(core, params['username'] ?? '');
    if (account === undefined || grantedRole(core, repository, account) === 'none') throw notFound();
    return { status: 204 };
  }),
];
