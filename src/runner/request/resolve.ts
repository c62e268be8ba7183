/** The request that a door was given, completed by the configuration and validated: one way for CLI and server. */
import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Check } from '../../job/gate.ts';
import type { InPlace } from '../../job/in-place/in-place.ts';
import {
  isOwnerName,
  MAX_PRIORITY,
  parseCallbackUrl,
  parseForkMode,
  parseLabels,
  parseRef,
  parseRepo,
  parseReviewers,
  parseSessionId,
  parseTask,
  parseToken,
  SANDBOX_NAMES,
  type Budget,
  type JobRequest,
  type SandboxChoiceName,
} from '../../job/request.ts';
import { nameOn, splitName } from '../../forge/github/names.ts';
import type { Config } from '../../config.ts';
import { WORKFLOW_AGENT } from '../../job/elsewhere/executor.ts';
import { defaultAgent } from '../agents.ts';
import { executorOf } from './executor.ts';

/** What was asked for; what is absent is as configured. */
export interface RequestInput {
  readonly task: string;
  /** A URL, or a path that is relative to where the process stands. */
  readonly repo: string;
  readonly base?: string;
  readonly mode?: 'change' | 'ask';
  readonly agent?: string;
  readonly model?: string;
  readonly sandbox?: string;
  readonly budget?: Partial<Budget>;
  readonly checks?: readonly Check[];
  readonly setup?: string | undefined;
  readonly allowTestChanges?: boolean | undefined;
  readonly draft?: boolean | undefined;
  readonly priority?: number;
  readonly sessionId?: string;
  readonly userId?: string;
  readonly fork?: string | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly reviewers?: readonly string[] | undefined;
  readonly callbackUrl?: string | undefined;
  /** `owner/name#12`, read already. */
  readonly issue?: string | undefined;
  /** The job's own for the forge: looked at, and not part of the request. */
  readonly token?: string | undefined;
  readonly allowHost: boolean;
  readonly inPlace?: InPlace;
  /** Where it is executed; absent: as configured. */
  readonly executor?: string | undefined;
}

async function agentOf(config: Config, given: string | undefined): Promise<string> {
  const agent = given ?? (await defaultAgent(config));
  if (agent !== null) return agent;
  throw new JobError(
    'bad_configuration',
    'agent: none is given, AGENT_CMD is not set, and none is ready here',
    {
      hint: "give --agent (builtin needs no more than a model), or set AGENT_CMD to your agent's command, for example AGENT_CMD='claude -p'; `agent-runner agents` lists what there is and what each lacks",
    },
  );
}

function sandboxOf(config: Config, given: string | undefined): SandboxChoiceName {
  if (given === undefined) return config.sandbox.name;
  const known = SANDBOX_NAMES.find((name) => name === given);
  if (known !== undefined) return known;
  throw new JobError(
    'invalid_request',
    `sandbox: ${JSON.stringify(given.slice(0, 100))} is unknown (allowed: ${SANDBOX_NAMES.join(', ')})`,
  );
}

/** Whether a repository is named by a path of this machine, and not by a URL. */
export function isLocalPath(repo: string): boolean {
  return !/^(https|ssh|file):\/\//.test(repo) && !/^[^/]+@[^/]+:/.test(repo);
}

/** Whether jobs on GitHub's repositories can fork, push and propose. */
export function hasForge({ github }: Config): boolean {
  return github.token !== null || github.app !== null;
}

/** An address on the configured server, which may be this machine and then goes without TLS. */
function isOnForge(config: Config, repo: string): boolean {
  return repo.startsWith(`${config.github.url}/`) && !/[\s\p{C}]/u.test(repo);
}

/** The repository of a job that brings its own token, by the address that the token is for. */
function ownRepo({ github: { url } }: Config, repo: string): string {
  const name = isOwnerName(repo) ? splitName(repo) : nameOn(url, repo);
  if (name !== null) return `${url}/${name.owner}/${name.name}`;
  throw new JobError('invalid_request', `github_token: ${repo.slice(0, 200)} is no repository of ${url}`, {
    hint: `a token goes to no other server: name owner/name or ${url}/owner/name, or leave the token out`,
  });
}

