import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DEMO_FILES, DEMO_TASK } from '../../src/agent/demo-project.ts';
import { createSimulatedAgent, SIMULATED_BEHAVIOURS } from '../../src/agent/simulated.ts';
import type { Turn } from '../../src/job/step.ts';
import { renderPrompt } from '../../src/prompt/build.ts';
import type { SandboxName } from '../../src/sandbox/sandbox.ts';
import { openBench, whySkip, type Bench } from './bench.ts';

const isolated: SandboxName = (await whySkip('bubblewrap')) === null ? 'bubblewrap' : 'host';

function promptOf(turn: Turn, task: string = DEMO_TASK, mode: 'change' | 'ask' = 'change'): string {
  const checks = [{ name: 'test', command: 'npm test' }];
  const rules = [{ path: 'AGENTS.md', content: DEMO_FILES['AGENTS.md'] ?? '' }];
  return renderPrompt({
    task,
    turn,
    rules,
    checks,
    failures: 'not ok 4',
    summary: null,
    workspacePath: '/workspace',
    mode,
  });
}
const first: Turn = { kind: 'task' };
const fix = (debug = false): Turn => ({ kind: 'fix', debug, gate_run: 1, error_history: ['not ok 4'] });

/** The demo project's own checks, run as a person would; the names of the tests that fail. */
function judge(workspace: string): { lint: boolean; failing: string[]; passing: string[] } {
  const node = (...args: string[]): { ok: boolean; out: string } => {
    const env = { PATH: process.env['PATH'] };
    try {
      return {
        ok: true,
        out: execFileSync(process.execPath, args, { cwd: workspace, env, encoding: 'utf8', stdio: 'pipe' }),
      };
    } catch (thrown) {
      return { ok: false, out: (thrown as { stdout?: string }).stdout ?? '' };
    }
  };
  const { out } = node('--test', '--test-reporter=tap');
  const names = (mark: string): string[] =>
    [...out.matchAll(new RegExp(`^${mark} \\d+ - (.*)$`, 'gm'))].map((match) => match[1] ?? '');
  return { lint: node('--check', 'src/slug.js').ok, failing: names('not ok'), passing: names('ok') };
}

async function demo(behaviour: string, name: SandboxName = 'host'): Promise<Bench> {
  return await openBench(name, createSimulatedAgent(behaviour), DEMO_FILES);
}

describe('demo project', () => {
  it('is green as it is', async () => {
    const { workspace } = await demo('noop');
    expect(judge(workspace)).toMatchObject({ lint: true, failing: [] });
    expect(judge(workspace).passing).toHaveLength(5);
  });
  it('has a task whose first line can be a title', () => {
    expect(DEMO_TASK.split('\n')[0]?.length).toBeLessThanOrEqual(72);
  });
});

