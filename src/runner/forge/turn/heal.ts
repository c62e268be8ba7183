/** A pull request whose checks failed, as a job: a turn of our own, or a fix for somebody else's. */
import type { Config } from '../../../config.ts';
import type { Checks, Forge, Pull, Visit } from '../../../forge/forge.ts';
import { isSameName } from '../../../forge/github/names.ts';
import { JobError } from '../../../job/error.ts';
import { sessionOf, type Job } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import { isTerminal } from '../../../job/status.ts';
import { fixesAmong, fixesUsedUp } from '../../../job/trigger/limits.ts';
import type { Store } from '../../../store/store.ts';
import { eachJob } from '../../keep/jobs.ts';
import { parseNumbered, type IssueName } from '../issue.ts';
import { followUpOf, noteOf } from './follow-up.ts';
import { turnTaskOf, type Turn } from './task.ts';

/** The jobs of a pull request of ours. */
export interface OwnPull {
  /** The job that its session began with. */
  readonly root: Job;
  /** The last of the session that ended. */
  readonly latest: Job;
  /** All of the session, newest first. */
  readonly jobs: readonly Job[];
}

/** A pull request as `self-heal --pr` finds it. */
export interface FailingPull {
  /** `owner/name#12`. */
  readonly name: string;
  /** Address of its repository. */
  readonly repo: string;
  readonly pull: Pull;
  readonly checks: Checks;
  /** `null` where no job of this home opened it. */
  readonly own: OwnPull | null;
  /** Which limit of automatic fixes is used up, in words; `null`: none is. */
  readonly usedUp: string | null;
}

/** Longest look at a pull request. */
const READ_TIMEOUT_MS = 120_000;
/** Jobs of a repository that are looked through, newest first. */
const MAX_JOBS = 2000;

/**
 * The pull request that somebody names: `owner/name#12`, or its address.
 *
 * @throws JobError `invalid_request`
 */
export function parsePullName(config: Config, text: string): IssueName {
  const { url } = config.github;
  const address = /^([^#?\s]+)\/pull\/(\d{1,9})(?:\/(?:files|commits|checks))?\/?(?:[?#]\S*)?$/;
  const name = parseNumbered(url, text, address);
  if (name !== null) return name;
  throw new JobError(
    'invalid_request',
    `pr: ${JSON.stringify(text.slice(0, 200))} is no pull request of ${url}`,
    {
      hint: `give owner/name#12, or ${url}/owner/name/pull/12`,
    },
  );
}

/** Whether a job worked on a branch that others may go on with. */
function isOn({ request }: Job): boolean {
  return request.in_place === undefined && request.replay === undefined && request.onto === undefined;
}

/**
 * The jobs of a pull request, where a job of this home opened it.
 *
 * @param url address of the pull request
 */
async function findOwnPull(store: Store, url: string): Promise<OwnPull | null> {
  for await (const job of eachJob(store, { pullUrl: url, limit: MAX_JOBS })) {
    if (!isOn(job)) continue;
    const sessionId = sessionOf(job);
    const jobs: Job[] = [];
    for await (const one of eachJob(store, { sessionId, limit: MAX_JOBS })) jobs.push(one);
    const root = jobs.at(-1) ?? job;
    return { root, latest: jobs.find(({ status }) => isTerminal(status)) ?? root, jobs };
  }
  return null;
}

async function usedUp(
  { store, config }: { readonly store: Store; readonly config: Config },
  own: OwnPull | null,
  name: string,
  sha: string,
): Promise<string | null> {
  const jobs: Job[] = [...(own?.jobs ?? [])];
  if (own === null) for await (const job of eachJob(store, { about: name, limit: MAX_JOBS })) jobs.push(job);
  const fixes = fixesAmong(jobs.map(({ request }) => request));
  const limit = fixesUsedUp(fixes, sha, config.triggers);
  if (limit === null) return null;
  const of = limit.name === 'fixes_per_head' ? 'this commit' : 'this pull request';
  return `${limit.most} automatic fixes of ${of}, which is the limit (triggers.${limit.name})`;
}

/**
 * Reads a pull request, its checks, and which of our jobs it is.
 *
 * @param text as somebody named it
 * @throws JobError `invalid_request`, `not_found`, `conflict` for a closed one, `bad_configuration` without a forge
 */
export async function readFailingPull(
  { forge, config, store }: { readonly forge: Forge; readonly config: Config; readonly store: Store },
  text: string,
): Promise<FailingPull> {
  const { repo, number } = parsePullName(config, text);
  const name = `${repo}#${number}`;
  const visit: Visit = { jobId: 'pull', signal: AbortSignal.timeout(READ_TIMEOUT_MS), onNotice: () => {} };
  const remote = await forge.resolve(`${config.github.url}/${repo}`);
  const { conversation } = forge.access(remote, visit);
  if (conversation === undefined) {
    throw new JobError('bad_configuration', `pr: ${name} lies on a forge, and no forge is configured`, {
      hint: 'set BOT_TOKEN to the token of an account there',
    });
  }
  const pull = await conversation.readPull(number);
  if (!pull.isOpen) {
    throw new JobError('conflict', `pr: ${name} is closed`, { hint: 'open it again, or name another' });
  }
  const [checks, own] = await Promise.all([
    conversation.readChecks(pull.head.sha),
    findOwnPull(store, pull.url),
  ]);
  return {
    name,
    repo: remote.url,
    pull,
    checks,
    own,
    usedUp: await usedUp({ store, config }, own, name, pull.head.sha),
  };
}

/**
 * What is asked for somebody else's pull request: a job on its branch, which proposes a pull request of its own onto it.
 *
 * @param onto whether the fix goes onto the very branch: whoever runs the command gives leave
 * @throws JobError `no_permission` for a branch of a fork
 */
function healTheirs(
  { name, pull, repo }: FailingPull,
  turn: Turn,
  onto: boolean,
): Pick<JobRequest, 'repo' | 'task' | 'base' | 'pull' | 'turn' | 'onto' | 'fork'> {
  const { head } = pull;
  if (head.repo === null || !isSameName(head.repo, name.slice(0, name.lastIndexOf('#')))) {
    throw new JobError(
      'no_permission',
      `pr: the branch of ${name} lies in ${head.repo ?? 'a fork that is gone'}`,
      {
        hint: 'only its author pushes there: check it out and call `agent-runner self-heal` in it',
      },
    );
  }
  return {
    repo,
    task: turnTaskOf(pull, [turn]),
    base: head.branch,
    pull: name,
    turn: noteOf([turn]),
    ...(onto ? { onto: { branch: head.branch, pr_url: pull.url }, fork: 'never' } : {}),
  };
}

/**
 * The request that mends a pull request's failed checks.
 *
 * @param plain what is configured, for a pull request that no job of ours opened
 * @param onto whether the fix of somebody else's goes onto the very branch
 */
export function healingOf(failing: FailingPull, plain: JobRequest, onto: boolean): JobRequest {
  const { own, name, pull, checks } = failing;
  const turn: Turn = { kind: 'checks', sha: pull.head.sha, failed: checks.failed };
  const trigger = { about: name, fixes: { sha: pull.head.sha, run: checks.run } };
  if (own !== null) return { ...followUpOf(own.root, own.latest, pull, [turn], plain.budget), trigger };
  return { ...plain, ...healTheirs(failing, turn, onto), trigger };
}
