/**
 * Asking a GitHub server: bounded in time, patient with its limits, and never twice for what has an effect. A
 * change whose answer was lost may have happened, so its caller looks before it asks again; only questions are
 * repeated here.
 */
import type { Octokit } from '@octokit/core';
import { JobError } from '../../job/error.ts';
import type { Pace } from './pace.ts';

/** One request, typed by its route, as Octokit has it. */
export type Ask = Octokit['request'];

export interface ClientOptions {
  /** Address of the REST interface, such as `https://api.github.com`. */
  readonly apiUrl: string;
  /** What stands in the `authorization` header; asked before each request. */
  readonly authorization: () => Promise<string>;
  /** Aborted when the job is cancelled. */
  readonly signal: AbortSignal;
  readonly pace: Pace;
  readonly onNotice: (notice: string) => void;
}

/** Longest single answer. GitHub gives up on its own after ten seconds. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Longest wait that a limit may ask for; a primary limit can be an hour, and then the job is tried again later. */
const MAX_WAIT_S = 300;
const MAX_LIMIT_WAITS = 3;
const QUESTION_RETRIES = 3;

type Throttle = NonNullable<NonNullable<ConstructorParameters<typeof Octokit>[0]>['throttle']>;

/** A group of limiters that waits for nothing: of such a group, the throttling plugin uses no more than this. */
const UNPACED = {
  key: () => {
    return { schedule: async <T>(_options: unknown, run: () => Promise<T>): Promise<T> => run() };
  },
} as unknown as NonNullable<Throttle['write']>;

/** Makes the way to ask. Its libraries are loaded here: a job without a forge does not pay for them. */
export async function createClient(options: ClientOptions): Promise<Ask> {
  const [{ Octokit: Core }, { retry }, { throttling }] = await Promise.all([
    import('@octokit/core'),
    import('@octokit/plugin-retry'),
    import('@octokit/plugin-throttling'),
  ]);
  const wait = (kind: string) => (seconds: number, _request: unknown, _octokit: unknown, waits: number) => {
    const isPatient = seconds <= MAX_WAIT_S && waits < MAX_LIMIT_WAITS;
    options.onNotice(`GitHub's ${kind} limit: ${isPatient ? 'waiting' : 'it asks for'} ${seconds} s`);
    // Whoever asks on while a limit holds is kept out for longer: it counts for all jobs of the account.
    options.pace.hold(Math.min(seconds, MAX_WAIT_S) * 1000).catch(() => {});
    return isPatient;
  };
  const octokit = new (Core.plugin(retry, throttling))({
    baseUrl: options.apiUrl,
    userAgent: 'agent-runner',
    log: { debug() {}, info() {}, warn() {}, error() {} },
    // A limit says itself how long to wait: that is the throttling's, and no reason to ask again at once.
    retry: { retries: QUESTION_RETRIES, doNotRetry: [400, 401, 403, 404, 409, 410, 422, 429, 451] },
    throttle: {
      id: options.pace.account,
      onRateLimit: wait('primary'),
      onSecondaryRateLimit: wait('secondary'),
      // Changes are paced below, where a job that is cancelled need not wait for its turn.
      write: UNPACED,
      notifications: UNPACED,
    },
    request: {
      fetch: (url: string, init: RequestInit) => {
        const signals = [options.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)];
        return fetch(url, { ...init, signal: AbortSignal.any(signals) });
      },
    },
  });
  octokit.hook.before('request', async (request) => {
    if (request.method !== 'GET') {
      // A change is asked for once; see the head of this file.
      request.request = { ...request.request, retries: 0 };
      await options.pace.next(options.signal, (waitMs) =>
        options.onNotice(`GitHub's pace for changes: waiting ${Math.ceil(waitMs / 1000)} s`),
      );
    }
    request.headers.authorization = await options.authorization();
  });
  // Outermost, so that a job that is cancelled does not sit out a limit.
  octokit.hook.wrap('request', (request, asked) =>
    orAborted(Promise.resolve(request(asked)), options.signal),
  );
  return octokit.request;
}

