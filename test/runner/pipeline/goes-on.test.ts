/** A run goes on wherever its process died, and runs its steps itself where no worker does. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cancelled } from '../../../src/job/error.ts';
import { PROCEDURE_VERSION, type Job } from '../../../src/job/job.ts';
import type { RunEnd } from '../../../src/runner/runner.ts';
import { openRunScene, type RunScene, type Step } from './scene.ts';

let scene: RunScene;
beforeEach(async () => {
  scene = await openRunScene({ max_concurrent_jobs: 2 });
});
afterEach(() => scene.close());

/** Runs a run in this process, as a command does. */
function runHere(job: Pick<Job, 'job_id'>, handBack?: AbortSignal): Promise<RunEnd> {
  const signal = new AbortController().signal;
  return scene.runner.run(job.job_id, { signal, ...(handBack === undefined ? {} : { handBack }) });
}

async function children(job: Job): Promise<readonly Job[]> {
  return scene.runner.store.listJobs({ stepsOf: job.job_id, limit: 100 });
}

describe('a run in the process that asked for it', () => {
  it('runs its steps there, so many at once as a worker would, and no worker gets one', async () => {
    const steps = ['a', 'b', 'c', 'd'].map((name): Step => {
      const at = join(scene.root, 'at-work');
      const count = `mkdir -p ${at}; touch ${at}/${name}; ls ${at} | wc -l > ${name}.txt`;
      return { name, task: `RUN: ${count}; sleep 0.2; rm ${at}/${name}` };
    });
    const job = await scene.submit(steps, {}, { here: true });
    const stop = scene.loop();
    expect(await runHere(job)).toMatchObject({ kind: 'ended', result: { outcome: 'proposed' } });
    expect(await stop()).toMatchObject({ tasks_started: 0 });
    const counts = ['a', 'b', 'c', 'd'].map((name) => Number(scene.git('show', `${job.branch}:${name}.txt`)));
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
  });

  it('goes on with what another process left, under the ids that were chosen there', async () => {
    const flag = join(scene.root, 'go');
    const job = await scene.submit([
      { name: 'first', task: 'RUN: echo two > a.txt' },
      {
        name: 'second',
        task: `RUN: while [ ! -e ${flag} ]; do sleep 0.05; done; cat a.txt > b.txt`,
        depends_on: ['first'],
      },
    ]);
    const gone = new AbortController();
    const running = runHere(job, gone.signal);
    await scene.until(async () => (await scene.steps(job))['second'] === 'running');
    const before = await scene.view(job);
    gone.abort();
    await expect(running).rejects.toMatchObject({ code: 'conflict' });
    expect(await scene.runner.store.getJob(job.job_id)).toMatchObject({ outcome: null });
    scene.touch(flag);
    expect(await runHere(job)).toMatchObject({ kind: 'ended', result: { outcome: 'proposed' } });
    const after = await scene.view(job);
    expect(after.steps.map((step) => step.job_id)).toEqual(before.steps.map((step) => step.job_id));
    for (const id of [job.job_id, after.steps[0]?.job_id ?? '']) {
      const moving = scene.runner.archives.write([id], join(scene.root, 'jobs.tar'));
      await expect(moving).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringMatching(/of a (?:run|pipeline), which is not moved/) as string,
      });
    }
    expect(scene.git('show', `${job.branch}:b.txt`)).toBe('two');
  });

  it('is parked where it asks, and goes on here once it is answered', async () => {
    const approval = { approvers: [], message: null };
    const job = await scene.submit([{ name: 'ask', task: 'RUN: echo two > a.txt', approval }]);
    expect(await runHere(job)).toMatchObject({ kind: 'parked', question: 'May the step ask begin?' });
    const no = { approved: false, by: 'ann', comment: 'not on a Friday' };
    await scene.runner.pipelines.approve(job.job_id, 'ask', no);
    const end = await runHere(job);
    expect(end).toMatchObject({ kind: 'ended', result: { outcome: 'refused' } });
    expect((await scene.view(job)).error?.message).toContain('not on a Friday');
    expect(await children(job)).toEqual([]);
  });

  it('goes on with what is answered while it asks something else', async () => {
    const step = (name: string): Step => ({ name, task: `RUN: echo ${name} > ${name}.txt`, approval: true });
    const job = await scene.submit([step('a'), step('b'), step('c')]);
    for (const [at, name] of ['a', 'b', 'c'].entries()) {
      expect(await runHere(job)).toMatchObject({ kind: 'parked' });
      const done = Object.values(await scene.steps(job)).filter((status) => status === 'completed');
      expect(done).toHaveLength(at);
      const said = { approved: true, by: 'ann', comment: null };
      await scene.runner.pipelines.approve(job.job_id, name, said);
    }
    expect(await runHere(job)).toMatchObject({ kind: 'ended', result: { outcome: 'proposed' } });
  });

  it('is cancelled with its steps, at once', async () => {
    const job = await scene.submit(
      [{ name: 'long', task: 'RUN: touch begun; sleep 60' }],
      {},
      { here: true },
    );
    const person = new AbortController();
    const running = scene.runner.run(job.job_id, { signal: person.signal });
    await scene.until(async () => (await children(job)).some(({ status }) => status === 'running'));
    person.abort(new Cancelled());
    expect(await running).toMatchObject({ kind: 'ended', result: { outcome: 'cancelled' } });
    const [step] = await children(job);
    // Its command would have gone on for a minute, and then have ended well.
    expect(step).toMatchObject({ status: 'cancelled' });
    expect((await scene.view(job)).steps[0]).toMatchObject({ status: 'cancelled', job_id: step?.job_id });
  });
});

