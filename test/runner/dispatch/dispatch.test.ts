/** Jobs that a workflow executes: dispatched once, ended once, by a callback or by looking. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openReceiver, type Receiver } from '../../notify/receiver.ts';
import { jobIdOf, openPlace, SECRET, TOKEN, type Place } from './place.ts';

let place: Place;
let receiver: Receiver;
beforeEach(async () => {
  [place, receiver] = await Promise.all([openPlace(), openReceiver()]);
});
afterEach(async () => {
  await Promise.all([place.close(), receiver.close()]);
});

/** Asks for a job and waits until a run has it. */
async function triggered(body: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const answer = await place.submit(body);
  const { job_id: jobId } = (await answer.json()) as { job_id: string };
  await place.until(jobId, ({ status }) => status === 'triggered');
  return jobId;
}

describe('a job of executor github-actions', () => {
  it('is dispatched once, ended by a signed callback, and tells its own', async () => {
    const answer = await place.submit({ callback_url: receiver.url });
    expect(answer.status).toBe(201);
    const accepted = (await answer.json()) as { job_id: string };
    const { job_id: jobId } = accepted;
    expect(accepted).toEqual({
      job_id: jobId,
      status: 'triggered',
      upstream_repo: 'ann/tool',
      fork_repo: 'bot/tool',
      branch: `bot/${jobId}`,
    });
    const [run] = place.runs();
    expect(run?.inputs).toEqual({
      fork_repo: 'bot/tool',
      upstream_repo: 'ann/tool',
      prompt: 'Say more in the README',
      job_id: jobId,
      callback_url: `${place.server.url}/webhook/agent-runner`,
    });
    const prUrl = await place.propose(jobId);
    const body = { job_id: jobId, status: 'completed', pr_url: prUrl, total_cost: 0.25 };
    for (let round = 0; round < 3; round++) {
      const taken = await place.call(body);
      expect([taken.status, await taken.json()]).toEqual([200, { status: 'ok' }]);
    }
    const job = await place.ended(jobId);
    expect(job).toMatchObject({ status: 'completed', outcome: 'pr_opened' });
    expect(job.result).toMatchObject({
      pr_url: prUrl,
      fork_repo: 'bot/tool',
      upstream_repo: 'ann/tool',
      branch: `bot/${jobId}`,
      total_cost: 0.25,
    });
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(JSON.parse(receiver.received[0]?.body ?? '')).toMatchObject({ job_id: jobId, pr_url: prUrl });
    expect(await place.runner.store.listDeliveries(jobId)).toHaveLength(1);
    expect(place.runs()).toHaveLength(1);
    const events = await place.runner.store.readEvents(jobId, 0, 1000);
    const told = events.find(({ data }) => data['status'] === 'triggered');
    expect(told?.data).toMatchObject({ run_url: expect.stringContaining('/actions/runs/') as unknown });
    const all = JSON.stringify([events, place.logged, run?.inputs, job]);
    for (const secret of [TOKEN, SECRET]) expect(all).not.toContain(secret);
  });

  it('whose callback was lost is found by its run, and a failure tells the end of the log', async () => {
    const [good, bad] = [await triggered(), await triggered({ task: 'Another' })];
    const prUrl = await place.propose(good);
    for (const run of place.runs()) {
      const failed = jobIdOf(run) === bad;
      const jobs = [
        { name: 'agent', conclusion: failed ? 'failure' : 'success', log: 'first line\nno disk left\n' },
      ];
      const conclusion = failed ? 'failure' : 'success';
      await place.forge.moveRun('bot', 'runner', run.id, { status: 'completed', conclusion, jobs });
    }
    expect((await place.ended(good)).result).toMatchObject({ outcome: 'pr_opened', pr_url: prUrl });
    const { result } = await place.ended(bad);
    expect(result).toMatchObject({ status: 'failed', outcome: 'infra_failed', pr_url: null });
    expect(result?.error?.message).toContain('no disk left');
  });
});
