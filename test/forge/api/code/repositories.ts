/** Repositories and their forks. */
import { rm } from 'node:fs/promises';
import {
  accountOf,
  findAccount,
  findRepository,
  folderOf,
  forksOf,
  newId,
  now,
  repositoryById,
  sourceOf,
  type Core,
} from '../../state/core.ts';
import type { Appearance, Repository } from '../../state/model.ts';
import { createFork } from '../../git/create.ts';
import { git, tryGit } from '../../git/git.ts';
import { countCommits } from '../../git/history.ts';
import { readRef } from '../../git/refs.ts';
import { fullRepository, listedRepository } from '../../json/repositories.ts';
import { custom, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { branchMoved } from './pushes.ts';

/** A new repository's record; its bare repository is made by the caller. */
export function newRepository(
  core: Core,
  given: Pick<
    Repository,
    'owner' | 'name' | 'private' | 'defaultBranch' | 'parentId' | 'collaborators' | 'appears'
  >,
): Repository {
  const at = now(core);
  return {
    id: newId(core),
    ...given,
    archived: false,
    createdAt: at,
    updatedAt: at,
    pushedAt: at,
    nextNumber: 1,
    labels: [],
    issues: [],
    pulls: [],
    comments: [],
    events: [],
    statuses: [],
    checkSuites: [],
    checkRuns: [],
    runs: [],
    hooks: [],
  };
}

/** GitHub gives a fork whose name is taken the next free one. */
function freeName(core: Core, owner: string, wanted: string): string {
  for (let at = 0; ; at += 1) {
    const name = at === 0 ? wanted : `${wanted}-${at}`;
    if (findRepository(core, owner, name) === undefined) return name;
  }
}

function appearances(core: Core): { readonly repository: Appearance; readonly branches: Appearance } {
  const delays = core.forkDelays.value;
  const from = core.clock();
  const late = (polls: number | undefined, ms: number | undefined): Appearance => ({
    polls: polls ?? 0,
    atMs: delays.never === true ? null : from + (ms ?? 0),
  });
  return {
    repository: late(delays.repositoryPolls, delays.repositoryMs),
    branches: late(delays.branchesPolls, (delays.repositoryMs ?? 0) + (delays.branchesMs ?? 0)),
  };
}

function forkOwner({ core, actor, login, body }: Call): string {
  const organization = body['organization'];
  if (typeof organization === 'string' && organization !== '') {
    const account = findAccount(core, organization);
    if (account === undefined) throw notFound();
    if (account.type !== 'Organization') {
      throw new Refusal(
        422,
        `'${organization}' is the login for a user account. You must pass the login for an organization account.`,
      );
    }
    const installed =
      actor.kind === 'account' &&
      core.state.installations.some(
        (one) => one.id === actor.token.installationId && one.account === account.login,
      );
    if (!installed && !account.members.includes(login))
      throw new Refusal(403, 'Must be a member of the organization');
    return account.login;
  }
  if (actor.kind === 'account' && actor.token.kind === 'installation') {
    throw new Refusal(403, 'Resource not accessible by integration');
  }
  return login;
}

async function fork(call: Call): Promise<Repository> {
  const { core, repository, body } = call;
  const owner = forkOwner(call);
  if (repository.owner === owner) throw new Refusal(403, 'You cannot fork your own repository.');
  const source = sourceOf(core, repository);
  const existing = core.state.repositories.find(
    (one) => one.owner === owner && sourceOf(core, one) === source,
  );
  if (existing !== undefined) return existing;
  const wanted = typeof body['name'] === 'string' && body['name'] !== '' ? body['name'] : repository.name;
  const made = newRepository(core, {
    owner: accountOf(core, owner).login,
    name: freeName(core, owner, wanted),
    private: repository.private,
    defaultBranch: repository.defaultBranch,
    parentId: repository.id,
    collaborators: {},
    appears: appearances(core),
  });
  core.state.repositories.push(made);
  await createFork(folderOf(core, made), folderOf(core, repository), {
    defaultBranch: repository.defaultBranch,
    defaultBranchOnly: body['default_branch_only'] === true,
  });
  core.emit(repository, 'fork', { forkee: listedRepository(core, made), sender: owner });
  return made;
}

/** Brings a fork's branch up to its upstream: forward, by a merge commit, or not at all. */
async function syncFork({ core, repository, body, login }: Call): Promise<Json> {
  const branch = textOf(body, 'branch');
  const parent = repositoryById(core, repository.parentId);
  if (parent === undefined) throw custom('Repository', 'The repository is not a fork');
  const folder = folderOf(core, repository);
  const upstream = await readRef(folderOf(core, parent), `refs/heads/${branch}`);
  const mine = await readRef(folder, `refs/heads/${branch}`);
  if (upstream === null || mine === null) throw notFound();
  const base_branch = `${parent.owner}:${branch}`;
  if ((await countCommits(folder, mine, upstream)) === 0) {
    return {
      message: `This branch is not behind the upstream ${base_branch}.`,
      merge_type: 'none',
      base_branch,
    };
  }
  const forward = (await countCommits(folder, upstream, mine)) === 0;
  let after = upstream;
  if (!forward) {
    const merged = await tryGit(folder, ['merge-tree', '--write-tree', mine, upstream]);
    if (merged.code !== 0) throw new Refusal(409, 'There are merge conflicts');
    const tree = merged.stdout.trim();
    const message = `Merge branch '${base_branch}' into ${branch}`;
    after = (await git(folder, ['commit-tree', '-p', mine, '-p', upstream, '-m', message, tree])).trim();
  }
  await git(folder, ['update-ref', `refs/heads/${branch}`, after, mine]);
  await branchMoved(core, repository, { ref: `refs/heads/${branch}`, before: mine, after }, login);
  return {
    message: `Successfully fetched and ${forward ? 'fast-forwarded' : 'merged'} from upstream ${base_branch}.`,
    merge_type: forward ? 'fast-forward' : 'merge',
    base_branch,
  };
}

export const REPOSITORY_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}', {}, ({ core, repository, actor }) => {
    return { status: 200, body: fullRepository(core, repository, actor) };
  }),
  route(
    'DELETE /repos/{owner}/{repo}',
    { permission: ['administration', 'write'], role: 'admin' },
    async ({ core, repository }) => {
      const at = core.state.repositories.indexOf(repository);
      core.state.repositories.splice(at, 1);
      await rm(`${folderOf(core, repository)}/refs`, { recursive: true, force: true });
      return { status: 204 };
    },
  ),
  route('GET /repos/{owner}/{repo}/forks', {}, ({ core, repository, actor }) => ({
    status: 200,
    list: forksOf(core, repository).map((one) => listedRepository(core, one, actor)),
  })),
  route('POST /repos/{owner}/{repo}/forks', { permission: ['administration', 'write'] }, async (call) => ({
    status: 202,
    body: fullRepository(call.core, await fork(call), call.actor),
  })),
  route(
    'POST /repos/{owner}/{repo}/merge-upstream',
    { permission: ['contents', 'write'], role: 'write' },
    async (call) => ({
      status: 200,
      body: await syncFork(call),
    }),
  ),
];
