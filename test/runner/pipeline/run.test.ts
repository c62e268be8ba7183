/** A run goes from its pipeline to one branch: its steps are jobs, and what they changed is brought together. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunScene, type RunScene } from './scene.ts';

let scene: RunScene;
afterEach(() => scene.close());

/** A task that is done only while another one, which waits for this one, is worked on as well. */
function meet(own: string, other: string, then: string): string {
  const at = (name: string): string => join(scene.root, name);
  const wait = `for i in $(seq 200); do [ -e ${at(other)} ] && break; sleep 0.05; done; [ -e ${at(other)} ]`;
  return `RUN: touch ${at(own)}; ${wait} && { ${then}; }`;
}

describe('a run with one place and one job of the repository at once', () => {
  beforeEach(async () => {
    scene = await openRunScene({ max_concurrent_jobs: 1, max_jobs_per_repo: 1 });
  });

  it('takes two steps from submit to one branch', async () => {
    const job = await scene.submit([
      { name: 'first', task: 'RUN: echo two > a.txt; echo done' },
      { name: 'second', task: 'RUN: cat a.txt > b.txt', depends_on: ['first'] },
    ]);
    expect(await scene.work()).toMatchObject({ tasks_started: 3, tasks_completed: 3 });
    const view = await scene.view(job);
    expect(view).toMatchObject({ status: 'completed', outcome: 'proposed', error: null });
    expect(view.steps).toMatchObject([
      { name: 'first', status: 'completed', outcome: 'proposed', output: { files: ['a.txt'] } },
      { name: 'second', status: 'completed', outcome: 'proposed', depends_on: ['first'] },
    ]);
    expect(scene.git('show', `${job.branch}:b.txt`)).toBe('two');
    expect(scene.git('branch', '--list', 'bot/*').split('\n')).toHaveLength(1);
    expect(await scene.told(job)).toEqual([
      'first running',
      'first completed proposed',
      'second running',
      'second completed proposed',
    ]);
  });

  it('begins nothing after a step that stops it, and proposes nothing', async () => {
    const job = await scene.submit([
      { name: 'bad', task: 'RUN: exit 3' },
      { name: 'after', task: 'RUN: echo two > a.txt', depends_on: ['bad'] },
    ]);
    expect(await scene.work()).toMatchObject({ tasks_started: 2, tasks_failed: 2 });
    const view = await scene.view(job);
    expect(view).toMatchObject({ status: 'failed', outcome: 'agent_failed' });
    expect(view.error?.message).toMatch(/^step bad: /);
    expect(view.steps[1]).toMatchObject({ status: 'skipped', job_id: null });
    expect(scene.git('branch', '--list', 'bot/*')).toBe('');
  });

  it('goes on after one that may fail, and a retry runs only that one again, for the same branch', async () => {
    const flag = join(scene.root, 'mended');
    const job = await scene.submit([
      { name: 'good', task: 'RUN: echo good > good.txt' },
      { name: 'bad', task: `RUN: [ -e ${flag} ] && echo bad > bad.txt`, on_failure: 'continue' },
    ]);
    await scene.work();
    expect(await scene.view(job)).toMatchObject({ status: 'completed_with_failures', outcome: 'proposed' });
    expect(await scene.steps(job)).toEqual({ good: 'completed', bad: 'failed' });
    const base = scene.git('rev-parse', 'HEAD');
    scene.git('commit', '-q', '--allow-empty', '-m', 'somebody goes on');
    scene.touch(flag);
    const again = (await scene.runner.retry(job.job_id)).job;
    expect(again).toMatchObject({ branch: job.branch });
    expect(await scene.work()).toMatchObject({ tasks_started: 2, tasks_completed: 2 });
    const view = await scene.view(again);
    expect(view).toMatchObject({ status: 'completed', retries: job.job_id.replace('job-', 'run-') });
    expect(view.steps[0]?.job_id).toBe((await scene.view(job)).steps[0]?.job_id);
    expect(scene.git('ls-tree', '--name-only', job.branch).split('\n')).toContain('bad.txt');
    expect(scene.git('merge-base', 'HEAD', job.branch)).toBe(base);
    await expect(scene.runner.pipelines.retry(view.run_id)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('a run', () => {
  beforeEach(async () => {
    scene = await openRunScene({ max_concurrent_jobs: 2 });
  });

  it('gives what a step put out to the task and the condition of those behind it', async () => {
    const found = 'steps.count.output.found.bad-lines';
    const out = '"$AGENT_RUNNER_OUT/output.json"';
    const job = await scene.submit([
      {
        name: 'count',
        task: `RUN: echo '{"found": {"bad-lines": 2}}' > ${out}`,
        outputs: { found: 'object' },
      },
      {
        name: 'many',
        task: `RUN: echo {{ ${found} }} > many.txt`,
        depends_on: 'count',
        condition: `${found} > 1`,
      },
      { name: 'none', task: 'RUN: echo none > none.txt', depends_on: 'count', condition: `${found} == 0` },
    ]);
    await scene.work();
    expect(await scene.view(job)).toMatchObject({
      status: 'completed',
      steps: [
        { outcome: 'no_change', output: { found: { 'bad-lines': 2 }, files: [] } },
        { outcome: 'proposed' },
        { status: 'skipped', job_id: null, reason: `its condition does not hold: ${found} == 0` },
      ],
    });
    expect(scene.git('show', `${job.branch}:many.txt`)).toBe('2');
    expect(scene.git('ls-tree', '--name-only', job.branch)).not.toContain('none.txt');
  });

  it('works on independent steps at the same time, and brings their work together', async () => {
    const job = await scene.submit([
      { name: 'root', task: 'RUN: echo root > root.txt' },
      { name: 'left', task: meet('left', 'right', 'cat root.txt > left.txt'), depends_on: ['root'] },
      { name: 'right', task: meet('right', 'left', 'cat root.txt > right.txt'), depends_on: ['root'] },
      { name: 'end', task: 'RUN: cat left.txt right.txt > end.txt', depends_on: ['left', 'right'] },
    ]);
    await scene.work();
    expect(await scene.view(job)).toMatchObject({ status: 'completed', outcome: 'proposed' });
    expect(scene.git('show', `${job.branch}:end.txt`)).toBe('root\nroot');
  });

  it('waits for a person without a process, and goes on when one who may says yes', async () => {
    const job = await scene.submit([
      { name: 'first', task: 'RUN: echo two > a.txt' },
      {
        name: 'release',
        task: 'RUN: echo out > b.txt',
        depends_on: ['first'],
        approval: { approvers: ['ann'], message: 'Release {{steps.first.output.outcome}}?' },
      },
    ]);
    await scene.work();
    const view = await scene.view(job);
    expect(view.status).toBe('needs_input');
    expect(view.steps[1]).toMatchObject({
      status: 'needs_input',
      approval: { approvers: ['ann'], message: expect.stringContaining('proposed') as string },
      needs_approval: true,
      decision: null,
    });
    expect(view.steps[0]).toMatchObject({ needs_approval: false, mode: 'change' });
    expect(await scene.runner.store.getLease(job.job_id)).toBeNull();
    const { pipelines } = scene.runner;
    const say = (by: string, step = 'release'): ReturnType<typeof pipelines.approve> =>
      pipelines.approve(view.run_id, step, { approved: true, by, comment: null });
    await expect(say('eve')).rejects.toMatchObject({ code: 'no_permission', hint: 'ann may' });
    await expect(say('ann', 'first')).rejects.toMatchObject({ code: 'conflict' });
    expect(await say('ann')).toMatchObject({ approved: true, by: 'ann' });
    await scene.work();
    expect(await scene.view(job)).toMatchObject({
      status: 'completed',
      outcome: 'proposed',
      steps: [{ decision: null }, { decision: { approved: true, by: 'ann', comment: null } }],
    });
  });

  it('asks while others go on, and goes on itself when it is answered', async () => {
    const flag = join(scene.root, 'go');
    const approval = { approvers: [], message: 'Go?' };
    const job = await scene.submit([
      { name: 'long', task: `RUN: while [ ! -e ${flag} ]; do sleep 0.05; done; echo a > a.txt` },
      { name: 'ask', task: 'RUN: echo b > b.txt', approval },
    ]);
    const stop = scene.loop();
    await scene.until(async () => (await scene.steps(job))['ask'] === 'needs_input');
    await scene.until(async () => (await scene.steps(job))['long'] === 'running');
    expect(await scene.runner.store.getLease(job.job_id)).not.toBeNull();
    const said = { approved: true, by: 'ann', comment: null };
    await scene.runner.pipelines.approve(job.job_id, 'ask', said);
    await scene.until(async () => (await scene.steps(job))['ask'] === 'completed');
    scene.touch(flag);
    await scene.until(async () => (await scene.view(job)).outcome !== null);
    await stop();
    expect(await scene.view(job)).toMatchObject({ status: 'completed', outcome: 'proposed' });
    expect(await scene.runner.store.getJob(job.job_id)).toMatchObject({ question: null });
    const statuses = (await scene.events(job)).flatMap(({ type, data }) =>
      type === 'status' ? [data['status']] : [],
    );
    expect(statuses).toEqual(['running', 'needs_input', 'completed']);
  });

  it('says which steps do not fit together', async () => {
    const job = await scene.submit([
      { name: 'left', task: 'RUN: echo left > a.txt' },
      { name: 'right', task: 'RUN: echo right > a.txt' },
    ]);
    await scene.work();
    const view = await scene.view(job);
    expect(view).toMatchObject({ status: 'failed', outcome: 'refused', error: { code: 'conflict' } });
    expect(view.error?.message).toMatch(/right .* left.*a\.txt/);
  });

  it('has an agent solve what does not fit, and a retry takes that over', async () => {
    const flag = join(scene.root, 'mended');
    const job = await scene.submit(
      [
        // Who solves it is told of this task as well, and finds another file.
        { name: 'left', task: 'RUN: echo left $(wc -l < a.txt) > a.txt' },
        { name: 'right', task: 'RUN: echo right > a.txt' },
        {
          name: 'end',
          task: `RUN: [ -e ${flag} ] && cat a.txt > b.txt`,
          depends_on: ['left', 'right'],
        },
      ],
      { resolve: 'agent' },
    );
    expect(await scene.work()).toMatchObject({ tasks_started: 5, tasks_failed: 2 });
    scene.touch(flag);
    const again = (await scene.runner.pipelines.retry(job.job_id)).job;
    expect(await scene.work()).toMatchObject({ tasks_started: 2, tasks_completed: 2 });
    expect(await scene.view(again)).toMatchObject({ status: 'completed', outcome: 'proposed' });
    expect(scene.git('show', `${again.branch}:b.txt`)).toBe('left 5');
  });

  it('is cancelled with what goes on of it', async () => {
    const flag = join(scene.root, 'begun');
    const job = await scene.submit([
      { name: 'long', task: `RUN: echo two > a.txt; touch ${flag}; sleep 60` },
      { name: 'next', task: 'RUN: echo three > a.txt', depends_on: ['long'] },
    ]);
    const stop = scene.loop();
    await scene.until(async () => existsSync(flag));
    await scene.runner.cancel(`run-${job.job_id.slice(4)}`);
    await scene.until(async () => (await scene.view(job)).outcome !== null);
    await stop();
    expect(await scene.view(job)).toMatchObject({ status: 'cancelled', outcome: 'cancelled' });
    const [step, ...others] = await scene.runner.store.listJobs({ stepsOf: job.job_id, limit: 10 });
    expect(others).toEqual([]);
    expect(step).toMatchObject({ status: 'cancelled' });
    // Its saved work is found by its job, which is named.
    expect((await scene.view(job)).steps[0]?.job_id).toBe(step?.job_id);
    expect(step?.result?.wip_ref).not.toBeNull();
  });

  it('is cancelled while it waits for a person: what its steps did stays known, and a retry takes it over', async () => {
    const job = await scene.submit([
      { name: 'first', task: 'RUN: echo two > a.txt' },
      { name: 'release', task: 'RUN: echo out > b.txt', depends_on: ['first'], approval: true },
    ]);
    await scene.work();
    await scene.runner.cancel(job.job_id);
    await scene.work();
    const { status, steps } = await scene.view(job);
    expect(status).toBe('cancelled');
    expect(steps).toMatchObject([
      { name: 'first', job_id: expect.stringMatching(/^job-/) as string, outcome: 'proposed' },
      { name: 'release', status: 'skipped' },
    ]);
    const again = (await scene.runner.pipelines.retry(job.job_id)).job;
    await scene.work();
    expect((await scene.view(again)).steps[0]?.job_id).toBe(steps[0]?.job_id);
    expect(await scene.runner.store.listJobs({ stepsOf: again.job_id, limit: 10 })).toEqual([]);
  });

  it('is not cancelled with one of its steps, and hands back at once what only waits', async () => {
    const flag = join(scene.root, 'go');
    const job = await scene.submit([
      { name: 'long', task: `RUN: while [ ! -e ${flag} ]; do sleep 0.05; done`, on_failure: 'continue' },
      { name: 'other', task: 'RUN: sleep 60', on_failure: 'continue' },
    ]);
    const stop = scene.loop();
    await scene.until(async () => Object.values(await scene.steps(job)).every((one) => one === 'running'));
    const other = (await scene.view(job)).steps[1]?.job_id ?? '';
    await scene.runner.cancel(other);
    await scene.until(async () => (await scene.steps(job))['other'] === 'cancelled');
    const stopped = stop();
    // The step goes on, and nobody has the run meanwhile.
    await scene.until(async () => (await scene.runner.store.getLease(job.job_id)) === null);
    expect(await scene.steps(job)).toEqual({ long: 'running', other: 'cancelled' });
    expect(await scene.told(job)).not.toContain('long cancelled cancelled');
    scene.touch(flag);
    await stopped;
    expect((await scene.view(job)).outcome).toBeNull();
    await scene.work();
    expect(await scene.view(job)).toMatchObject({ status: 'completed_with_failures', outcome: 'no_change' });
    expect(await scene.runner.store.listJobs({ stepsOf: job.job_id, limit: 10 })).toHaveLength(2);
  });
});
