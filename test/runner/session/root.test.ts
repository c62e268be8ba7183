/** Which jobs can be gone on with by their ids, and what those take over that do. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import type { JobRequest } from '../../../src/job/request.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { checkSession, type SessionRoot } from '../../../src/runner/session/start.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import type { Store } from '../../../src/store/store.ts';
import { sampleJob, sampleRequest, T0 } from '../../store/sample.ts';

const ID = 'job-0123456789ab';
const REPO = 'https://github.com/ann/tool';

let store: Store;
beforeEach(() => {
  store = createMemoryStore();
});

async function add(jobId: string, request: Partial<JobRequest> = {}, more: Partial<Job> = {}): Promise<void> {
  await store.createJob(sampleJob(jobId, { request: sampleRequest({ repo: REPO, ...request }), ...more }));
}

async function end(jobId: string, result: Partial<JobResult>): Promise<void> {
  const lease = await store.acquireLease(jobId, 'w', 60_000, T0);
  if (lease === null) throw new Error('held');
  await store.updateJob(lease, { status: 'completed', outcome: 'pr_opened', result: result as JobResult });
  await store.releaseLease(lease);
}

function check(token?: string, repo = REPO): Promise<SessionRoot | null> {
  return checkSession(store, ID, { repo, token });
}

describe('a session that bears the id of a job', () => {
  it('takes branch, pull request and issue from it', async () => {
    await add(ID, { issue: 'ann/tool#3' });
    await end(ID, { pr_url: `${REPO}/pull/12` });
    expect(await check()).toEqual({
      branch: `bot/${ID}`,
      pull: 'ann/tool#12',
      issue: 'ann/tool#3',
      follows: null,
    });
  });

  it('takes the branch of the job that it follows, where it did', async () => {
    const follows = { job_id: 'job-aaaaaaaaaaaa', branch: 'bot/job-aaaaaaaaaaaa', heads: [] };
    await add(ID, { follows }, { branch: follows.branch });
    expect(await check()).toMatchObject({ branch: follows.branch, follows });
  });

  it.each<[string, Partial<JobRequest>, Partial<Job>, RegExp]>([
    ['belongs to a session already', { session_id: 'prices' }, {}, /a job of session prices already/],
    ['played another back', { replay: { recording: 'r', of: 'x' } }, {}, /played a recorded job back/],
    ['had a token of its own', { sealed_token: null }, {}, /a token of its own/],
    [
      'worked on the branch of another',
      { onto: { branch: 'x', pr_url: 'y' } },
      {},
      /branch of somebody else/,
    ],
    ['names a branch that is not its own', {}, { branch: 'main' }, /no branch of its own/],
  ])('is refused where that job %s', async (_, request, job, error) => {
    await add(ID, request, job);
    await expect(check()).rejects.toMatchObject({ code: 'invalid_request', message: error });
  });

  it('is refused where there is no such job, and for another repository', async () => {
    await expect(check()).rejects.toThrow(/is the id of a job, and there is none/);
    await add(ID, { sealed_token: null });
    await expect(check('ghp_x', `${REPO}s`)).rejects.toMatchObject({ code: 'bad_configuration' });
    expect(await check('ghp_x')).toMatchObject({ branch: `bot/${ID}` });
  });

  it('is none where people named it', async () => {
    expect(await checkSession(store, 'prices', { repo: REPO, token: undefined })).toBeNull();
  });
});
