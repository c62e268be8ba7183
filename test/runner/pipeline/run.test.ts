/** A run goes from its pipeline to one branch: its steps are jobs, and what they changed is brought together. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunScene, type RunScene } from './scene.ts';

let scene: RunScene;
beforeEach(async () => {
  scene = await openRunScene({ max_concurrent_jobs: 1, max_jobs_per_repo: 1 });
});
afterEach(() => scene.close());

describe('a run', () => {
  it('takes two steps from submit to one branch, with one place and one job of the repository at once', async () => {
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
    expect(scene.git('branch', '--list', 'agent-runner/*').split('\n')).toHaveLength(1);
  });
});
