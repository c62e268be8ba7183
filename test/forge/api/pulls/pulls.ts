/** Pull requests: opened once per head and base, listed, edited. There is no way to merge one. */
import {
  atLeast,
  findRepository,
  folderOf,
  newId,
  now,
  roleOf,
  sourceOf,
  type Core,
} from '../../state/core.ts';
import type { Pull, Repository } from '../../state/model.ts';
import { tryGit } from '../../git/git.ts';
import { log, mergeBase, mergesCleanly } from '../../git/history.ts';
import { readRef } from '../../git/refs.ts';
import { commitJson } from '../../json/commits.ts';
import { fullPull, listedPull } from '../../json/pulls.ts';
import { custom, invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { filesJson } from '../code/commits.ts';
import { checkBody, checkTitle } from '../limits.ts';
import { emitPull, headMoved } from '../code/pushes.ts';
import { happen } from '../issues/labels.ts';

const READ = { permission: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['pull_requests', 'write'] } as const;

/** The pull request of `{pull_number}`. */
export function pullOf({ repository, params }: Pick<Call, 'repository' | 'params'>): Pull {
  const pull = repository.pulls.find((one) => String(one.number) === params['pull_number']);
  if (pull === undefined) throw notFound();
  return pull;
}

/**
 * A pull request's own page.
 *
 * @param isNew GitHub finds out whether it merges cleanly only after it has answered
 */
export async function pullJson(core: Core, repository: Repository, pull: Pull, isNew = false): Promise<Json> {
  const folder = folderOf(core, repository);
  const base = isNew ? null : await readRef(folder, `refs/heads/${pull.baseRef}`);
  return fullPull(
    core,
    repository,
    pull,
    base === null ? null : await mergesCleanly(folder, base, pull.headSha),
  );
}

/** The repository that `owner:branch` (or `branch`, with `head_repo`) means, in the network of `base`. */
function headOf(core: Core, base: Repository, owner: string, name: unknown): Repository | undefined {
  if (typeof name === 'string' && name !== '') return findRepository(core, owner, name);
  if (owner.toLowerCase() === base.owner.toLowerCase()) return base;
  const source = sourceOf(core, base);
  return core.state.repositories.find(
    (one) => one.owner.toLowerCase() === owner.toLowerCase() && sourceOf(core, one) === source,
  );
}

interface Proposed {
  readonly head: Repository;
  readonly headRef: string;
  readonly headSha: string;
  readonly baseRef: string;
  readonly baseSha: string;
  readonly label: string;
  readonly mayModify: boolean;
}

/** What is to go where; 422 or 403 for what can't. */
async function proposed({ core, repository, body, actor }: Call): Promise<Proposed> {
  const [given, baseRef] = [textOf(body, 'head'), textOf(body, 'base')];
  const colon = given.indexOf(':');
  const [owner, headRef] =
    colon === -1 ? [repository.owner, given] : [given.slice(0, colon), given.slice(colon + 1)];
  const folder = folderOf(core, repository);
  const baseSha = await readRef(folder, `refs/heads/${baseRef}`);
  if (baseSha === null) throw invalid('PullRequest', 'base', 'invalid');
  const head = headOf(core, repository, owner, body['head_repo']);
  if (head === undefined || roleOf(core, actor, head) === 'none')
    throw invalid('PullRequest', 'head', 'invalid');
  const headSha = await readRef(folderOf(core, head), `refs/heads/${headRef}`);
  if (headSha === null) throw invalid('PullRequest', 'head', 'invalid');
  const label = `${head.owner}:${headRef}`;
  const isSame = head.id === repository.id;
  if (isSame && !atLeast(roleOf(core, actor, repository), 'write')) {
    throw new Refusal(403, 'Must have push access to Repository.');
  }
  const between = await tryGit(folder, ['rev-list', '--count', headSha, `^${baseSha}`]);
  if (between.stdout.trim() === '0') {
    const [from, to] = isSame ? [baseRef, headRef] : [`${repository.owner}:${baseRef}`, label];
    throw custom('PullRequest', `No commits between ${from} and ${to}`);
  }
  if ((await mergeBase(folder, baseSha, headSha)) === null) {
    throw custom('PullRequest', `The ${headRef} branch has no history in common with ${baseRef}`);
  }
  const mayModify = body['maintainer_can_modify'] === true && !isSame;
  if (mayModify && !atLeast(roleOf(core, actor, head), 'write')) {
    const message = "Fork collab can't be granted by someone without permission";
    throw invalid('PullRequest', 'fork_collab', 'custom', message);
  }
  return { head, headRef, headSha, baseRef, baseSha, label, mayModify };
}

async function open(call: Call): Promise<Json> {
  const { core, repository, body, login } = call;
  const title = textOf(body, 'title');
  if (title.trim() === '') throw invalid('PullRequest', 'title', 'missing_field');
  checkTitle('PullRequest', title);
  checkBody('PullRequest', body['body']);
  const { head, label, mayModify, ...refs } = await proposed(call);
  // From here to the record nothing waits: of two that ask at the same time, one is told that it is too late.
  const taken = repository.pulls.some(
    (one) =>
      one.state === 'open' &&
      one.headRepositoryId === head.id &&
      one.headRef === refs.headRef &&
      one.baseRef === refs.baseRef,
  );
  if (taken) throw custom('PullRequest', `A pull request already exists for ${label}.`);
  const at = now(core);
  const pull: Pull = {
    id: newId(core),
    number: repository.nextNumber++,
    login,
    createdAt: at,
    updatedAt: at,
    closedAt: null,
    title,
    body: typeof body['body'] === 'string' ? body['body'] : null,
    state: 'open',
    stateReason: null,
    labels: [],
    assignees: [],
    reactions: [],
    draft: body['draft'] === true,
    headLabel: label,
    headRepositoryId: head.id,
    ...refs,
    figures: { commits: 0, additions: 0, deletions: 0, changedFiles: 0 },
    maintainerCanModify: mayModify,
    requestedReviewers: [],
    reviews: [],
    reviewComments: [],
  };
  repository.pulls.push(pull);
  // A push may have come while git was asked.
  pull.headSha = (await readRef(folderOf(core, head), `refs/heads/${refs.headRef}`)) ?? refs.headSha;
  await headMoved(core, repository, pull);
  emitPull(core, repository, pull, 'opened', login);
  return pullJson(core, repository, pull, true);
}

function list({ core, repository, query }: Call): readonly Json[] {
  const state = query.get('state') ?? 'open';
  if (!['open', 'closed', 'all'].includes(state)) throw invalid('PullRequest', 'state', 'invalid');
  const [head, base] = [query.get('head'), query.get('base')];
  const sort = query.get('sort') ?? 'created';
  const byUpdate = sort === 'updated';
  const descending = (query.get('direction') ?? (sort === 'created' ? 'desc' : 'asc')) === 'desc';
  const found = repository.pulls
    .filter((one) => state === 'all' || one.state === state)
    // Without an owner GitHub ignores the filter; so does this.
    .filter(
      (one) => head === null || !head.includes(':') || one.headLabel.toLowerCase() === head.toLowerCase(),
    )
    .filter((one) => base === null || one.baseRef === base)
    .toSorted((a, b) =>
      byUpdate && a.updatedAt !== b.updatedAt ? (a.updatedAt < b.updatedAt ? -1 : 1) : a.number - b.number,
    );
  return (descending ? found.toReversed() : found).map((one) => listedPull(core, repository, one));
}

async function edit(call: Call): Promise<Json> {
  const { core, repository, body, login, role } = call;
  const pull = pullOf(call);
  if (pull.login !== login && !atLeast(role, 'write'))
    throw new Refusal(403, 'Must have push access to Repository.');
  const changes: Record<string, Json> = {};
  if (typeof body['title'] === 'string') {
    if (body['title'].trim() === '') throw invalid('PullRequest', 'title', 'missing_field');
    checkTitle('PullRequest', body['title']);
    if (body['title'] !== pull.title) changes['title'] = { from: pull.title };
    pull.title = body['title'];
  }
  if ('body' in body) {
    checkBody('PullRequest', body['body']);
    const text = typeof body['body'] === 'string' ? body['body'] : null;
    if (text !== pull.body) changes['body'] = { from: pull.body };
    pull.body = text;
  }
  if (typeof body['base'] === 'string' && body['base'] !== pull.baseRef) {
    const sha = await readRef(folderOf(core, repository), `refs/heads/${body['base']}`);
    if (sha === null) throw invalid('PullRequest', 'base', 'invalid');
    changes['base'] = { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } };
    pull.baseRef = body['base'];
    pull.baseSha = sha;
    await headMoved(core, repository, pull);
  }
  pull.updatedAt = now(core);
  if (Object.keys(changes).length > 0) emitPull(core, repository, pull, 'edited', login, { changes });
  const state = body['state'];
  if (state === 'closed' && pull.state === 'open') {
    pull.state = 'closed';
    pull.closedAt = pull.updatedAt;
    happen(call, pull, 'closed');
    emitPull(core, repository, pull, 'closed', login);
  } else if (state === 'open' && pull.state === 'closed') {
    const taken = repository.pulls.some(
      (one) => one.state === 'open' && one.headLabel === pull.headLabel && one.baseRef === pull.baseRef,
    );
    if (taken) throw custom('PullRequest', `A pull request already exists for ${pull.headLabel}.`);
    pull.state = 'open';
    pull.closedAt = null;
    happen(call, pull, 'reopened');
    emitPull(core, repository, pull, 'reopened', login);
  }
  return pullJson(core, repository, pull);
}

