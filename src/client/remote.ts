/** Jobs of a server, over its HTTP API. */
import { randomUUID } from 'node:crypto';
import { JobError } from '../job/error.ts';
import type { JobResult } from '../job/result.ts';
import type { JobView } from '../job/view/view.ts';
import type { JobClient, ListFilter } from './client.ts';
import { createRemotePipelines } from './pipelines/remote.ts';
import { call, type Place } from './http/call.ts';
import { pages } from './http/pages.ts';
import { followLog } from './http/follow.ts';

/** Events of one page; the server gives no more. */
const EVENTS_PAGE = 1000;

/** Pages of jobs until there are as many as are wanted, or no more. */
async function listJobs(place: Place, filter: ListFilter): Promise<readonly JobView[]> {
  const { limit, status, repo, sessionId: session, userId: user, search: q } = filter;
  const query = {
    ...(status === undefined ? {} : { status }),
    ...(repo === undefined ? {} : { repo }),
    ...(session === undefined ? {} : { session }),
    ...(user === undefined ? {} : { user }),
    ...(q === undefined ? {} : { q }),
  };
  return pages(limit, filter.before, async (most, cursor) => {
    const page = await call(place, 'listJobs', { query: { ...query, limit: most, ...cursor } });
    return { rows: page.jobs, next: page.next_cursor };
  });
}

/**
 * Where a server is, without a slash at its end.
 *
 * @throws JobError `bad_configuration` for a URL or a key that can be none
 */
export function placeOf({ url, token }: Place): Place {
  const isHttp = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isHttp || new URL(url).username !== '')
    throw new JobError('bad_configuration', `url: ${JSON.stringify(url)} is no http or https URL`, {
      hint: 'give what `agent-runner up` printed, for example http://127.0.0.1:8000, and the key apart',
    });
  // A header of anything else would be refused by fetch with the key in its message.
  if (token !== null && !/^[\x21-\x7e]{1,500}$/.test(token))
    throw new JobError('bad_configuration', 'token: it is no key of agent-runner', {
      hint: 'make one by `agent-runner keys create` where the server runs',
    });
  return { token, url: url.replace(/\/+$/, '') };
}

/**
 * Makes the client of a server; it holds no connection while nothing is asked.
 *
 * @throws JobError `bad_configuration` for a URL or a key that can be none
 */
export function createRemoteClient(given: Place): JobClient {
  const place = placeOf(given);
  const of = (jobId: string): { readonly path: { readonly job_id: string } } => ({
    path: { job_id: jobId },
  });
  return {
    url: place.url,
    // Under a key of its own a request can be sent again when its answer is lost.
    submit: (asked, key = randomUUID()) =>
      call(place, 'submitJob', { body: asked, header: { 'idempotency-key': key } }, true),
    job: (jobId) => call(place, 'getJob', of(jobId)),
    list: (filter) => listJobs(place, filter),
    sessions: (limit) =>
      pages(limit, undefined, async (most, cursor) => {
        const page = await call(place, 'listSessions', { query: { limit: most, ...cursor } });
        return { rows: page.sessions, next: page.next_cursor };
      }),
    session: (sessionId, limit) =>
      call(place, 'getSession', { path: { session_id: sessionId }, query: { limit } }),
    async result(jobId) {
      // The document names the part of a result that is promised; the server sends what `run --json` prints.
      const result = (await call(place, 'getResult', of(jobId))) as unknown as JobResult;
      return { result, savedIn: null };
    },
    steps: async (jobId) => (await call(place, 'getSteps', of(jobId))).steps,
    trace: (jobId) => call(place, 'getTrace', of(jobId)),
    events: async (jobId, after, limit) =>
      (
        await call(place, 'getEvents', {
          ...of(jobId),
          query: { after, limit: Math.min(limit, EVENTS_PAGE) },
        })
      ).events,
    follow: (jobId, options) => followLog(place, jobId, options),
    diff: (jobId) => call(place, 'getDiff', of(jobId)),
    cancel: (jobId) => call(place, 'cancelJob', of(jobId)),
    retry: (jobId, key = randomUUID()) =>
      call(place, 'retryJob', { ...of(jobId), header: { 'idempotency-key': key } }, true),
    message: (jobId, text) => call(place, 'sendMessage', { ...of(jobId), body: { text } }),
    deliveries: async (jobId) => (await call(place, 'listDeliveries', of(jobId))).deliveries,
    redeliver: async (jobId) => (await call(place, 'redeliver', of(jobId))).deliveries,
    async usage({ by, since, limit }) {
      const { rows, total } = await call(place, 'getUsage', { query: { by, since: since ?? 'all', limit } });
      return { rows, total };
    },
    triggers: async (filter) => (await call(place, 'listTriggers', { query: filter })).triggers,
    pipelines: createRemotePipelines(place),
    close: () => Promise.resolve(),
  };
}
