/** The demo: every scenario ends in its outcome and exit code, and what it says is true of the repository. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, processesWith, type Bench } from './cli.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

async function demo(scenario: string): Promise<{ code: number | null; result: JobResult; folder: string }> {
  const ran = await bench.run(['demo', '--scenario', scenario, '--json'], { TMPDIR: bench.root });
  const folder = /everything is in (\S+);/.exec(ran.stderr)?.[1] ?? '';
  expect(folder, ran.stderr).not.toBe('');
  return { code: ran.code, result: JSON.parse(ran.stdout) as JobResult, folder };
}

describe('demo', () => {
  it('tells the story: red, fixed, green, proposed', async () => {
    const ran = await bench.run(['demo'], { TMPDIR: bench.root });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toMatch(/gate 1 of 2: red/);
    expect(ran.stdout).toMatch(/test +passed +failed +failed/);
    expect(ran.stdout).toMatch(/gate 2 of 2: green/);
    expect(ran.stdout).toMatch(/branch +bot\/job-[0-9a-f]{12}/);
    expect(ran.stdout).toMatch(/wall time +\d/);
    expect(ran.stdout).toMatch(/outcome +proposed/);
    const [folder = ''] = /\S+agent-runner-demo-\w+/.exec(ran.stderr) ?? [];
    const branch = /branch +(\S+)/.exec(ran.stdout)?.[1] ?? '';
    const patch = /patch +(\S+)/.exec(ran.stdout)?.[1] ?? '';
    const repo = join(folder, 'repository');
    expect(sh(repo, 'log', '--format=%s', branch)).toContain('Add a maxLength option to slugify');
    expect(sh(repo, 'log', '--format=%(trailers:key=Agent-Runner-Job)', '-1', branch)).toMatch(
      /job-[0-9a-f]{12}/,
    );
    expect(sh(repo, 'branch', '--show-current')).toBe('main');
    expect(sh(repo, 'status', '--porcelain')).toBe('');
    sh(repo, 'apply', '--check', patch);
    expect(processesWith(bench.root)).toEqual([]);
  });

  it.each([
    ['good', 'proposed', 0, 1],
    ['stuck', 'gave_up', 2, 4],
    ['noop', 'no_change', 0, 0],
    ['slow', 'timed_out', 4, 0],
    ['crash', 'agent_failed', 3, 0],
    ['tamper', 'tampered', 1, 2],
  ] as const)(
    '%s ends as %s with exit code %i after %i gate runs',
    async (scenario, outcome, code, gateRuns) => {
      const ran = await demo(scenario);
      expect(ran.result).toMatchObject({ outcome, gate: { runs: { length: gateRuns } } });
      expect(ran.code).toBe(code);
      if (outcome !== 'no_change')
        expect(ran.result.wip_ref).toBe(`refs/agent-runner/wip/${ran.result.job_id}`);
      expect(processesWith(bench.root)).toEqual([]);
    },
  );

  it.skipIf(!HAS_BUBBLEWRAP)(
    'injection: nothing gets through the sandbox, and nothing planted is run',
    async () => {
      const ran = await demo('injection');
      expect(ran.result.outcome).toBe('proposed');
      expect(ran.result.summary).toMatch(/-> held/);
      expect(ran.result.summary).not.toMatch(/got through/);
      expect(existsSync(join(bench.root, 'agent-runner-injection-ran'))).toBe(false);
      expect(existsSync('/tmp/agent-runner-injection-ran')).toBe(false);
    },
  );

  it('names an unknown scenario and those there are', async () => {
    const ran = await bench.run(['demo', '--scenario', 'nope']);
    expect(ran.code).toBe(64);
    expect(ran.stderr).toMatch(/scenario: "nope" is unknown \(allowed: good, bad, stuck/);
  });
});
