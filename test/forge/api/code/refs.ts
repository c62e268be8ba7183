/** Branches and refs. */
import { folderOf, hasAppeared, type Core } from '../../state/core.ts';
import type { Repository } from '../../state/model.ts';
import { tryGit } from '../../git/git.ts';
import { commit, countCommits } from '../../git/history.ts';
import { listRefs, readRef } from '../../git/refs.ts';
import { commitJson, refJson } from '../../json/commits.ts';
import { repoApi, repoHtml } from '../../json/repositories.ts';
import { custom, invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { branchMoved } from './pushes.ts';

const ZERO = '0'.repeat(40);
const READ = { permission: ['contents', 'read'] } as const;
const WRITE = { permission: ['contents', 'write'], role: 'write' } as const;

/** GitHub answers 409 to questions about the objects of a repository without any. */
async function notEmpty(core: Core, repository: Repository): Promise<string> {
  const folder = folderOf(core, repository);
  if ((await listRefs(folder, 'refs/')).length === 0) throw new Refusal(409, 'Git Repository is empty.');
  return folder;
}

function shortBranch(core: Core, repository: Repository, name: string, sha: string): Json {
  return { name, commit: { sha, url: repoApi(core, repository, `/commits/${sha}`) }, protected: false };
}

async function branch({ core, repository, params }: Call): Promise<Json> {
  const name = params['branch'] ?? '';
  const folder = folderOf(core, repository);
  const sha = await readRef(folder, `refs/heads/${name}`);
  const found = sha === null ? null : await commit(folder, sha);
  if (found === null) throw new Refusal(404, 'Branch not found');
  const self = repoApi(core, repository, `/branches/${name}`);
  return {
    name,
    commit: commitJson(core, repository, found),
    _links: { self, html: repoHtml(core, repository, `/tree/${name}`) },
    protected: false,
    protection: {
      enabled: false,
      required_status_checks: { enforcement_level: 'off', contexts: [], checks: [] },
    },
    protection_url: `${self}/protection`,
  };
}

/** Moves a ref, if it still is what it was. */
async function move(call: Call, ref: string, before: string, after: string): Promise<void> {
  const { core, repository, login } = call;
  const args = after === ZERO ? ['update-ref', '-d', ref, before] : ['update-ref', ref, after, before];
  const ran = await tryGit(folderOf(core, repository), args);
  if (ran.code !== 0) throw custom('Reference', 'Reference cannot be updated');
  await branchMoved(core, repository, { ref, before, after }, login);
}

async function createRef(call: Call): Promise<Json> {
  const { core, repository, body } = call;
  const [ref, sha] = [textOf(body, 'ref'), textOf(body, 'sha')];
  const folder = await notEmpty(core, repository);
  const wellFormed =
    /^refs\/[^/]+\/./.test(ref) && (await tryGit(folder, ['check-ref-format', ref])).code === 0;
  if (!wellFormed)
    throw new Refusal(422, 'Reference name must start with "refs/" and contain at least two slashes.');
  if (ref.startsWith('refs/pull/')) throw new Refusal(422, 'Reference cannot be created');
  if ((await readRef(folder, ref)) !== null) throw new Refusal(422, 'Reference already exists');
  if (!/^[0-9a-f]{40}$/.test(sha) || (await commit(folder, sha)) === null)
    throw new Refusal(422, 'Object does not exist');
  await move(call, ref, ZERO, sha);
  return refJson(core, repository, ref, sha);
}

async function updateRef(call: Call): Promise<Json> {
  const { core, repository, body, params } = call;
  const folder = await notEmpty(core, repository);
  const [ref, sha] = [`refs/${params['ref'] ?? ''}`, textOf(body, 'sha')];
  const before = await readRef(folder, ref);
  if (before === null) throw new Refusal(422, 'Reference does not exist');
  if ((await commit(folder, sha)) === null) throw new Refusal(422, 'Object does not exist');
  if (body['force'] !== true && (await countCommits(folder, sha, before)) !== 0) {
    throw new Refusal(422, 'Update is not a fast forward');
  }
  await move(call, ref, before, sha);
  return refJson(core, repository, ref, sha);
}

async function deleteRef(call: Call): Promise<void> {
  const { core, repository, params } = call;
  const folder = await notEmpty(core, repository);
  const ref = `refs/${params['ref'] ?? ''}`;
  const before = await readRef(folder, ref);
  if (before === null) throw new Refusal(422, 'Reference does not exist');
  if (ref === `refs/heads/${repository.defaultBranch}`) throw invalid('Reference', 'ref', 'invalid');
  await move(call, ref, before, ZERO);
}

export const REF_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}/branches', READ, async ({ core, repository }) => {
    // A new fork's list is empty until its objects are there.
    if (!hasAppeared(core, repository.appears.branches)) return { status: 200, list: [] };
    const refs = await listRefs(folderOf(core, repository), 'refs/heads/');
    return {
      status: 200,
      list: refs.map((ref) => shortBranch(core, repository, ref.name.slice(11), ref.sha)),
    };
  }),
  route('GET /repos/{owner}/{repo}/branches/{branch}', READ, async (call) => ({
    status: 200,
    body: await branch(call),
  })),
  route('GET /repos/{owner}/{repo}/git/ref/{ref}', READ, async ({ core, repository, params }) => {
    const ref = `refs/${params['ref'] ?? ''}`;
    const sha = await readRef(await notEmpty(core, repository), ref);
    if (sha === null) throw notFound();
    return { status: 200, body: refJson(core, repository, ref, sha) };
  }),
  route('GET /repos/{owner}/{repo}/git/matching-refs/{ref}', READ, async ({ core, repository, params }) => {
    const refs = await listRefs(await notEmpty(core, repository), `refs/${params['ref'] ?? ''}`);
    return { status: 200, list: refs.map((ref) => refJson(core, repository, ref.name, ref.sha)) };
  }),
  route('POST /repos/{owner}/{repo}/git/refs', WRITE, async (call) => ({
    status: 201,
    body: await createRef(call),
  })),
  route('PATCH /repos/{owner}/{repo}/git/refs/{ref}', WRITE, async (call) => ({
    status: 200,
    body: await updateRef(call),
  })),
  route('DELETE /repos/{owner}/{repo}/git/refs/{ref}', WRITE, async (call) => {
    await deleteRef(call);
    return { status: 204 };
  }),
];
