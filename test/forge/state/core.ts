/** What every route works on: the state, the clock, the repositories' folders, and the way out for webhooks. */
import { join } from 'node:path';
import {
  ROLES,
  type Account,
  type Delivery,
  type Permissions,
  type Repository,
  type Role,
  type State,
  type Token,
} from './model.ts';

/** Who asks. */
export type Actor =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'app'; readonly appId: number }
  | { readonly kind: 'account'; readonly account: Account; readonly token: Token };

/** How late a fork shows itself. */
export interface ForkDelays {
  /** How many answers deny that the repository is there. */
  readonly repositoryPolls?: number;
  /** How many lists of branches are empty; git finds nothing either until then. */
  readonly branchesPolls?: number;
  /** The same by time; they add up. */
  readonly repositoryMs?: number;
  readonly branchesMs?: number;
  readonly never?: boolean;
}

export interface Core {
  readonly state: State;
  readonly root: string;
  /** `http://127.0.0.1:…`, once the server listens. */
  readonly url: { value: string };
  readonly clock: () => number;
  readonly forkDelays: { value: ForkDelays };
  /** Sends an event to the repository's hooks. */
  readonly emit: (repository: Repository, event: string, payload: Readonly<Record<string, unknown>>) => void;
  /** Records a call that nobody may make. */
  readonly breach: (what: string) => void;
  /** What a test's hook does with a dispatched workflow run. */
  readonly onRun: { value: ((repository: Repository, run: Repository['runs'][number]) => void) | null };
}

export function emptyState(): State {
  return {
    nextId: 1001,
    accounts: [],
    tokens: [],
    repositories: [],
    apps: [],
    installations: [],
    deliveries: [] as Delivery[],
  };
}

/** A new id; ids of all nouns are of one sequence, so that taking one for another is found out. */
export function newId(core: Core): number {
  return core.state.nextId++;
}

/** The forge's time as GitHub writes it. */
export function now(core: Core): string {
  return new Date(core.clock()).toISOString().replace(/\.\d+Z$/, 'Z');
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

export function findAccount(core: Core, login: string): Account | undefined {
  return core.state.accounts.find((account) => same(account.login, login));
}

/** An account that must be there, since something of it is. */
export function accountOf(core: Core, login: string): Account {
  const account = findAccount(core, login);
  if (account === undefined) throw new Error(`account ${login}: there is none`);
  return account;
}

export function findRepository(core: Core, owner: string, name: string): Repository | undefined {
  return core.state.repositories.find((one) => same(one.owner, owner) && same(one.name, name));
}

export function repositoryById(core: Core, id: number | null): Repository | undefined {
  return id === null ? undefined : core.state.repositories.find((one) => one.id === id);
}

/** Where a repository's bare repository lies. */
export function folderOf(core: Core, repository: Repository): string {
  return join(core.root, 'git', `${repository.id}.git`);
}

/** The repository that a network of forks began with. */
export function sourceOf(core: Core, repository: Repository): Repository {
  const parent = repositoryById(core, repository.parentId);
  return parent === undefined ? repository : sourceOf(core, parent);
}

export function forksOf(core: Core, repository: Repository): readonly Repository[] {
  return core.state.repositories.filter((one) => one.parentId === repository.id);
}

/** What an account was given on a repository, whoever else may read it. */
export function grantedRole(core: Core, repository: Repository, account: Account): Role {
  if (same(repository.owner, account.login)) return 'admin';
  if (accountOf(core, repository.owner).members.some((login) => same(login, account.login))) return 'admin';
  return (
    Object.entries(repository.collaborators).find(([login]) => same(login, account.login))?.[1] ?? 'none'
  );
}

/** What an account may do with a repository. */
export function accountRole(core: Core, repository: Repository, account: Account): Role {
  const given = grantedRole(core, repository, account);
  return given === 'none' && !repository.private ? 'read' : given;
}

function lower(a: Role, b: Role): Role {
  return ROLES.indexOf(a) < ROLES.indexOf(b) ? a : b;
}

/** Whether a limited token reaches a repository at all. */
function isWithin(core: Core, token: Token, repository: Repository): boolean {
  if (token.repositoryIds !== null && !token.repositoryIds.includes(repository.id)) return false;
  if (token.installationId === null) return true;
  const installation = core.state.installations.find((one) => one.id === token.installationId);
  if (installation === undefined || !same(installation.account, repository.owner)) return false;
  return installation.repositoryIds === null || installation.repositoryIds.includes(repository.id);
}

/** What the actor may do with the repository; a token never gives more than its account has. */
export function roleOf(core: Core, actor: Actor, repository: Repository): Role {
  const floor: Role = repository.private ? 'none' : 'read';
  if (actor.kind !== 'account') return floor;
  const { token, account } = actor;
  if (token.kind !== 'classic') {
    if (!isWithin(core, token, repository)) return floor;
    if (token.kind === 'installation') return 'admin';
  }
  const role = accountRole(core, repository, account);
  if (token.kind === 'fine_grained' || token.scopes.includes('repo')) return role;
  if (!repository.private && token.scopes.includes('public_repo')) return role;
  return lower(role, floor);
}

/** The permissions that limit the actor on this repository; `null`: its role alone does. */
export function permissionsOf(core: Core, actor: Actor, repository: Repository): Permissions | null {
  if (actor.kind !== 'account' || actor.token.kind === 'classic') return null;
  // On a repository out of its reach a token is a stranger's: it reads what is public.
  if (!isWithin(core, actor.token, repository))
    return repository.private
      ? {}
      : {
          metadata: 'read',
          contents: 'read',
          pull_requests: 'read',
          issues: 'read',
          statuses: 'read',
          checks: 'read',
          actions: 'read',
        };
  return actor.token.permissions;
}

export function atLeast(role: Role, wanted: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(wanted);
}

/** Whether it shows itself now; asking is a poll. */
export function hasAppeared(core: Core, appearance: Repository['appears']['repository']): boolean {
  if (appearance.atMs === null || core.clock() < appearance.atMs) return false;
  if (appearance.polls === 0) return true;
  appearance.polls -= 1;
  return false;
}
