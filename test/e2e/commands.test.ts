/** Every command as a person or a script uses it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from './cli.ts';

let bench: Bench;
let repo: string;
let jobId: string;
beforeAll(async () => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    'package.json': JSON.stringify({
      name: 'p',
      type: 'module',
      scripts: { test: 'node --test', lint: 'node --check a.js' },
    }),
    'a.js': 'export const a = 1;\n',
    'a.test.js': "import test from 'node:test';\ntest('a', () => {});\n",
  });
  const ran = await bench.run(['run', 'Add b', '--repo', repo, '--json'], {
    AGENT_CMD: 'echo "export const b = 2;" > b.js; echo "\u001b[31mred\u001b[0m"',
  });
  jobId = (JSON.parse(ran.stdout) as JobResult).job_id;
});
afterAll(() => bench.remove());

const NAMES = [
  'demo',
  'run',
  'gate',
  'init',
  'list',
  'status',
  'logs',
  'result',
  'diff',
  'usage',
  'recover',
  'checkout',
  'gc',
  'restore-db',
  'message',
  'agents',
  'doctor',
  'config',
];

describe('help', () => {
  it.each(NAMES)('%s --help shows at least two examples', async (name) => {
    const ran = await bench.run([name, '--help']);
    expect(ran.code).toBe(0);
    expect(ran.stdout.match(/^ +\$ agent-runner /gm)?.length).toBeGreaterThanOrEqual(2);
  });

  it('lists every command; without words too', async () => {
    for (const args of [['--help'], []]) {
      const { code, stdout } = await bench.run(args);
      expect(code).toBe(0);
      for (const name of [...NAMES, 'completion']) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
  });

  it('gate shows no flag that it does not heed, and takes it all the same', async () => {
    const { stdout } = await bench.run(['gate', '--help']);
    for (const flag of ['sandbox', 'home', 'on-tamper', 'check']) expect(stdout).toContain(`--${flag} `);
    for (const flag of ['agent', 'model', 'network', 'max-cost-usd', 'max-gate-runs'])
      expect(stdout).not.toContain(`--${flag} `);
    expect((await bench.run(['gate', '--agent', 'none'], {}, bench.root)).stderr).not.toMatch(
      /unknown option/,
    );
  });

  it('--version is the package’s', async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
      version: string;
    };
    expect((await bench.run(['--version'])).stdout).toBe(`${version}\n`);
  });
});

describe('looking at jobs', () => {
  it('list shows them, newest first, and says what a filter may be', async () => {
    expect((await bench.run(['list'])).stdout).toMatch(new RegExp(`^${jobId} +proposed `, 'm'));
    expect(JSON.parse((await bench.run(['list', '--status', 'failed', '--json'])).stdout)).toEqual({
      jobs: [],
    });
    expect((await bench.run(['list', '--status', 'done'])).stderr).toMatch(
      /"done" is unknown \(allowed: queued, forking/,
    );
    expect((await bench.run(['list', '--limit', '0'])).code).toBe(64);
  });

  it('usage sums them, and shows no price that nobody knows as 0', async () => {
    const by = async (...args: string[]): Promise<string> => (await bench.run(['usage', ...args])).stdout;
    expect(await by('--by', 'agent')).toMatch(
      /^agent +jobs +cost +tokens in +tokens out +turns\ncommand +1 +unknown +unknown +unknown +1\ntotal +1 +unknown/,
    );
    expect(await by('--by', 'repo')).toContain(repo);
    const today = new Date().toISOString().slice(0, 10);
    expect(JSON.parse(await by('--since', 'all', '--json'))).toMatchObject({
      by: 'day',
      since: null,
      rows: [{ key: today, jobs: 1, running: 0, unpriced: 1, cost_usd: null, tokens_in: null, turns: 1 }],
      total: { key: null, jobs: 1, cost_usd: null },
    });
    const later = await bench.run(['usage', '--since', '2999-01-01']);
    expect([later.code, later.stdout]).toEqual([0, '']);
    expect(later.stderr).toContain('no jobs since 2999-01-01 00:00');
    for (const wrong of [
      ['--by', 'colour'],
      ['--since', 'soon'],
      ['--limit', '0'],
    ])
      expect((await bench.run(['usage', ...wrong])).code, wrong.join(' ')).toBe(64);
  });

  it('status, result and diff tell one story', async () => {
    expect((await bench.run(['status', jobId])).stdout).toMatch(/completed \(proposed\)/);
    const status = JSON.parse((await bench.run(['status', jobId, '--json'])).stdout) as {
      steps: { key: string; done: boolean }[];
    };
    expect(status.steps.map((step) => step.key)).toEqual([
      'prepare-1',
      'build-1',
      'verify-1',
      'propose-1',
      'save-1',
    ]);
    const result = await bench.run(['result', jobId]);
    expect([result.code, result.stdout]).toEqual([0, expect.stringMatching(/outcome +proposed/)]);
    expect(result.stdout).not.toContain('\u001b');
    const diff = await bench.run(['diff', jobId]);
    execFileSync('git', ['apply', '--check'], { cwd: repo, input: diff.stdout });
    expect(diff.stdout).toContain('+export const b = 2;');
  });

  it('logs are gapless, one JSON object a line, and followed to the end', async () => {
    const lines = (await bench.run(['logs', jobId, '--json', '--follow'])).stdout.trim().split('\n');
    const seqs = lines.map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs).toEqual(seqs.map((_, at) => at + 1));
    const later = (await bench.run(['logs', jobId, '--json', '--after', '3'])).stdout.trim().split('\n');
    expect(later).toEqual(lines.slice(3));
    expect((await bench.run(['logs', jobId])).stdout).not.toContain('\u001b');
  });

  it('logs -f shows a running job’s events as they come', async () => {
    const running = bench.start(['run', 'Wait', '--repo', repo, '--json'], {
      AGENT_CMD: 'echo first; sleep 1; echo x > c.js',
    });
    await running.seen(/agent: command/);
    const id =
      /job (job-\w+)/.exec((await bench.run(['list'])).stdout)?.[1] ??
      /^(job-\w+) +running/m.exec((await bench.run(['list'])).stdout)?.[1] ??
      '';
    const followed = await bench.run(['logs', '-f', id]);
    expect(followed.stdout).toMatch(/first[\s\S]*gate 1: green/);
    await running.done;
  });

  it('recover brings saved work back, as a branch that is never overwritten, or as a bundle', async () => {
    const ran = await bench.run(['recover', jobId], {}, repo);
    expect(ran.stdout).toBe(`recovered/${jobId}\n`);
    expect(sh(repo, 'show', `recovered/${jobId}:b.js`)).toBe('export const b = 2;');
    sh(repo, 'branch', 'taken', 'main');
    const taken = await bench.run(['recover', jobId, '--branch', 'taken'], {}, repo);
    expect([taken.code, taken.stderr]).toEqual([64, expect.stringMatching(/branch: taken exists/)]);
    expect(sh(repo, 'rev-parse', 'taken')).toBe(sh(repo, 'rev-parse', 'main'));
    const bundle = join(bench.root, 'work.bundle');
    expect((await bench.run(['recover', jobId, '--bundle', bundle])).code).toBe(0);
    sh(repo, 'fetch', '--quiet', bundle, `refs/agent-runner/wip/${jobId}`);
    expect(sh(repo, 'show', 'FETCH_HEAD:b.js')).toBe('export const b = 2;');
  });

  it('a message to a job that has ended is refused', async () => {
    const ran = await bench.run(['message', jobId, 'hello']);
    expect([ran.code, ran.stderr]).toEqual([64, expect.stringMatching(/has ended \(proposed\)/)]);
  });
});

describe('looking at this machine', () => {
  it('doctor finds node, git, sandboxes, home and database, and says what an agent needs', async () => {
    const ran = await bench.run(['doctor', '--json']);
    const { findings } = JSON.parse(ran.stdout) as {
      findings: { name: string; state: string; fix: string | null }[];
    };
    const state = Object.fromEntries(findings.map((one) => [one.name, one.state]));
    expect(state).toMatchObject({
      node: 'ok',
      git: 'ok',
      home: 'ok',
      database: 'ok',
      'sandbox host': 'warning',
      agent: 'warning',
    });
    if (HAS_BUBBLEWRAP) expect(state['sandbox bubblewrap']).toBe('ok');
    expect(findings.find((one) => one.name === 'agent')?.fix).toMatch(/AGENT_CMD/);
    const broken = await bench.run(['doctor', '--home', '/proc/nope']);
    expect([broken.code, broken.stdout]).toEqual([1, expect.stringMatching(/✗ home/)]);
  });

  it('agents says which can start', async () => {
    const { agents } = JSON.parse((await bench.run(['agents', '--json'])).stdout) as {
      agents: { name: string; ready: boolean }[];
    };
    expect(agents.find((one) => one.name === 'command')?.ready).toBe(false);
    expect(agents.find((one) => one.name === 'simulated:good')?.ready).toBe(true);
  });

  it('config list shows values and origins; flags win over variables', async () => {
    const ran = await bench.run(['config', 'list', '--show-origin', '--max-gate-runs', '7'], {
      AGENT_CMD: 'mine',
    });
    expect(ran.stdout).toMatch(/^agent_cmd +environment \(AGENT_CMD\) +mine$/m);
    expect(ran.stdout).toMatch(/^max_gate_runs +flag \(--max-gate-runs\) +7$/m);
    expect(ran.stdout).toMatch(
      /^policy\.on_red +default +\(block, unless \.agent-runner\.yml says otherwise\)$/m,
    );
    expect(ran.stdout).toMatch(/^budget\.max_tokens +default +\(no limit\)$/m);
    expect(ran.stdout).toMatch(/^branch_template +default +bot\/<job_id>$/m);
  });
});

describe('init', () => {
  it('explains what it found, writes a file that the gate then uses, and never overwrites', async () => {
    const printed = await bench.run(['init', '--repo', repo, '--print']);
    expect(printed.stdout).toMatch(/command: npm run --silent test/);
    expect(printed.stderr).toMatch(/test: .+ — /);
    expect(existsSync(join(repo, '.agent-runner.yml'))).toBe(false);
    const unasked = await bench.run(['init'], {}, repo);
    expect(unasked.stdout).toBe(printed.stdout);
    expect(unasked.stderr).toMatch(/nothing was written.*--yes/);
    expect(existsSync(join(repo, '.agent-runner.yml'))).toBe(false);
    const wrote = await bench.run(['init', '--yes'], {}, repo);
    expect(wrote.stdout.trim()).toBe(join(repo, '.agent-runner.yml'));
    expect((await bench.run(['init', '--yes'], {}, repo)).stderr).toMatch(/exists/);
    const folder = makeRepository(join(bench.root, 'folder'), { '.agent-runner.yml/a': '' });
    const refused = await bench.run(['init', '--yes', '--force'], {}, folder);
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringMatching(/can't be written: EISDIR/)]);
    expect(refused.stderr).not.toMatch(/^ +at /m);
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'rules');
    const found = JSON.parse((await bench.run(['init', '--json'], {}, repo)).stdout) as {
      configured: boolean;
    };
    expect(found.configured).toBe(true);
    for (const key of Object.keys(found)) expect(key).toMatch(/^[a-z_]+$/);
    write(repo, { 'd.js': 'export const d = 1;\n' });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'work');
    const gate = await bench.run(['gate', '--base', 'HEAD~1', '--json'], {}, repo);
    expect(gate.stderr).toMatch(/checks: \.agent-runner\.yml/);
    expect(gate.code).toBe(0);
  });
});

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish', 'powershell'])('prints a script for %s', async (shell) => {
    const { code, stdout } = await bench.run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('agent-runner complete');
    if (shell === 'bash') execFileSync('bash', ['-n'], { input: stdout });
  });

  it('answers what the scripts ask', async () => {
    expect((await bench.run(['complete', '--', 'st'])).stdout).toMatch(/^status\t/m);
    expect((await bench.run(['complete', '--', 'run', '--re'])).stdout).toMatch(/^--repo\t/m);
    const asked = async (...words: string[]) => (await bench.run(['complete', '--', ...words])).stdout;
    expect(await asked('demo', '--scenario', 's')).toMatch(/^stuck\t.+\nslow\t.+\n:/);
    expect(await asked('run', '--agent', 'simulated:b')).toMatch(/^simulated:bad\t/);
    expect(await asked('gate', '--sandbox', '')).toMatch(/^auto\t\nbubblewrap\t\nhost\t$/m);
    expect(await asked('diff', '')).toMatch(new RegExp(`^${jobId}\\tproposed: Add b$`, 'm'));
    expect(await asked('run', '--resume', 'job-')).not.toContain(jobId);
    const nowhere = join(bench.root, 'nowhere');
    expect(await asked('diff', '--home', nowhere, '')).not.toContain('job-');
    expect(existsSync(nowhere)).toBe(false);
    expect((await bench.run(['completion', 'tcsh'])).code).toBe(64);
  });
});