export const PULL_ROUTES: readonly Route[] = [
  // GitHub's button. Whoever presses it breaks the first invariant; the answer is GitHub's where a rule forbids it.
  route('PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge', WRITE, (call) => {
    call.core.breach(
      `${call.login} tried to merge ${call.repository.owner}/${call.repository.name}#${pullOf(call).number}`,
    );
    throw new Refusal(405, 'Pull Request is not mergeable');
  }),
  // Those of forks are not found by the commit alone.
  route('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', READ, ({ core, repository, params }) => ({
    status: 200,
    list: repository.pulls
      .filter((one) => one.headSha === params['commit_sha'] && one.headRepositoryId === repository.id)
      .map((one) => listedPull(core, repository, one)),
  })),
  route('GET /repos/{owner}/{repo}/pulls', READ, (call) => ({ status: 200, list: list(call) })),
  route('POST /repos/{owner}/{repo}/pulls', WRITE, async (call) => ({ status: 201, body: await open(call) })),
  route('GET /repos/{owner}/{repo}/pulls/{pull_number}', READ, async (call) => ({
    status: 200,
    body: await pullJson(call.core, call.repository, pullOf(call)),
  })),
  route('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', WRITE, async (call) => ({
    status: 200,
    body: await edit(call),
  })),
  route('GET /repos/{owner}/{repo}/pulls/{pull_number}/files', READ, async (call) => {
    const { core, repository } = call;
    const pull = pullOf(call);
    const common = await mergeBase(folderOf(core, repository), pull.baseSha, pull.headSha);
    return { status: 200, list: await filesJson(core, repository, common ?? pull.baseSha, pull.headSha) };
  }),
  route('GET /repos/{owner}/{repo}/pulls/{pull_number}/commits', READ, async (call) => {
    const { core, repository } = call;
    const pull = pullOf(call);
    const commits = await log(folderOf(core, repository), [pull.headSha, `^${pull.baseSha}`]);
    return { status: 200, list: commits.toReversed().map((one) => commitJson(core, repository, one)) };
  }),
];