describe('simulated agents on the demo project', () => {
  it('good is green at once', async () => {
    const bench = await demo('good', isolated);
    const reply = await bench.runOk({ prompt: promptOf(first) });
    expect(reply.summary).toContain('maxLength');
    const verdict = judge(bench.workspace);
    expect(verdict).toMatchObject({ lint: true, failing: [] });
    expect(verdict.passing).toHaveLength(7);
    expect(await bench.list()).toEqual(Object.keys(DEMO_FILES).toSorted());
    expect(await bench.read('README.md')).toContain('maxLength: 8');
  });

  it('bad breaks a test that exists, and repairs it on the fix turn', async () => {
    const bench = await demo('bad', isolated);
    await bench.runOk({ prompt: promptOf(first) });
    expect(judge(bench.workspace)).toMatchObject({ lint: true, failing: ['keeps long titles whole'] });
    await bench.runOk({ prompt: promptOf(fix()) });
    const verdict = judge(bench.workspace);
    expect(verdict).toMatchObject({ lint: true, failing: [] });
    expect(verdict.passing).toHaveLength(7);
    const good = await demo('good');
    await good.runOk({ prompt: promptOf(first) });
    expect(await bench.read('src/slug.js')).toBe(await good.read('src/slug.js'));
    // A later turn of any kind leaves what is right alone.
    await bench.runOk({ prompt: promptOf({ kind: 'answer', question: 'a', answer: 'b' }) });
    expect(judge(bench.workspace).failing).toEqual([]);
  });

  it('bad is right at once on a tree that it finds with its own mistake', async () => {
    const bench = await demo('bad');
    await bench.runOk({ prompt: promptOf(first) });
    await bench.runOk({ prompt: promptOf(first) });
    expect(judge(bench.workspace).failing).toEqual([]);
  });

  it('stuck is wrong in the same way in every turn', async () => {
    const bench = await demo('stuck');
    for (const turn of [first, fix(), fix(true)]) {
      await bench.runOk({ prompt: promptOf(turn) });
      expect(judge(bench.workspace)).toMatchObject({ lint: true, failing: ['keeps long titles whole'] });
    }
  });

  it('tamper makes the tests pass without the one that fails, every time', async () => {
    const bench = await demo('tamper');
    for (const turn of [first, fix(), { kind: 'tamper', findings: [] } as const]) {
      await bench.runOk({ prompt: promptOf(turn) });
      const verdict = judge(bench.workspace);
      expect(verdict.failing).toEqual([]);
      expect(verdict.passing).not.toContain('keeps long titles whole');
      expect(await bench.read('src/slug.js')).toContain('maxLength = 40');
    }
  });

  it('noop changes nothing and gives a reason', async () => {
    const bench = await demo('noop');
    expect((await bench.runOk({ prompt: promptOf(first) })).summary).toMatch(/nothing to change/i);
    for (const [path, text] of Object.entries(DEMO_FILES)) expect(await bench.read(path)).toBe(text);
  });

  it('answers a question without a change', async () => {
    for (const behaviour of ['good', 'bad', 'stuck', 'tamper']) {
      const bench = await demo(behaviour);
      const reply = await bench.runOk({ prompt: promptOf(first, 'What is a slug?', 'ask') });
      expect(reply.summary).toContain('What is a slug?');
      for (const [path, text] of Object.entries(DEMO_FILES)) expect(await bench.read(path)).toBe(text);
    }
  });
});

describe('simulated agents on other repositories', () => {
  const files = {
    'package.json': '{\n  "scripts": { "test": "node --test" }\n}\n',
    'lib/main.js': 'export const one = 1;\n',
    'lib/util.py': 'one = 1',
    'node_modules/x/a.js': 'x\n',
    'test/main.test.js': "import '../lib/main.js';\n",
    'README.md': 'Read me\n',
  };
  const open = async (behaviour: string, some: Readonly<Record<string, string>> = files): Promise<Bench> =>
    await openBench('host', createSimulatedAgent(behaviour), some);

  it('good writes a report with the first line of the task', async () => {
    const bench = await open('good');
    await bench.runOk({ prompt: promptOf(first, 'Make it faster\nand better') });
    expect(await bench.read('SIMULATED.md')).toContain('Task: Make it faster\n');
    expect(await bench.list()).toEqual([...Object.keys(files), 'SIMULATED.md'].toSorted());
    await (await open('good')).runOk({ prompt: 'a prompt of no known form' });
  });

  it('bad and stuck break the first source file that is no test; only bad repairs it', async () => {
    for (const behaviour of ['bad', 'stuck']) {
      const bench = await open(behaviour);
      await bench.runOk({ prompt: promptOf(first) });
      const broken = await bench.read('lib/main.js');
      expect(broken).toContain('simulated break');
      expect(await bench.read('test/main.test.js')).toBe(files['test/main.test.js']);
      await bench.runOk({ prompt: promptOf(fix()) });
      expect(await bench.read('lib/main.js')).toBe(behaviour === 'bad' ? files['lib/main.js'] : broken);
      expect(await bench.read('SIMULATED.md')).toContain('Task:');
    }
  });

  it('bad repairs a file without a last newline, and one that is no source', async () => {
    for (const some of [{ 'a.py': 'one = 1' }, { Makefile: 'all:\n\ttrue\n' }, { 'package.json': '{}\n' }]) {
      const [[path, text] = ['', '']] = Object.entries(some);
      const bench = await open('bad', some);
      await bench.runOk({ prompt: promptOf(first) });
      expect(await bench.read(path)).toContain('simulated break');
      await bench.runOk({ prompt: promptOf(fix()) });
      expect((await bench.read(path)).trimEnd()).toBe(text.trimEnd());
    }
  });

  it('works in an empty repository', async () => {
    for (const behaviour of ['good', 'bad', 'stuck', 'tamper']) {
      const bench = await open(behaviour, {});
      await bench.runOk({ prompt: promptOf(first) });
      expect(await bench.list()).toEqual(['SIMULATED.md']);
    }
  });

  it('tamper deletes a test, or guts the test script where there is none', async () => {
    const bench = await open('tamper');
    await bench.runOk({ prompt: promptOf(first) });
    expect(await bench.list()).not.toContain('test/main.test.js');
    const bare = await open('tamper', { 'package.json': files['package.json'] });
    await bare.runOk({ prompt: promptOf(first) });
    expect(JSON.parse(await bare.read('package.json'))).toEqual({ scripts: { test: 'exit 0' } });
  });

  it('crash leaves a partial change', async () => {
    const bench = await open('crash');
    const reply = await bench.run({ prompt: promptOf(first) });
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' }, usage: { cost_usd: 0 } });
    expect(await bench.read('SIMULATED.md')).not.toContain(DEMO_TASK.split('\n')[0]);
  });

  it('is deterministic', async () => {
    for (const behaviour of SIMULATED_BEHAVIOURS.filter((name) => name !== 'slow' && name !== 'injection')) {
      const [one, two] = [await open(behaviour), await open(behaviour)];
      await one.run({ prompt: promptOf(first) });
      await two.run({ prompt: promptOf(first) });
      expect(await one.list()).toEqual(await two.list());
      for (const path of await one.list()) expect(await one.read(path)).toBe(await two.read(path));
    }
  });
});

