/** What a run proposes: a commit a step, conflicts named or solved, and all of it found again. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openRunScene, type RunScene } from './scene.ts';

let scene: RunScene;
beforeEach(async () => {
  scene = await openRunScene({}, { 'list.txt': '1\n2\n3\n4\n5\n6\n7\n8\n9\n' });
});
afterEach(() => scene.close());

const sed = (what: string): string => `RUN: sed -i '${what}' list.txt`;

describe('the branch of a run', () => {
  it('has a commit a step, in an order that holds, and is shown and brought back whole', async () => {
    const job = await scene.submit([
      { name: 'first', task: sed('s/1/one/') },
      { name: 'last', task: sed('s/9/nine/') },
      { name: 'new', task: 'RUN: echo x > "a b.txt"', depends_on: ['first'] },
      { name: 'sum', task: 'RUN: cat list.txt > sum.txt', depends_on: ['first', 'last'] },
    ]);
    await scene.work();
    const view = await scene.view(job);
    expect(view).toMatchObject({ status: 'completed', outcome: 'proposed' });
    const log = scene.git(
      'log',
      '--reverse',
      '--format=%(trailers:key=Agent-Runner-Step,valueonly,separator=)',
      `main..${job.branch}`,
    );
    expect(log.split('\n').filter(Boolean).toSorted()).toEqual(['first', 'last', 'new', 'sum']);
    expect(scene.git('show', `${job.branch}:sum.txt`)).toBe('one\n2\n3\n4\n5\n6\n7\n8\nnine');
    const diff = await scene.runner.diff(job.job_id);
    for (const part of ['+one', '+nine', 'sum.txt', 'a b.txt']) expect(diff).toContain(part);
    await scene.runner.recover(job.job_id, { kind: 'branch', name: 'again' });
    expect(scene.git('rev-parse', 'again')).toBe(scene.git('rev-parse', job.branch));
  });

  const both = [
    { name: 'left', task: sed('s/5/left/') },
    { name: 'right', task: sed('s/5/right/') },
  ];

  it('is not made where two steps do not fit: their names and the files stand in the error', async () => {
    const job = await scene.submit(both);
    await scene.work();
    const { error, outcome } = await scene.view(job);
    expect([outcome, error?.code]).toEqual(['refused', 'conflict']);
    expect(error?.message).toMatch(/the work of right does not fit with that of left: both change list\.txt/);
    expect(scene.git('for-each-ref', '--format=%(refname)', 'refs/heads')).toBe('refs/heads/main');
  });

  it('has the solution of an agent where the pipeline asks for one', async () => {
    // The simulated agent keeps both sides.
    const steps = both.map((one) => ({ ...one, agent: 'command' }));
    const job = await scene.submit(steps, { resolve: 'agent', agent: 'simulated' });
    await scene.work();
    expect(await scene.view(job)).toMatchObject({ status: 'completed', outcome: 'proposed' });
    expect(scene.git('show', `${job.branch}:list.txt`)).toBe('1\n2\n3\n4\nleft\nright\n6\n7\n8\n9');
    expect(scene.git('log', '--format=%s', `main..${job.branch}`)).toMatch(
      /^Fit in the work of step right\n/,
    );
  });
});
