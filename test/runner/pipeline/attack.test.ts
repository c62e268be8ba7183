/** Agents of steps that work together against the judge: what one weakens never helps another one, nor the whole. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { openRunScene, type RunScene, type Step } from './scene.ts';

let scene: RunScene;
afterEach(() => scene.close());

const FILES: Readonly<Record<string, string>> = {
  'sum.mjs': 'export const sum = (a, b) => a + b;\n',
  'sum.test.mjs': `import { sum } from './sum.mjs';\nif (sum(1, 2) !== 3) process.exit(1);\n`,
  'package.json': JSON.stringify({ name: 'tool', private: true, scripts: { test: 'node sum.test.mjs' } }),
};
const BREAK = 'RUN: echo "export const sum = () => 0;" > sum.mjs';

async function end(steps: readonly Step[], over: Readonly<Record<string, unknown>> = {}): Promise<JobResult> {
  const job = await scene.submit(steps, over);
  await scene.work();
  const result = (await scene.runner.store.getJob(job.job_id))?.result;
  if (result == null) throw new Error('the run did not end');
  return result;
}

describe('a step that weakens the judge', () => {
  const free = { on_tamper: 'allow', on_inconclusive: 'open', on_none: 'open' };
  const task = `RUN: echo > sum.test.mjs; printf '{"name":"tool","scripts":{"test":"true"}}' > package.json`;

  it('whitens nothing for the whole', async () => {
    scene = await openRunScene({ max_gate_runs: 1 }, FILES);
    const result = await end([
      { name: 'weaken', task, policy: free },
      { name: 'break', task: BREAK, depends_on: ['weaken'], policy: free },
    ]);
    // Each passes where everything is allowed to it; the whole is judged by what nobody allowed.
    expect(result.run?.steps.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(result).toMatchObject({ status: 'failed', outcome: 'tampered', branch: null });
    expect(scene.git('branch', '--list', 'agent-runner/*')).toBe('');
    // By the rules that everybody has, neither comes as far as that.
    const alone = await end([
      { name: 'weaken', task, on_failure: 'continue' },
      { name: 'break', task: BREAK },
    ]);
    expect(alone.run?.steps.map(({ status }) => status)).toEqual(['failed', 'failed']);
  });

  it('in its rules weakens them for nobody: steps are judged and set up by those of the run', async () => {
    scene = await openRunScene({ max_gate_runs: 1 }, FILES);
    const ran = join(scene.root, 'ran');
    const rules = `{gate: {checks: [{name: test, command: "true"}], on_tamper: allow}, setup: "touch ${ran}"}`;
    const result = await end([
      { name: 'weaken', task: `RUN: echo '${rules}' > .agent-runner.yml`, policy: free },
      { name: 'break', task: BREAK, depends_on: ['weaken'], policy: free, on_failure: 'continue' },
      // A package of its own makes setup install: its script would run with the network.
      {
        name: 'install',
        task: `RUN: mkdir w; echo '{"name":"w"}' > w/package.json; echo '{"workspaces":["w"],"scripts":{"test":"node sum.test.mjs","postinstall":"touch ${ran}"}}' > package.json`,
        depends_on: ['weaken'],
        policy: free,
      },
      { name: 'after', task: 'RUN: touch after.txt', depends_on: ['install'] },
    ]);
    const steps = Object.fromEntries((result.run?.steps ?? []).map(({ name, status }) => [name, status]));
    expect(steps).toEqual({ weaken: 'completed', break: 'failed', install: 'completed', after: 'completed' });
    expect(existsSync(ran)).toBe(false);
    // Told to whoever looks at it; that a person must is the rule for settings.
    expect(result).toMatchObject({
      labels: ['judge-changed'],
      tamper: [{ kind: 'runner_config', severity: 'draft' }],
    });
  });
});
