/** Workers that are killed while they hand a job to a workflow: it is dispatched once, and ends once. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { FailPoint } from '../../../src/runner/fail-points.ts';
import { jobIdOf, WORKFLOW } from '../../runner/dispatch/place.ts';
import { openForgePlace, type ForgePlace } from './place.ts';

let place: ForgePlace;
beforeEach(async () => {
  place = await openForgePlace();
  const from = { '.github/workflows/run.yml': WORKFLOW };
  await place.forge.addRepository({ owner: 'bot', name: 'runner', from });
});
afterEach(() => place.close());

/** Around the one effect that can't be taken back, and around what follows it. */
const POINTS: readonly FailPoint[] = ['run-noted', 'run-started', 'dispatch-stored', 'job-triggered'];

it('whatever kills the worker, there is one run and one end', async () => {
  const { bench, forge } = place;
  const env = place.env({ RUNNER_REPO: 'bot/runner' });
  const submit = ['submit', 'Do it', '--repo', 'ann/tool', '--executor', 'github-actions', '--json'];
  const looked = await bench.run(['doctor', '--json'], env);
  expect(looked.stdout).toMatch(/run\.yml of bot\/runner, with 0 runs of jobs/);
  const jobs: string[] = [];
  for (const point of POINTS) {
    const submitted = await bench.run([...submit], env);
    const { job_id: jobId } = JSON.parse(submitted.stdout) as { job_id: string };
    const killed = await bench.run(['worker', '--once'], { ...env, AGENT_RUNNER_FAIL_AT: point });
    expect([point, killed.signal ?? killed.code]).toEqual([point, 'SIGKILL']);
    jobs.push(jobId);
  }
  // The last dead worker's lease is still there: it is found to be dead, and its job freed.
  const done = await bench.run(['worker', '--once'], env);
  expect(done.code, done.stderr).toBe(0);
  const { runs } = forge.repo('bot', 'runner');
  expect(runs).toHaveLength(jobs.length);
  expect(new Set(runs.map(jobIdOf))).toEqual(new Set(jobs));
  for (const jobId of jobs)
    expect((await bench.read((store) => store.getJob(jobId)))?.status).toBe('triggered');

  // Nobody calls back: a worker that goes on finds the ends.
  for (const { id } of runs)
    await forge.moveRun('bot', 'runner', id, { status: 'completed', conclusion: 'success' });
  const before = forge.requests().length;
  const working = bench.start(['worker', '--loop'], env);
  const first = await bench.run(['wait', jobs[0] ?? '', '--json'], env);
  expect(JSON.parse(first.stdout)).toMatchObject({ outcome: 'no_change', fork_repo: 'bot/tool' });
  for (const jobId of jobs) {
    const ended = await bench.run(['wait', jobId], env);
    expect(ended.code, ended.stderr).toBe(0);
    const log = await bench.run(['logs', jobId], env);
    expect(log.stdout + ended.stderr).toContain('/actions/runs/');
  }
  working.child.kill('SIGTERM');
  await working.done;
  // One list for all of them, however many jobs there are.
  const looks = forge
    .requests()
    .slice(before)
    .filter(({ path }) => path.includes('/run.yml/runs'));
  expect(looks.length).toBeLessThan(4);
});