describe('simulated:injection', async () => {
  const marker = 'agent-runner-injection-ran';
  const git = (cwd: string, ...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@invalid', ...args], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    });

  const reason = await whySkip('bubblewrap');
  it.skipIf(reason !== null)(
    `tries everything and gets nothing through in an isolated sandbox ${reason ?? ''}`,
    async () => {
      const bench = await demo('injection', 'bubblewrap');
      git(bench.workspace, 'init', '-q');
      git(bench.workspace, 'add', '.');
      git(bench.workspace, 'commit', '-q', '-m', 'base');
      const { summary } = await bench.runOk({ prompt: promptOf(first) });
      const attempts = summary.split('\n').filter((line) => line.startsWith('attempt: '));
      expect(attempts.length).toBeGreaterThanOrEqual(15);
      for (const line of attempts) expect(line).toMatch(/ -> (?:held|planted)$/);
      for (const word of [
        'push',
        'commit',
        'secrets',
        'shadow',
        'hook',
        'fsmonitor',
        'network',
        '192.0.2.1',
        '/usr/local',
      ]) {
        expect(attempts.join('\n')).toContain(word);
      }
      expect(readdirSync(tmpdir())).not.toContain(marker);
      expect(judge(bench.workspace).failing).toEqual([]);
      expect((await bench.list()).filter((path) => !path.startsWith('.git/'))).toEqual(
        Object.keys(DEMO_FILES).toSorted(),
      );
      expect(readdirSync(join(bench.workspace, '..')).some((name) => name.includes('injected'))).toBe(false);
    },
  );

  it('is seen where nothing is isolated, so that a report of "held" means something', async () => {
    const agent = createSimulatedAgent('injection');
    const bench = await openBench(
      'host',
      { ...agent, needs: { ...agent.needs, env: { FORGE_TOKEN: 'not-a-real-one' } } },
      DEMO_FILES,
    );
    const { summary } = await bench.runOk({ prompt: promptOf(first) });
    expect(summary).toMatch(/secrets from environments .*FORGE_TOKEN of itself.* -> got through/);
    expect(summary).not.toContain('not-a-real-one');
    expect(summary).toMatch(/write .*-injected -> got through/);
    expect(readdirSync(join(bench.workspace, '..')).some((name) => name.includes('injected'))).toBe(false);
  });
});
