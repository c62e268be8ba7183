/** From a repository's name to one pull request: the command line, real git, and a forge that speaks GitHub's API. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import type { Pull } from '../../forge/state/model.ts';
import { openBench, type Bench, type Ran } from '../cli.ts';

const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
const OWNER_TOKEN = 'ghp_annannannannannannannannannannannann';
const FILES = {
  'sum.mjs': 'export const sum = (a, b) => a + b;\n',
  'sum.test.mjs': `import assert from 'node:assert';
import test from 'node:test';
import { sum } from './sum.mjs';
test('sum', () => assert.equal(sum(1, 2), 3));
`,
  'package.json': JSON.stringify({ name: 'tool', private: true, scripts: { test: 'node --test' } }),
};

let bench: Bench;
let forge: TestForge;
beforeEach(async () => {
  bench = openBench();
  // Nobody waits for the pace that GitHub asks for.
  mkdirSync(join(bench.root, 'config', 'agent-runner'), { recursive: true });
  writeFileSync(
    join(bench.root, 'config', 'agent-runner', 'config.yml'),
    'github_pace_ms: 0\nfork_poll_s: 0.05\n',
  );
  forge = await startTestForge({
    users: [
      { login: 'ann', token: OWNER_TOKEN },
      { login: 'bot', token: TOKEN },
    ],
  });
  await forge.addRepository({ owner: 'ann', name: 'tool', from: FILES });
});
afterEach(async () => {
  bench.remove();
  await forge.close();
});

function environment(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  return { BOT_TOKEN: TOKEN, GITHUB_SERVER_URL: forge.url, ...more };
}

async function run(
  args: readonly string[] = [],
  env = environment(),
): Promise<{ ran: Ran; result: JobResult }> {
  const ran = await bench.run(
    ['run', 'Write it down', '--repo', 'ann/tool', '--agent', 'simulated', '--json', ...args],
    env,
  );
  return { ran, result: JSON.parse(ran.stdout === '' ? 'null' : ran.stdout) as JobResult };
}

function pulls(): readonly Pull[] {
  return forge.repo('ann', 'tool').pulls;
}

describe('a repository that the account may only read', () => {
  it('is forked, and one pull request with its evidence is opened and then brought up to date', async () => {
    const first = await run();
    expect(first.ran.stderr).toContain('forking ann/tool to bot');
    expect(first.result).toMatchObject({
      outcome: 'pr_opened',
      upstream_repo: 'ann/tool',
      fork_repo: 'bot/tool',
      pr_url: `${forge.url}/ann/tool/pull/1`,
      draft: false,
    });
    const branch = String(first.result.branch);
    expect(await forge.branch('bot', 'tool', branch)).toBe(first.result.head_sha);
    expect(await forge.branch('ann', 'tool', branch)).toBeNull();
    const [pull] = pulls();
    expect(pull?.title).toBe('Write it down');
    expect(pull?.body).toMatch(/\| `test` \| passed \(1 passed\) \| passed \(1 passed\) \| ✅ passed \|/);
    expect(pull?.body).toContain(first.result.job_id);

    const second = await run();
    expect(second.result).toMatchObject({ outcome: 'pr_updated', pr_url: first.result.pr_url, branch });
    expect(second.result.job_id).not.toBe(first.result.job_id);
    expect(pulls()).toHaveLength(1);
    expect(pulls()[0]?.body).toContain(second.result.job_id);
    expect(forge.state().repositories.map((one) => `${one.owner}/${one.name}`)).toEqual([
      'ann/tool',
      'bot/tool',
    ]);
  });
});

describe('a pull request that was red', () => {
  it('is neither a draft nor called red once it is green', async () => {
    const config = join(bench.root, 'config', 'agent-runner', 'config.yml');
    writeFileSync(config, 'github_pace_ms: 0\nmax_gate_runs: 1\npolicy: { on_red: draft }\n');
    const mend = async (command: string): Promise<void> => {
      const words = ['run', 'Mend', '--repo', 'ann/tool', '--agent', 'command', '--label', 'bot'];
      await bench.run(words, environment({ BOT_TOKEN: OWNER_TOKEN, AGENT_CMD: command }));
    };
    await mend('echo "export const sum = () => 0;" > sum.mjs');
    expect(pulls()).toMatchObject([{ draft: true, labels: ['gate-red', 'bot'] }]);
    await mend('echo "export const sum = (a, b) => b + a;" > sum.mjs');
    expect(pulls()).toMatchObject([{ draft: false, labels: ['bot'] }]);
  });
});

describe('a branch that somebody else pushed to', () => {
  it('is left as it is: no agent is paid for it, and asked once more the change has its own', async () => {
    const first = (await run()).result;
    const branch = String(first.branch);
    const path = join(bench.root, 'clone');
    const git = promisify(execFile);
    await git('git', ['clone', '-q', '-b', branch, forge.gitUrl('bot', 'tool', TOKEN), path]);
    const who = ['-c', 'user.name=ann', '-c', 'user.email=ann@localhost'];
    await git('git', ['-C', path, ...who, 'commit', '-q', '--allow-empty', '-m', 'By hand']);
    await git('git', ['-C', path, 'push', '-q', 'origin', `HEAD:${branch}`]);
    const byHand = await forge.branch('bot', 'tool', branch);

    const refused = (await run()).result;
    expect(refused).toMatchObject({ error: { code: 'conflict' }, turns: 0, pr_url: null });
    expect(refused.error?.message).toContain(first.job_id);
    const third = (await run()).result;
    expect(third).toMatchObject({ outcome: 'pr_opened', pr_url: `${forge.url}/ann/tool/pull/2` });
    expect(await forge.branch('bot', 'tool', branch)).toBe(byHand);
    expect((await run()).result).toMatchObject({ outcome: 'pr_updated', pr_url: third.pr_url });
  });
});

describe('a repository that the account may push to', () => {
  it('gets the branch itself', async () => {
    const { result } = await run([], environment({ BOT_TOKEN: OWNER_TOKEN }));
    expect(result).toMatchObject({ outcome: 'pr_opened', fork_repo: null, upstream_repo: 'ann/tool' });
    expect(await forge.branch('ann', 'tool', String(result.branch))).toBe(result.head_sha);
  });
});

describe('a base that moves while the agent works', () => {
  /** Runs a job whose agent writes to `mine.txt`, and commits a file to the base before it has ended. */
  async function runAndMove(file: string): Promise<JobResult> {
    const words = ['run', 'Write mine', '--repo', 'ann/tool', '--agent', 'command', '--json'];
    const running = bench.start(words, environment({ AGENT_CMD: 'sleep 2; echo mine > mine.txt' }));
    await running.seen('agent: command');
    const clone = join(bench.root, 'clone');
    const git = (...args: readonly string[]): string => execFileSync('git', [...args], { encoding: 'utf8' });
    git('clone', '--quiet', forge.folder('ann', 'tool'), clone);
    writeFileSync(join(clone, file), 'theirs\n');
    git('-C', clone, 'add', '-A');
    git(
      '-C',
      clone,
      '-c',
      'user.name=ann',
      '-c',
      'user.email=ann@localhost',
      'commit',
      '--quiet',
      '-m',
      'theirs',
    );
    git('-C', clone, 'push', '--quiet', 'origin', 'HEAD:main');
    return JSON.parse((await running.done).stdout) as JobResult;
  }

  it('is judged again on the new base, and proposed on it', async () => {
    const result = await runAndMove('theirs.txt');
    expect(result).toMatchObject({ outcome: 'pr_opened', base: 'main' });
    expect(result.base_sha).toBe(await forge.branch('ann', 'tool', 'main'));
    expect(result.gate.runs).toHaveLength(2);
    expect(result.notices.join('\n')).toContain('carried over and judged again');
    const shown = execFileSync(
      'git',
      [
        '-C',
        forge.folder('bot', 'tool'),
        'diff',
        '--name-only',
        `${String(result.head_sha)}^`,
        String(result.head_sha),
      ],
      { encoding: 'utf8' },
    );
    expect(shown.trim()).toBe('mine.txt');
  });

  it('is proposed where it was judged when the two do not fit, and says so', async () => {
    const result = await runAndMove('mine.txt');
    expect(result.outcome).toBe('pr_opened');
    expect(result.base_sha).not.toBe(await forge.branch('ann', 'tool', 'main'));
    expect(result.notices.join('\n')).toContain('does not fit it');
  });
});