describe('a run that another version of the procedure began', () => {
  it('forgets what that version stored, and none of the jobs it started', async () => {
    const flag = join(scene.root, 'go');
    const job = await scene.submit([
      { name: 'first', task: 'RUN: echo two > a.txt' },
      {
        name: 'second',
        task: `RUN: while [ ! -e ${flag} ]; do sleep 0.05; done; cat a.txt > b.txt`,
        depends_on: ['first'],
      },
    ]);
    const gone = new AbortController();
    const running = runHere(job, gone.signal);
    await scene.until(async () => (await scene.steps(job))['first'] === 'completed');
    gone.abort();
    await expect(running).rejects.toMatchObject({ code: 'conflict' });
    const before = await children(job);
    const { store } = scene.runner;
    const lease = await store.acquireLease(job.job_id, 'host/1/1', 30_000, new Date());
    if (lease === null) throw new Error('the run is held');
    await store.clearSteps(lease);
    await store.beginStep(lease, 'prepare-1', PROCEDURE_VERSION - 1);
    await store.releaseLease(lease);
    scene.touch(flag);
    expect(await runHere(job)).toMatchObject({ kind: 'ended', result: { run: { status: 'completed' } } });
    const after = await children(job);
    expect(new Set(after.map((one) => one.request.step?.name))).toEqual(new Set(['first', 'second']));
    expect(after).toHaveLength(2);
    expect(after.map((one) => one.job_id)).toEqual(expect.arrayContaining(before.map((one) => one.job_id)));
  });
});

describe('the budget of a run', () => {
  it('is divided among the steps that begin together, and ends it where nothing is left', async () => {
    const job = await scene.submit(
      [
        { name: 'a', task: 'RUN: echo a > a.txt' },
        { name: 'b', task: 'RUN: echo b > b.txt', budget: { max_turns: 1 } },
        { name: 'c', task: 'RUN: echo c > c.txt', depends_on: ['a', 'b'] },
        { name: 'd', task: 'RUN: echo d > d.txt', depends_on: ['c'] },
      ],
      { budget: { max_turns: 3, max_cost_usd: 8 } },
    );
    await scene.work();
    const view = await scene.view(job);
    const budgets = Object.fromEntries(
      (await children(job)).map(({ request }) => [request.step?.name, request.budget]),
    );
    expect(budgets['a']).toMatchObject({ max_cost_usd: 4, max_turns: 1 });
    expect(budgets['b']).toMatchObject({ max_cost_usd: 4, max_turns: 1 });
    expect(budgets['c']).toMatchObject({ max_cost_usd: 5, max_turns: 1 });
    expect(view).toMatchObject({ status: 'failed', outcome: 'budget_exceeded' });
    expect(view.steps[3]).toMatchObject({ status: 'failed', job_id: null });
    expect(view.error?.message).toContain('max_turns: the run has spent its 3');
  });
});
