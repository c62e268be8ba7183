/** Which earlier job a request goes on with: the last of the same, and none while one has not ended. */
import { expect, it } from 'vitest';
import type { Remote } from '../../../src/forge/forge.ts';
import type { Job } from '../../../src/job/job.ts';
import type { JobRequest } from '../../../src/job/request.ts';
import { findFollowed } from '../../../src/runner/forge/follow.ts';
import type { Store } from '../../../src/store/store.ts';

const REMOTE: Remote = {
  url: 'https://github.com/ann/tool',
  display: 'ann/tool',
  kind: 'url',
  name: 'ann/tool',
};
const REQUEST = { task: 'Do it', agent: 'command', model: null, base: null, mode: 'change' } as JobRequest;

/** A job that ended with a pull request, but for what is told. */
function job(
  id: string,
  more: {
    request?: Partial<JobRequest>;
    result?: object | null;
    status?: Job['status'];
    branch?: string;
  } = {},
): Job {
  const result = {
    pr_url: `https://github.com/ann/tool/pull/${id}`,
    head_sha: id.repeat(40).slice(0, 40),
    ...more.result,
  };
  return {
    job_id: id,
    branch: more.branch ?? `bot/${id}`,
    status: more.status ?? 'completed',
    request: { ...REQUEST, ...more.request },
    result: more.result === null ? null : result,
  } as unknown as Job;
}

/** @param jobs newest first, as a store lists them */
function found(
  jobs: readonly Job[],
  request: JobRequest = REQUEST,
  remote = REMOTE,
  goneOn: readonly string[] = [],
): Promise<JobRequest['follows']> {
  const store = {
    listJobs({ repo }: { repo: string }) {
      expect(repo).toBe(REMOTE.url);
      return Promise.resolve(jobs);
    },
    getSession: (id: string) => Promise.resolve({ jobs: goneOn.includes(id) ? 2 : 1 }),
  } as unknown as Store;
  return findFollowed(store, remote, request);
}

it('is the newest that opened a pull request', async () => {
  const failed = job('c', { status: 'failed', result: { pr_url: null, head_sha: null } });
  expect(await found([failed, job('b'), job('a')])).toEqual({
    job_id: 'b',
    branch: 'bot/b',
    heads: ['b'.repeat(40)],
  });
});

it('knows what a later one left on the branch that failed after its push, and nothing of other branches', async () => {
  const failed = { status: 'failed', result: { pr_url: null } } as const;
  const follows = { job_id: 'b', branch: 'bot/b', heads: ['b'.repeat(40)] };
  const later = { ...job('c', { ...failed, request: { follows } }), branch: 'bot/b' };
  expect(await found([job('d', failed), later, job('b'), job('a')])).toEqual({
    job_id: 'b',
    branch: 'bot/b',
    heads: ['c'.repeat(40), 'b'.repeat(40)],
  });
});

it.each([
  ['another task', { task: 'Do that' }],
  ['another agent', { agent: 'simulated' }],
  ['another model', { model: 'large' }],
  ['another base', { base: 'next' }],
  ['a question', { mode: 'ask' }],
  ['a session', { session_id: 'one' }],
  ['a checkout', { in_place: { command: 'self-heal' } }],
  ['a playback', { replay: { recording: 'x', of: 'y' } }],
] as [string, Partial<JobRequest>][])('is none of %s, nor for it', async (_, request) => {
  expect(await found([job('a', { request })])).toBeUndefined();
  expect(await found([job('a')], { ...REQUEST, ...request })).toBeUndefined();
});

it('is none while another of the same has not ended: two never work on one branch', async () => {
  expect(await found([job('b', { status: 'running', result: null }), job('a')])).toBeUndefined();
  const other = job('b', { status: 'running', result: null, request: { task: 'Do that' } });
  expect(await found([other, job('a')])).toMatchObject({ job_id: 'a' });
});

it('is none after one that found the branch in other hands, until one has opened its own', async () => {
  const follows = { job_id: 'a', branch: 'bot/a', heads: ['a'.repeat(40)] };
  const refused = job('b', {
    status: 'failed',
    request: { follows },
    result: { pr_url: null, head_sha: null, error: { code: 'conflict' } },
  });
  expect(await found([refused, job('a')])).toBeUndefined();
  expect(await found([job('c'), refused, job('a')])).toMatchObject({ job_id: 'c' });
});

it("is none whose branch is not its own: that of a job from elsewhere may be anybody's", async () => {
  expect(await found([job('b', { branch: 'x/main' }), job('a')])).toMatchObject({ job_id: 'a' });
  const follows = { job_id: 'a', branch: 'bot/a', heads: ['a'.repeat(40)] };
  const second = job('b', { branch: 'bot/a', request: { follows } });
  expect(await found([second, job('a')])).toMatchObject({ job_id: 'b', branch: 'bot/a' });
});

it('is none on whose branch a conversation went on', async () => {
  expect(await found([job('b'), job('a')], REQUEST, REMOTE, ['b'])).toBeUndefined();
});

it('is none where there are no pull requests', async () => {
  const { name: _, ...plain } = REMOTE;
  expect(await found([job('a')], REQUEST, plain)).toBeUndefined();
});
