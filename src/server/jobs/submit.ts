/** A request for a job, as it came over the network: what it may ask for, and what only the server may decide. */
import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { isAbsolute, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../../config.ts';
import { JobError } from '../../job/error.ts';
import { isOwnerName, type Budget, type JobRequest } from '../../job/request.ts';
import { agentNames } from '../../runner/agents.ts';
import { demoScenarios } from '../../runner/demo.ts';
import { withWords } from '../../runner/forge/issue.ts';
import { hasForge, isLocalPath, resolveRequest, type RequestInput } from '../../runner/request/resolve.ts';
import type { Runner } from '../../runner/runner.ts';
import { isLoopback } from '../access/guard.ts';
import type { Principal } from '../endpoint.ts';
import { Refused, shown } from '../problem.ts';
import type { SubmitBody } from './schema.ts';

/** What a submission may be answered with besides what every request may. */
export const SUBMIT_REFUSES: Readonly<Record<number, string>> = {
  409: 'The idempotency key was used for another request',
  503: 'The disk is nearly full, or the database can not be written',
};

/** Refuses a field. @throws Refused */
export function refuse(field: string, came: unknown, allowed: string, status: 400 | 403 = 400): never {
  const detail = `${field}: ${shown(came)} came, allowed: ${allowed}`;
  const code = status === 400 ? 'invalid_request' : 'no_permission';
  throw new Refused({ status, code, detail, errors: [{ field, came: shown(came), allowed }] });
}

type Name = 'repo' | 'repo_url' | 'upstream_repo' | 'task' | 'prompt' | 'instruction' | 'agent' | 'provider';

/** The value of a field that goes by several names, of which one may be used. */
export function oneOf(body: SubmitBody, names: readonly Name[]): string | undefined {
  const [first, second] = names.filter((name) => body[name] !== undefined);
  if (second !== undefined) refuse(second, body[second], `one of ${names.join(', ')}, and ${first} came too`);
  return first === undefined ? undefined : body[first];
}

async function isBelow(path: string, folders: readonly string[]): Promise<boolean> {
  // What a link points to counts, on both sides.
  const real = await realpath(path).catch(() => null);
  if (real === null) return false;
  for (const folder of folders) {
    const top = await realpath(folder).catch(() => null);
    if (top !== null && (real === top || real.startsWith(top.endsWith(sep) ? top : top + sep))) return true;
  }
  return false;
}

/**
 * A repository that a request names. A path of this machine shows what lies there to whoever asks, so it is only taken
 * below `repo_paths`, or by an administrator while nobody beyond this machine can ask.
 */
export async function checkRepo(config: Config, principal: Principal, repo: string): Promise<void> {
  // Another server's address would be refused where it is resolved.
  if (repo.startsWith(`${config.github.url}/`)) return;
  // A token may stand in the place of the name.
  if (/^https:\/\/[^/]*@/.test(repo)) refuse('repo', 'a URL with a name or password', 'a URL without');
  const isFile = repo.startsWith('file://');
  if (!isFile && !isLocalPath(repo)) return;
  if (!isFile && !isAbsolute(repo)) {
    refuse('repo', repo, 'a URL, or an absolute path; owner/name needs a forge, or a github_token');
  }
  if (principal.role === 'admin' && isLoopback(config.server.host)) return;
  const path = isFile && URL.canParse(repo) ? fileURLToPath(repo) : repo;
  if (await isBelow(path, config.server.repoPaths)) return;
  refuse(
    'repo',
    repo,
    'a URL, or a path below one of the folders of repo_paths, a setting of the server',
    403,
  );
}

/** The repository of a request: over the network, `owner/name` is never a folder that happens to be here. */
export function repoFor(config: Config, repo: string, hasToken: boolean): string {
  return isOwnerName(repo) && (hasToken || hasForge(config)) ? `${config.github.url}/${repo}` : repo;
}

/** What a request may spend: less than the configuration allows, never more. @throws Refused 400 */
export function budgetOf(config: Config, given: SubmitBody['budget']): Partial<Budget> {
  const budget = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(budget)) {
    const most = config.budget[name as keyof Budget];
    if (most !== null && Number(value) > most)
      refuse(`budget.${name}`, value, `at most ${most}, as configured`);
  }
  return budget;
}

/** The agents that may be asked for over the network. */
export function knownAgents({ agentCmd }: Config): readonly string[] {
  return agentCmd === null ? agentNames.filter((name) => name !== 'command') : agentNames;
}