describe('what can not be proposed', () => {
  it('is refused before an agent begins: a repository that is not there', async () => {
    const ran = await bench.run(['run', 'x', '--repo', 'ann/none', '--agent', 'simulated'], environment());
    expect(ran.stderr).toMatch(/repo: .*ann\/none/);
    expect(ran.code).not.toBe(0);
  });

  it('is refused before an agent begins: what has the fork’s name is no fork', async () => {
    await forge.addRepository({ owner: 'bot', name: 'tool', from: FILES });
    const { result } = await run();
    expect(result.outcome).toBe('refused');
    expect(result.error?.message).toContain('bot/tool is no fork, not a fork of ann/tool');
    expect(result.iterations).toBe(0);
  });
});

describe('answers that are lost after the effect', () => {
  it.each([
    ['POST', /\/forks$/],
    ['POST', /\/pulls$/],
    ['POST', /\/statuses\//],
  ] as const)('of %s %s make nothing twice', async (method, path) => {
    forge.setFault({ method, path, kind: 'lost_answer', times: 1 });
    const { result } = await run();
    expect(result.outcome).toBe('pr_opened');
    expect(pulls()).toHaveLength(1);
    const { repositories } = forge.state();
    expect(repositories.map((one) => `${one.owner}/${one.name}`)).toEqual(['ann/tool', 'bot/tool']);
    const statuses = repositories.flatMap((one) => one.statuses);
    expect(statuses.map(({ context }) => context)).toEqual(['agent-runner/gate']);
  });
});
