/** Pipelines are kept by name, and what can't become a run is refused before it is one. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MAX_PIPELINE_BYTES } from '../../../src/job/pipeline/definition.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import { openRunScene, type RunScene } from './scene.ts';

let scene: RunScene;
beforeEach(async () => {
  scene = await openRunScene({ 'budget.max_cost_usd': 2 });
});
afterEach(() => scene.close());

const STEPS = [
  { name: 'first', task: 'RUN: true' },
  { name: 'second', task: 'RUN: true', agent: 'simulated:noop', depends_on: ['first'] },
];

it('a pipeline is found by its id and its name, and a name that is nearly one is answered', async () => {
  const { pipelines } = scene.runner;
  const definition = parsePipeline({ name: 'release', steps: STEPS });
  const kept = await pipelines.create(definition, { by: 'ann' });
  expect(kept).toMatchObject({ created_by: 'ann', definition });
  await expect(pipelines.create(definition)).rejects.toMatchObject({ code: 'conflict' });
  expect(await pipelines.get('release')).toEqual(await pipelines.get(kept.pipeline_id));
  await expect(pipelines.get('relase')).rejects.toMatchObject({ hint: 'did you mean release?' });
  const { repo } = scene;
  const { job } = await pipelines.submit({ pipeline: 'release', repo, allowHost: true, userId: 'ann' });
  // Where nobody says more, a run may spend what its steps may as jobs of their own.
  expect(job.request).toMatchObject({ user_id: 'ann', budget: { max_cost_usd: 4 } });
  expect(await pipelines.listRuns({ pipelineId: kept.pipeline_id, limit: 9 })).toMatchObject([
    { run_id: job.job_id.replace('job-', 'run-'), pipeline: 'release', status: 'queued' },
  ]);
  await pipelines.remove('release');
  await expect(pipelines.view('run-000000000000')).rejects.toMatchObject({ code: 'not_found' });
  expect(await pipelines.view(job.job_id)).toMatchObject({ status: 'queued' });
  // The largest that may be is stored with the rest of its job.
  const task = 'x'.repeat(MAX_PIPELINE_BYTES / 8 - 1000);
  const large = Array.from({ length: 8 }, (_, at) => ({ name: `large-${at}`, task }));
  const { job_id: largest } = await scene.submit(large);
  expect(await pipelines.view(largest)).toMatchObject({ status: 'queued' });
  await expect(scene.runner.message(job.job_id, 'hello')).rejects.toMatchObject({ code: 'conflict' });
});

it('a run is refused that names no repository, an agent that is not there, or a workflow', async () => {
  const { pipelines } = scene.runner;
  const { repo } = scene;
  const pipeline = parsePipeline({ name: 'release', steps: STEPS });
  await expect(pipelines.submit({ pipeline, allowHost: true })).rejects.toThrow(/^repo: neither/);
  const elsewhere = { pipeline, repo, allowHost: true, executor: 'github-actions' };
  await expect(pipelines.submit(elsewhere)).rejects.toThrow(/^executor: .* takes no run/);
  const [first, second] = STEPS;
  const unknown = parsePipeline({ name: 'release', steps: [first, { ...second, agent: 'nobody' }] });
  const asked = { pipeline: unknown, repo, allowHost: true };
  await expect(pipelines.submit(asked)).rejects.toThrow(/^steps\.second: agent: /);
  expect(await scene.runner.store.listJobs({ limit: 9 })).toEqual([]);
});