function agentOf(config: Config, body: SubmitBody): string | undefined {
  const agent = oneOf(body, ['agent', 'provider']);
  if (agent === undefined) return undefined;
  const known = knownAgents(config);
  // The simulated agent plays one of its stories, each as harmless as the others.
  const [name = '', story] = agent.split(/:(.*)/s);
  const isStory = name === 'simulated' && story !== undefined && Object.hasOwn(demoScenarios, story);
  if (!known.includes(agent) && !isStory) refuse('agent', agent, known.join(', '));
  return agent;
}

/** What is asked besides the task, checked against the configuration. @throws Refused 400 or 403 */
export function inputOf(config: Config, body: SubmitBody): Omit<RequestInput, 'repo' | 'task'> {
  const agent = agentOf(config, body);
  const allowHost = config.sandbox.name === 'host';
  if (body.sandbox === 'host' && !allowHost)
    refuse('sandbox', 'host', 'auto, bubblewrap (host: only where the server is set to it)', 403);
  const { base, model, sandbox, mode, draft, priority, session_id: sessionId, user_id: userId } = body;
  return {
    allowHost,
    budget: budgetOf(config, body.budget),
    ...(agent === undefined ? {} : { agent }),
    ...(base === undefined ? {} : { base }),
    ...(model === undefined ? {} : { model }),
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(mode === undefined ? {} : { mode }),
    ...(priority === undefined ? {} : { priority }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(userId === undefined ? {} : { userId }),
    ...(body.gate === undefined
      ? {}
      : { checks: body.gate.map((check) => ({ ...check, kind: 'other' as const })) }),
    draft,
    setup: body.setup,
    allowTestChanges: body.allow_test_changes,
    callbackUrl: body.callback_url,
    fork: body.fork,
    labels: body.labels,
    reviewers: body.reviewers,
    token: body.github_token,
    executor: body.executor,
  };
}

/** They say what the change is judged by, so they are not for whoever may ask for one. @throws Refused 403 */
export function checkJudging(principal: Principal, body: Pick<SubmitBody, 'gate' | 'setup'>): void {
  for (const field of ['gate', 'setup'] as const)
    if (body[field] !== undefined && principal.role !== 'admin')
      refuse(field, body[field], 'only from a key of the role admin', 403);
}

/**
 * The request that a body asks for, completed by the configuration.
 *
 * @throws Refused 400 or 403; JobError `invalid_request`, `bad_configuration`
 */
export async function requestOf(
  { config, readIssue }: Pick<Runner, 'config' | 'readIssue'>,
  principal: Principal,
  body: SubmitBody,
): Promise<JobRequest> {
  const named = oneOf(body, ['repo', 'repo_url', 'upstream_repo']);
  const words = oneOf(body, ['task', 'prompt', 'instruction']);
  const { issue: wanted, github_token: token } = body;
  if (named === undefined && wanted === undefined)
    refuse('repo', undefined, 'a URL, or the absolute path of a repository that this server admits');
  if (words === undefined && wanted === undefined)
    refuse('task', undefined, 'text that says what should change');
  checkJudging(principal, body);
  const given = named === undefined ? undefined : repoFor(config, named, token !== undefined);
  if (given !== undefined) await checkRepo(config, principal, given);
  const input = inputOf(config, body);
  const issue = wanted === undefined ? null : await readIssue(wanted, token);
  return resolveRequest(config, {
    ...input,
    repo: given ?? `${config.github.url}/${issue?.repo ?? ''}`,
    task: issue === null ? (words ?? '') : withWords(issue.task, words ?? null),
    issue: issue?.name,
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
}

/**
 * The idempotency key of a request: each sender has keys of its own.
 *
 * @throws JobError `invalid_request`
 */
export function onceOf(
  principal: Principal,
  key: string | null,
  body: unknown,
): { readonly once?: { readonly key: string; readonly digest: string } } {
  if (key === null) return {};
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new JobError(
      'invalid_request',
      'header.idempotency-key: allowed are 1 to 255 printable ASCII characters',
    );
  // Tokens are made anew, and the same is asked with each of them.
  const asked = typeof body === 'object' && body !== null ? { ...body, github_token: undefined } : body;
  const digest = createHash('sha256')
    .update(JSON.stringify(sorted(asked)))
    .digest('hex');
  return { once: { key: `${principal.id}:${key}`, digest } };
}
