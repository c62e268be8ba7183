/** Commit statuses. */
import { newId, now } from '../../state/core.ts';
import type { Status, StatusState } from '../../state/model.ts';
import { commitJson } from '../../json/commits.ts';
import { combinedStatus, statusJson } from '../../json/checks.ts';
import { fullName } from '../../json/repositories.ts';
import { custom, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { resolveCommit } from '../code/commits.ts';

const READ = { permission: ['statuses', 'read'] } as const;
const WRITE = { permission: ['statuses', 'write'], role: 'write' } as const;
const STATES: readonly string[] = ['error', 'failure', 'pending', 'success'];
const MAX_DESCRIPTION_CHARACTERS = 140;
const MAX_PER_CONTEXT = 1000;

async function shaOf({ core, repository, params }: Call): Promise<string> {
  const found = await resolveCommit(core, repository, params['ref'] ?? '');
  if (found === null) throw notFound();
  return found.sha;
}

async function create(call: Call): Promise<Json> {
  const { core, repository, body, params, login } = call;
  const found = await resolveCommit(core, repository, params['sha'] ?? '');
  if (found === null) throw new Refusal(422, `No commit found for SHA: ${params['sha'] ?? ''}`);
  const state = textOf(body, 'state');
  if (!STATES.includes(state)) throw custom('Status', 'State is not included in the list');
  const description = body['description'];
  if (typeof description === 'string' && Array.from(description).length > MAX_DESCRIPTION_CHARACTERS) {
    throw custom('Status', `description is too long (maximum is ${MAX_DESCRIPTION_CHARACTERS} characters)`);
  }
  const context = textOf(body, 'context') || 'default';
  const before = repository.statuses.filter((one) => one.sha === found.sha && one.context === context);
  if (before.length >= MAX_PER_CONTEXT)
    throw custom('Status', 'This SHA and context has reached the maximum number of statuses.');
  const made: Status = {
    id: newId(core),
    sha: found.sha,
    login,
    state: state as StatusState,
    context,
    description: typeof description === 'string' ? description : null,
    targetUrl: typeof body['target_url'] === 'string' ? body['target_url'] : null,
    createdAt: now(core),
  };
  repository.statuses.push(made);
  core.emit(repository, 'status', {
    id: made.id,
    sha: made.sha,
    name: fullName(repository),
    state: made.state,
    context: made.context,
    description: made.description,
    target_url: made.targetUrl,
    created_at: made.createdAt,
    updated_at: made.createdAt,
    commit: commitJson(core, repository, found),
    branches: [],
    sender: login,
  });
  return statusJson(core, repository, made);
}

export const STATUS_ROUTES: readonly Route[] = [
  route('POST /repos/{owner}/{repo}/statuses/{sha}', WRITE, async (call) => ({
    status: 201,
    body: await create(call),
  })),
  route('GET /repos/{owner}/{repo}/commits/{ref}/statuses', READ, async (call) => {
    const sha = await shaOf(call);
    const found = call.repository.statuses.filter((one) => one.sha === sha).toReversed();
    return { status: 200, list: found.map((one) => statusJson(call.core, call.repository, one)) };
  }),
  route('GET /repos/{owner}/{repo}/commits/{ref}/status', READ, async (call) => {
    const sha = await shaOf(call);
    const found = call.repository.statuses.filter((one) => one.sha === sha);
    return { status: 200, body: combinedStatus(call.core, call.repository, sha, found) };
  }),
];