/** What comes of `work`, or a rejection when `signal` is aborted first; `work` must see to its own end. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The status of a refused request; 0 where there was no answer. */
export function statusOf(error: unknown): number {
  const known =
    error instanceof Error && 'status' in error && 'response' in error && error.response !== undefined;
  return known ? Number(error.status) : 0;
}

/** Whether a request was refused because too much was asked for: nothing is wrong with it, and later it may pass. */
export function isLimit(error: unknown): boolean {
  const status = statusOf(error);
  return status === 429 || (status === 403 && /rate limit|abuse detection/i.test(sayingOf(error)));
}

/** Whether a change may have happened although its answer says otherwise, or never came. */
export function isUncertain(error: unknown): boolean {
  const status = statusOf(error);
  return status === 0 || status >= 500;
}

/** What GitHub said, on one line and bounded. */
export function sayingOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 500);
}

/** What a person can do about a refusal. */
function hintOf(error: unknown, doing: string): string | undefined {
  const status = statusOf(error);
  if (isLimit(error)) return undefined;
  if (status === 401) return 'the token was refused: set BOT_TOKEN to one that is valid, then try again';
  if (status === 403)
    return `the token may not ${doing}: it needs Contents, Pull requests and Commit statuses (read and write), or the classic scopes repo and workflow; \`agent-runner doctor\` tells what it has`;
  if (status === 404)
    return 'check the name, and that the token may see this repository: GitHub answers 404 for both';
  return undefined;
}

/** A refusal as the error a job ends with: without a hint, trying again may help. */
export function asJobError(error: unknown, doing: string, code: 'repo_unusable' | 'infra_failed'): JobError {
  if (error instanceof JobError) return error;
  const status = statusOf(error);
  const hint = hintOf(error, doing);
  const named = hint === undefined ? 'infra_failed' : code;
  const said = status === 0 ? sayingOf(error) : `${status} ${sayingOf(error)}`;
  return new JobError(named, `GitHub: could not ${doing}: ${said}`, hint === undefined ? {} : { hint });
}

/** Most entries that GitHub puts on a page. */
export const PAGE = 100;

/**
 * All of a list, as far as the bound goes; a page that is not full is the last.
 *
 * @param read asks for one page, with these two parameters
 */
export async function allPages<T>(
  maxPages: number,
  read: (at: { readonly per_page: number; readonly page: number }) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let page = 1; page <= maxPages; page++) {
    const found = await read({ per_page: PAGE, page });
    all.push(...found);
    if (found.length < PAGE) break;
  }
  return all;
}

/** Longest wait for what GitHub is still working on after a change, and the pauses between two looks. */
const SETTLE_TRIES = 5;
const SETTLE_PAUSE_MS = 500;

/**
 * Has an effect once: looks whether it is there, else asks for it, and looks again where the answer was lost.
 *
 * @param find resolves with what is there, `null` where nothing is
 * @param make asks for it; rejections that are answers are thrown on
 */
export async function once<T>(
  find: () => Promise<T | null>,
  make: () => Promise<T>,
  options: { readonly pauseMs?: number; readonly signal: AbortSignal },
): Promise<{ readonly value: T; readonly isNew: boolean }> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  const { pauseMs = SETTLE_PAUSE_MS, signal } = options;
  let wasAsked = false;
  for (let tries = 1; ; tries++) {
    try {
      const there = await find();
      if (there !== null) return { value: there, isNew: wasAsked };
      wasAsked = true;
      return { value: await make(), isNew: true };
    } catch (error) {
      // An error of ours is an answer. A look that failed tells nothing, and is taken again before anything is asked for.
      const isAnswer = error instanceof JobError || !isUncertain(error);
      if (isAnswer || signal.aborted || tries >= SETTLE_TRIES) throw error;
      await sleep(pauseMs * tries, undefined, { signal });
    }
  }
}

/** Asks for a change that has the same effect once or twice, until its answer is certain. */
export function again<T>(make: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return once(() => Promise.resolve(null), make, { signal }).then(({ value }) => value);
}
