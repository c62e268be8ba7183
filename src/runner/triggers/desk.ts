/** One repository, while its events are decided on: what jobs and the forge say of it, each asked once. */
import type { Checks, Conversation, Issues, Pull, Review } from '../../forge/forge.ts';
import { JobError } from '../../job/error.ts';
import { sessionOf, type Job } from '../../job/job.ts';
import { isTerminal } from '../../job/status.ts';
import type { Facts, OwnPull, Thread } from '../../job/trigger/facts.ts';
import { fixesAmong } from '../../job/trigger/limits.ts';
import type { JobFilter, Store } from '../../store/store.ts';
import type { RunnerParts } from '../context.ts';

/** Jobs of one issue, pull request or session that are looked at, newest first: more than any cap lets there be. */
const MAX_JOBS = 2000;

/** The jobs of a pull request of ours. */
export interface OwnJobs {
  /** The first of its session. */
  readonly root: Job;
  /** The last of them that ended. */
  readonly latest: Job;
}

/** Repository and forge, as decisions and what follows them need it. */
export interface Desk {
  readonly repo: string;
  readonly conversation: Conversation;
  readonly issues: Issues;
  readonly facts: Facts;
  readonly readPull: (number: number) => Promise<Pull>;
  readonly readReview: (number: number, reviewId: number) => Promise<Review>;
  readonly readChecks: (sha: string) => Promise<Checks>;
  /** The jobs of a pull request of ours that a decision named. */
  readonly jobsOf: (pull: OwnPull) => Promise<OwnJobs>;
  /** Forgets what jobs said: one was made or cancelled since. */
  readonly refresh: () => void;
}

/** Whether anybody outside may hear of a job: not of a playback, nor of work in a checkout. */
function isOutside({ request }: Job): boolean {
  return request.replay === undefined && request.in_place === undefined;
}

/** Asks once for each key; what failed is asked again. */
function once<K, V>(ask: (key: K) => Promise<V>): { (key: K): Promise<V>; readonly clear: () => void } {
  const known = new Map<K, Promise<V>>();
  const get = (key: K): Promise<V> => {
    const found = known.get(key) ?? ask(key);
    known.set(key, found);
    found.catch(() => known.delete(key));
    return found;
  };
  return Object.assign(get, { clear: () => known.clear() });
}

async function jobsBy(store: Store, filter: Omit<JobFilter, 'limit'>): Promise<readonly Job[]> {
  return (await store.listJobs({ ...filter, limit: MAX_JOBS })).filter(isOutside);
}

/** Whether a job's pull request is surely of its own branch: what came from another home may name anybody's. */
function isOwnBranch(job: Job): boolean {
  return (
    job.result?.pr_url != null && (job.request.follows !== undefined || job.branch.includes(sessionOf(job)))
  );
}

function liveOf(jobs: readonly Job[]): string | null {
  return jobs.find((job) => !isTerminal(job.status))?.job_id ?? null;
}

function numberOf(pullUrl: string): number | null {
  const number = Number(/\/pull\/(\d{1,9})$/.exec(pullUrl)?.[1]);
  return number > 0 ? number : null;
}

function newer(a: string | null, b: string | undefined): string | null {
  return b === undefined || (a !== null && a >= b) ? a : b;
}

/** What jobs say of a pull request that one of them opened. */
function ownThread(job: Job, session: readonly Job[]): Thread {
  const { result } = job;
  const number = numberOf(result?.pr_url ?? '');
  const published = session.find(
    (one) =>
      one.result?.pr_url === result?.pr_url && one.result?.branch != null && one.result.head_sha !== null,
  );
  const followUps = session.filter((one) => one.request.turn !== undefined);
  const fixes = fixesAmong(followUps.map(({ request }) => request));
  return {
    pull:
      number === null
        ? null
        : {
            number,
            session_id: sessionOf(job),
            branch: result?.branch ?? job.branch,
            head_sha: published?.result?.head_sha ?? null,
          },
    askedAt: session[0]?.created_at ?? null,
    live: liveOf(session),
    turns: followUps.length,
    fixes,
  };
}