/** The repository in a form that is allowed. */
function formOf(config: Config, { repo, token }: Pick<RequestInput, 'repo' | 'token'>): string {
  if (token !== undefined) {
    parseToken(token);
    return ownRepo(config, repo);
  }
  return hasForge(config) && isOnForge(config, repo) ? repo : parseRepo(repo);
}

/** A repository as it is stored: `owner/name` is one of the forge, unless a folder of that name is here. */
async function namedRepo(config: Config, repo: string): Promise<string> {
  const { host, github } = config;
  if (!isLocalPath(repo) || repo.startsWith(`${github.url}/`)) return repo;
  const path = resolve(host.cwd, repo);
  if (!isOwnerName(repo) || !hasForge(config)) return path;
  const isHere = await lstat(path).then(
    () => true,
    () => false,
  );
  return isHere ? path : `${github.url}/${repo}`;
}

/**
 * A repository that somebody names, as jobs name it.
 *
 * @throws JobError `invalid_request`
 */
export function repoNamed(config: Config, input: Pick<RequestInput, 'repo' | 'token'>): Promise<string> {
  return namedRepo(config, formOf(config, input));
}

/** What only forges know. */
function forgeFields(
  { github }: Config,
  input: RequestInput,
): Pick<JobRequest, 'fork' | 'labels' | 'reviewers'> {
  const fork = input.fork === undefined ? github.fork : parseForkMode(input.fork);
  const labels = parseLabels(input.labels ?? github.labels);
  const reviewers = parseReviewers(input.reviewers ?? github.reviewers);
  return {
    ...(fork === 'auto' ? {} : { fork }),
    ...(labels.length === 0 ? {} : { labels }),
    ...(reviewers.length === 0 ? {} : { reviewers }),
  };
}

/**
 * A priority that a caller gave.
 *
 * @throws JobError `invalid_request` unless it is a whole number from -`MAX_PRIORITY` to `MAX_PRIORITY`
 */
export function parsePriority(given: unknown): number {
  const priority = Number(given);
  if (Number.isInteger(priority) && Math.abs(priority) <= MAX_PRIORITY) return priority;
  throw new JobError(
    'invalid_request',
    `priority: ${JSON.stringify(given)} is not allowed (a whole number from -${MAX_PRIORITY} to ${MAX_PRIORITY})`,
  );
}

/**
 * Makes a validated request.
 *
 * @throws JobError `invalid_request` or `bad_configuration`, naming the field
 */
export async function resolveRequest(config: Config, input: RequestInput): Promise<JobRequest> {
  const repo = await repoNamed(config, input);
  const { checks = [], priority, sessionId } = input;
  const executor = executorOf(config, input, repo);
  return {
    repo,
    task: parseTask(input.task),
    mode: input.mode ?? 'change',
    base: input.base === undefined ? null : parseRef(input.base),
    agent: executor === 'local' ? await agentOf(config, input.agent) : WORKFLOW_AGENT,
    model: executor === 'local' ? (input.model ?? config.model) : null,
    ...(executor === 'local' ? {} : { executor }),
    phases: config.phases,
    sandbox: sandboxOf(config, input.sandbox),
    allow_host: input.allowHost,
    network: config.network,
    budget: { ...config.budget, ...input.budget },
    policy: config.policy,
    max_gate_runs: config.maxGateRuns,
    checks: checks.length === 0 ? null : checks,
    setup: input.setup ?? null,
    allow_test_changes: input.allowTestChanges ?? false,
    draft: input.draft ?? false,
    user_id: input.userId ?? null,
    ...(priority === undefined ? {} : { priority: parsePriority(priority) }),
    ...(sessionId === undefined ? {} : { session_id: parseSessionId(sessionId) }),
    ...(input.callbackUrl === undefined ? {} : { callback_url: parseCallbackUrl(input.callbackUrl) }),
    ...forgeFields(config, input),
    ...(input.issue === undefined ? {} : { issue: input.issue }),
    ...(input.inPlace === undefined ? {} : { in_place: input.inPlace }),
  };
}
