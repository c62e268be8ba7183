/** What a step's job is asked for, made from its run; and runs that can't be tried again. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StepDefinition } from '../../../src/job/pipeline/definition.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import type { ChildInput } from '../../../src/job/pipeline/run.ts';
import { DEFAULT_BUDGET, type JobRequest } from '../../../src/job/request.ts';
import type { RunnerParts } from '../../../src/runner/context.ts';
import { retryRequest } from '../../../src/runner/pipeline/walk/retry.ts';
import { stepRequest } from '../../../src/runner/pipeline/walk/step-request.ts';
import { sampleJob, sampleRequest } from '../../store/sample.ts';
import { openRunScene, type RunScene } from './scene.ts';

describe('the request of a step', () => {
  const definition = parsePipeline({
    name: 'p',
    steps: [
      {
        name: 'look',
        task: 'x',
        mode: 'ask',
        agent: 'simulated',
        policy: { on_none: 'block' },
        outputs: { n: 'number' },
      },
      { name: 'plain', task: 'y' },
    ],
  });
  const [look, plain] = definition.steps;
  const run = sampleJob('job-00000000000a', {
    request: sampleRequest({
      pipeline: { pipeline_id: null, definition, retries: null },
      agent: 'command',
      model: 'some/model',
      policy: { on_red: 'draft', on_inconclusive: 'open', on_none: 'open', on_tamper: 'block' },
      labels: ['mine'],
      reviewers: ['ann'],
      sealed_token: 'sealed for the run',
      draft: true,
    }),
  });
  const input: ChildInput = {
    name: 'look',
    kind: 'step',
    task: 'filled in',
    base_sha: 'b'.repeat(40),
    start: null,
    conflicts: [],
  };
  const made = (step: StepDefinition | undefined, over: Partial<ChildInput> = {}): JobRequest =>
    stepRequest({
      run,
      step: step ?? null,
      origin: { base: 'main', base_sha: 'a'.repeat(40) },
      input: { ...input, ...over },
      budget: DEFAULT_BUDGET,
    });

  it('is the step’s where it says something, else that of the run', () => {
    expect(made(look)).toMatchObject({
      task: 'filled in',
      mode: 'ask',
      agent: 'simulated',
      // Another agent may not know the model of the run's.
      model: null,
      policy: { on_red: 'draft', on_inconclusive: 'open', on_none: 'block', on_tamper: 'block' },
      step: { run: 'job-00000000000a', kind: 'step', outputs: { n: { type: 'number' } } },
    });
    expect(made(plain, { name: 'plain' })).toMatchObject({
      mode: 'change',
      agent: 'command',
      model: 'some/model',
      policy: run.request.policy,
      step: { outputs: null },
    });
  });

  it('that solves a conflict changes files, and owes nothing of the step that waits for it', () => {
    const request = made(look, { kind: 'resolve', start: 'c'.repeat(40), conflicts: ['a.txt'] });
    expect(request).toMatchObject({ mode: 'change', step: { kind: 'resolve', outputs: null } });
  });

  it('has nothing of what only the run does: no pull request, no token of its own, nobody to tell', () => {
    const request = made(look);
    expect(request.draft).toBe(false);
    for (const field of ['labels', 'reviewers', 'sealed_token', 'callback_url', 'pipeline', 'follows'])
      expect(request).not.toHaveProperty(field);
  });
});

describe('a run is not tried again', () => {
  let scene: RunScene;
  beforeAll(async () => {
    scene = await openRunScene();
  });
  afterAll(() => scene.close());

  it('without the work of its steps, nor in another’s name', async () => {
    const { job_id: id } = await scene.submit([
      { name: 'good', task: 'RUN: echo good > good.txt' },
      { name: 'bad', task: 'RUN: exit 3', depends_on: ['good'] },
    ]);
    const job = await scene.runner.store.getJob(id);
    await expect(scene.runner.pipelines.retry(id)).rejects.toThrow(/has not ended, it is queued/);
    await scene.work();
    const ended = (await scene.runner.store.getJob(id)) ?? job;
    if (ended === null) throw new Error('the run is gone');
    const parts = { store: scene.runner.store } as RunnerParts;
    const withToken = { ...ended, request: { ...ended.request, sealed_token: null } };
    await expect(retryRequest(parts, withToken, undefined)).rejects.toThrow(
      /a token of its own, which is erased/,
    );
    rmSync(join(scene.root, 'home', 'saved'), { recursive: true });
    await expect(scene.runner.pipelines.retry(id)).rejects.toThrow(
      /the work of its step good is no longer kept/,
    );
    expect(await scene.runner.store.listJobs({ isRun: true, limit: 9 })).toHaveLength(1);
  });
});
