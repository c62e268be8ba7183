/** Jobs that a workflow executes: dispatched once, ended once, by a callback or by looking. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentRunner, JobStatus } from '../../../src/index.ts';
import { webhookHeaders } from '../../../src/notify/sign.ts';
import { sendCallback } from '../../../src/runner/callbacks/callback.ts';
import { checkSigned } from '../../../src/server/inbound/callback.ts';
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

  it('has one run though the answer to its dispatch was lost, and waits for a callback that is quicker', async () => {
    const answers: Promise<Response>[] = [];
    place.forge.setFault({ kind: 'lost_answer', method: 'POST', path: /\/dispatches$/, times: 1 });
    place.forge.onWorkflowRun((_, run) => {
      // The run is over before the server knows that there is one.
      answers.push(
        place.call({ job_id: jobIdOf(run), status: 'failed', outcome: 'gate_failed', error: 'still red' }),
      );
    });
    const { job_id: jobId } = (await (await place.submit()).json()) as { job_id: string };
    const job = await place.ended(jobId);
    expect(job).toMatchObject({
      status: 'failed',
      outcome: 'gate_failed',
      result: { error: { message: 'still red' } },
    });
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200]);
    expect(place.runs()).toHaveLength(1);
  });

  it('goes on being triggered when the server is started anew, and a lookalike proves nothing', async () => {
    const [mine, other] = [await triggered(), await triggered({ task: 'Another' })];
    const theirs = await place.propose(other);
    await place.reopen();
    // The pull request of another job, told with the right secret.
    expect((await place.call({ job_id: mine, status: 'completed', pr_url: theirs })).status).toBe(200);
    const { result } = await place.ended(mine);
    expect(result).toMatchObject({ outcome: 'infra_failed', pr_url: null });
    expect(result?.error?.message).toContain(`bot/tool:bot/${mine}`);
    expect((await place.runner.store.getJob(other))?.status).toBe('triggered');
    expect(place.runs()).toHaveLength(2);
  });

  it('is cancelled with its run, and a late callback changes nothing', async () => {
    const jobId = await triggered({ callback_url: receiver.url });
    await expect(place.runner.message(jobId, 'hurry')).rejects.toMatchObject({ code: 'conflict' });
    await place.runner.cancel(jobId);
    // Whoever told that it is triggered may still be letting go of it, and then a worker ends it.
    expect(await place.ended(jobId)).toMatchObject({ status: 'cancelled', outcome: 'cancelled' });
    expect(place.runs()[0]).toMatchObject({ status: 'completed', conclusion: 'cancelled' });
    const prUrl = await place.propose(jobId);
    expect((await place.call({ job_id: jobId, status: 'completed', pr_url: prUrl })).status).toBe(200);
    expect((await place.runner.store.getJob(jobId))?.outcome).toBe('cancelled');
    await expect.poll(() => receiver.received.length).toBe(1);
    expect(await place.runner.store.listDeliveries(jobId)).toHaveLength(1);
    const again = await place.runner.retry(jobId);
    await place.until(again.job.job_id, ({ status }) => status === 'triggered');
    expect(place.runs().map(jobIdOf)).toEqual([jobId, again.job.job_id]);
  });

  it('ends where its run never begins, is removed, or can not be started', async () => {
    await place.reopen({ triggered_timeout_s: 1 });
    const { result: late } = await place.ended(await triggered());
    expect(late).toMatchObject({ outcome: 'infra_failed' });
    expect(late?.error?.message).toContain('did not begin within 1 s');
    expect(place.runs()[0]?.conclusion).toBe('cancelled');
    await place.reopen();
    const gone = await triggered();
    place.forge.repo('bot', 'runner').runs.pop();
    expect((await place.ended(gone)).result?.error?.message).toContain('somebody removed it');
    await place.reopen({ runner_workflow: 'none.yml' });
    const { job_id: none } = (await (await place.submit()).json()) as { job_id: string };
    const { result } = await place.ended(none);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'bad_configuration' } });
    expect(result?.error?.hint).toContain('runner_workflow');
  });

  it('is refused for what no workflow is told', async () => {
    const asked: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
      [{ base: 'main' }, 'base'],
      [{ labels: ['bot'] }, 'labels'],
      [{ task: 'x'.repeat(65_000) }, 'task'],
      [{ session_id: 'mine' }, 'session_id'],
      [{ mode: 'ask' }, 'mode'],
      [{ executor: 'elsewhere' }, 'executor'],
    ];
    for (const [body, field] of asked) {
      const answer = await place.submit({ executor: 'github-actions', ...body });
      const problem = (await answer.json()) as { detail: string };
      expect([answer.status, problem.detail.split(':')[0]]).toEqual([400, field]);
    }
    expect(place.runs()).toHaveLength(0);
    // Where nobody said that it should go there, it is done here.
    const here = await place.submit({ session_id: 'mine', agent: 'simulated' });
    expect(here.status).toBe(201);
    const { job_id: jobId } = (await here.json()) as { job_id: string };
    const refused = await place.call({ job_id: jobId, status: 'completed' });
    expect(refused.status).toBe(409);
    await place.runner.cancel(jobId);
  });
});

describe('POST /webhook/agent-runner', () => {
  it('takes nothing from whoever does not know the secret, and says what is wrong', async () => {
    const jobId = await triggered();
    const body = JSON.stringify({ job_id: jobId, status: 'completed' });
    const signed = (text: string, time = new Date()): Record<string, string> =>
      webhookHeaders(SECRET, 'msg_1', time, text);
    const old = new Date(Date.now() - 10 * 60_000);
    const { 'x-signature-256': hex = '', ...standard } = signed(body);
    const huge = JSON.stringify({ job_id: jobId, status: 'completed', error: 'x'.repeat(70_000) });
    const tries: readonly (readonly [string, Record<string, string>, number])[] = [
      [body, {}, 401],
      [body, webhookHeaders('another secret', 'msg_1', new Date(), body), 401],
      [body.replace('completed', 'cancelled'), signed(body), 401],
      [body, signed(body, old), 401],
      // One good signature beside one that is not.
      [
        body,
        { ...standard, 'x-signature-256': hex.replace(/.$/, (last) => (last === '0' ? '1' : '0')) },
        401,
      ],
      [huge, signed(huge), 413],
    ];
    for (const [text, headers, status] of tries)
      expect((await place.call(text, headers)).status).toBe(status);
    const wrong: readonly (readonly [unknown, number, RegExp])[] = [
      [{ job_id: 'job-ffffffffffff', status: 'completed' }, 404, /job-ffffffffffff/],
      [{ job_id: jobId, status: 'running' }, 400, /^status: /],
      [{ job_id: jobId, status: 'completed', pr_url: 7 }, 400, /^pr_url: /],
      ['{', 400, /JSON/],
    ];
    for (const [sent, status, detail] of wrong) {
      const answer = await place.call(sent);
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { detail: string }).detail).toMatch(detail);
    }
    expect((await place.runner.store.getJob(jobId))?.status).toBe('triggered');
    // One kind of signature is enough.
    expect((await place.call(body, { 'x-signature-256': hex })).status).toBe(200);
    expect((await place.ended(jobId)).outcome).toBe('no_change');
  });

  it('takes what `agent-runner callback` sends, and what is not signed only where that is allowed', async () => {
    const jobId = await triggered();
    const prUrl = await place.propose(jobId);
    const { webhooks } = place.runner.config;
    const url = `${place.server.url}/webhook/agent-runner`;
    const input = { url, jobId, status: 'completed', outcome: null, prUrl, error: null };
    const sent = await sendCallback(webhooks, input, new AbortController().signal);
    expect(sent).toMatchObject({ delivered: true, tries: 1 });
    expect((await place.ended(jobId)).outcome).toBe('pr_opened');

    const bytes = Buffer.from('{}');
    const wrong = new Headers({ 'x-signature-256': 'sha256=00' });
    const check = (secret: string | null, allowInsecure: boolean, headers: Headers) => () =>
      checkSigned({ secret, allowInsecure }, bytes, headers);
    expect(check(null, true, new Headers())).not.toThrow();
    expect(check(null, true, wrong)).not.toThrow();
    expect(check(SECRET, true, new Headers())).not.toThrow();
    expect(check(SECRET, true, wrong)).toThrow(/^x-signature-256: /);
    expect(check(SECRET, false, new Headers())).toThrow(/^x-signature-256: /);
    expect(check(null, false, wrong)).toThrow(/WEBHOOK_SECRET/);
  });
});

describe('the library', () => {
  it('dispatches by runnerRepo, and ends a job by a callback that its program received', async () => {
    const runner = new AgentRunner({
      home: `${place.home}/library`,
      runnerRepo: 'bot/runner',
      botToken: TOKEN,
      webhookSecret: SECRET,
      forkPollInterval: 0.02,
      settings: { github_url: place.forge.url, github_pace_ms: 0, min_free_bytes: 0 },
      onLog: () => {},
    });
    const { jobId, executor } = await runner.submitJob({ upstreamRepo: 'ann/tool', prompt: 'Do it' });
    expect(executor).toBe('github-actions');
    await expect.poll(async () => (await runner.getJob(jobId)).status).toBe(JobStatus.TRIGGERED);
    const prUrl = await place.propose(jobId);
    const update = { jobId, status: 'completed', prUrl };
    expect(await runner.updateJobFromCallback({ ...update, status: 'running' })).toMatchObject({
      status: 'triggered',
    });
    for (let round = 0; round < 2; round++) {
      const job = await runner.updateJobFromCallback(update);
      expect(job).toMatchObject({ status: 'completed', outcome: 'pr_opened', prUrl, forkRepo: 'bot/tool' });
    }
    await runner.close();
    // Without an address of its own nobody is told to call.
    expect(place.runs()[0]?.inputs).not.toHaveProperty('callback_url');
  });
});