const NOTHING: Thread = { pull: null, askedAt: null, live: null, turns: 0, fixes: [] };

/** What jobs say of an issue or a pull request. */
async function readThread(store: Store, repo: string, url: string, number: number): Promise<Thread> {
  const own = (await jobsBy(store, { pullUrl: `${url}/${repo}/pull/${number}` })).find(isOwnBranch);
  const about = await jobsBy(store, { about: `${repo}#${number}` });
  const source = own ?? about.find(isOwnBranch);
  const thread =
    source === undefined ? NOTHING : ownThread(source, await jobsBy(store, { sessionId: sessionOf(source) }));
  return {
    ...thread,
    askedAt: newer(thread.askedAt, about[0]?.created_at),
    live: thread.live ?? liveOf(about),
  };
}

function factsOf(
  conversation: Conversation,
  issues: Issues,
  read: Pick<Desk, 'readPull' | 'readReview' | 'readChecks'>,
  thread: Facts['thread'],
): Facts {
  const mayWrite = once((login: string) => conversation.mayWrite(login));
  const self = once<string, string>(() => conversation.self());
  const issueOpen = once(async (number: number) => (await issues.read(number)).isOpen);
  const pullsAt = once(async (sha: string) => (await conversation.pullsOf(sha)).map(({ number }) => number));
  return {
    self: () => self(''),
    mayWrite,
    thread,
    isIssueOpen: issueOpen,
    async pull(number) {
      const { isOpen, head } = await read.readPull(number);
      return { isOpen, headRepo: head.repo, headBranch: head.branch, headSha: head.sha };
    },
    pullsAt,
    async checks(sha) {
      const { isPending, failed, run } = await read.readChecks(sha);
      return { isPending, failed: failed.length, run };
    },
    async hasRemarks(number, reviewId) {
      return (await read.readReview(number, reviewId)).remarks.length > 0;
    },
  };
}

/**
 * Opens the desk of a repository.
 *
 * @param repo `owner/name`
 * @throws JobError `bad_configuration` where no forge is there for it
 */
export async function openDesk(
  { store, forge, config }: Pick<RunnerParts, 'store' | 'forge' | 'config'>,
  repo: string,
  signal: AbortSignal,
): Promise<Desk> {
  const { url } = config.github;
  const remote = await forge.resolve(`${url}/${repo}`);
  const visit = { jobId: 'triggers', signal, onNotice: () => {} };
  const { conversation, issues } = forge.access(remote, visit);
  if (conversation === undefined || issues === undefined) {
    throw new JobError('bad_configuration', `triggers: nobody at ${url} can look after ${repo}`, {
      hint: 'set BOT_TOKEN, or github_app_id and github_app_key_file',
    });
  }
  const readPull = once((number: number) => conversation.readPull(number));
  const readChecks = once((sha: string) => conversation.readChecks(sha));
  const reviews = once(async (name: string) => {
    const [number = 0, id = 0] = name.split(' ').map(Number);
    return conversation.readReview(number, id);
  });
  const readReview = (number: number, id: number): Promise<Review> => reviews(`${number} ${id}`);
  const thread = once((number: number) => readThread(store, repo, url, number));
  return {
    repo,
    conversation,
    issues,
    facts: factsOf(conversation, issues, { readPull, readReview, readChecks }, thread),
    readPull,
    readReview,
    readChecks,
    async jobsOf({ session_id: sessionId }) {
      const jobs = await jobsBy(store, { sessionId });
      const [root, latest] = [jobs.at(-1), jobs.find((job) => isTerminal(job.status))];
      if (root !== undefined && latest !== undefined) return { root, latest };
      throw new JobError('bug', `triggers: the session ${sessionId} has no job that ended`);
    },
    refresh: () => thread.clear(),
  };
}
