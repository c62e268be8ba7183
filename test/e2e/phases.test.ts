/** Explore, plan, build: who looks can't write, what was paid once is not paid twice, and each phase has its agent. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench, type Ran } from './cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep -q wrong a.txt"\n',
    'AGENTS.md': 'Write short lines.\n',
    'a.txt': 'one\n',
  });
});
afterEach(() => bench.remove());

/** Looks, and tries to write while it does; plans two pieces; each piece adds its own line. */
const AGENT = `#!/bin/sh
prompt=$(cat)
echo "$AGENT_RUNNER_PHASE model=\${AGENT_RUNNER_MODEL:-none}" >> "$HOME/turns"
case "$AGENT_RUNNER_PHASE" in
  explore)
    if echo planted 2>/dev/null > planted.txt || echo x 2>/dev/null >> a.txt || rm -f a.txt 2>/dev/null || mkdir d 2>/dev/null || touch .git/index.lock 2>/dev/null
    then wrote=yes; else wrote=no; fi
    git status --short > "$HOME/status" && sh -c 'echo executed' >/dev/null
    echo "a.txt is what the task is about. wrote=$wrote" > "$AGENT_RUNNER_OUT/summary.md";;
  plan)
    case "$prompt" in *"is what the task is about"*) ;; *) exit 9;; esac
    echo 'I cut it in two:'
    echo '{"reasoning":"small steps","subtasks":[{"name":"first","task":"add the word red","files":["a.txt"]},{"name":"second","task":"add the word blue","files":[]}]}';;
  build)
    case "$prompt" in *"Sub-task 1 of 2: first"*"add the word red"*) echo red >> a.txt;; *"Sub-task 2 of 2: second"*) echo blue >> a.txt;; *) echo other >> a.txt;; esac
    printf '%s' "$prompt" > "$HOME/last-prompt"
    cat "$HOME/turns";;
esac
`;

function resultOf(ran: Ran): JobResult {
  try {
    return JSON.parse(ran.stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${ran.stdout}\n${ran.stderr}`);
  }
}

async function run(agent: string, ...more: string[]): Promise<JobResult & { stderr: string }> {
  const ran = await bench.run(['run', 'Add colours', '--repo', repo, '--json', '--phases', 'on', ...more], {
    AGENT_CMD: agent,
  });
  return { ...resultOf(ran), stderr: ran.stderr };
}

async function events(jobId: string): Promise<JobEvent[]> {
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JobEvent);
}

describe.skipIf(!HAS_BUBBLEWRAP)('phases in bubblewrap', () => {
  it('explore, plan and build by pieces; what looks can not write, and hands its answer on', async () => {
    const result = await run(bench.script('agent.sh', AGENT));
    expect(result, result.stderr).toMatchObject({
      outcome: 'proposed',
      exploration_report_generated: true,
      iterations: 2,
      turns: 4,
      subtasks: [{ name: 'first', files: ['a.txt'] }, { name: 'second' }],
    });
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('one\nred\nblue');
    expect(sh(repo, 'ls-tree', '--name-only', result.branch ?? '')).not.toContain('planted');
    expect(result.summary).toContain('explore model=none\nplan model=none\nbuild model=none');
    expect(result.phases.map((phase) => phase.name).slice(0, 5)).toEqual([
      'prepare',
      'explore',
      'plan',
      'build',
      'build',
    ]);
    const log = join(bench.home, 'jobs', result.job_id, 'logs', 'exploration.md');
    expect(readFileSync(log, 'utf8')).toContain('wrote=no');
    const all = await events(result.job_id);
    expect(all.find((event) => event.type === 'plan')?.data).toMatchObject({ reasoning: 'small steps' });
    expect(all.find((event) => event.data['phases'] === true)?.data['reason']).toContain('asked for');
    expect(result.stderr).toContain('plan: 1. first; 2. second');
  });

  it('are not paid twice after a death in the build', async () => {
    const agent = bench.script('agent.sh', AGENT.replace('  build)\n', '  build)\n    sleep 1\n'));
    const args = ['run', 'Add colours', '--repo', repo, '--json', '--phases', 'on'];
    const running = bench.start(args, { AGENT_CMD: agent });
    await running.seen(/sub-task 2 of 2/);
    running.child.kill('SIGKILL');
    const jobId = /job (job-[0-9a-f]{12})/.exec((await running.done).stderr)?.[1] ?? '';
    const ran = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
    const result = resultOf(ran);
    expect(result, ran.stderr).toMatchObject({
      outcome: 'proposed',
      resumed_from_checkpoint: true,
      exploration_report_generated: true,
      turns: 4,
    });
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('one\nred\nblue');
    const started = (await events(jobId))
      .filter((event) => event.type === 'phase' && event.data['state'] === 'started')
      .map((event) => String(event.data['step']));
    expect(started.filter((step) => /^(explore|plan|build-1$|build$)/.test(step))).toEqual([
      'explore-1',
      'plan-1',
      'build-1',
    ]);
  });

  it('have agents and models of their own', async () => {
    const agent = bench.script('agent.sh', AGENT);
    const result = await run(agent, '--model=big', '--explore-model=small', '--plan-agent=simulated:good');
    expect(result, result.stderr).toMatchObject({
      outcome: 'proposed',
      subtasks: [{ name: 'the edit' }, { name: 'the report' }],
    });
    expect(result.summary).toContain('explore model=small\nbuild model=big');
    expect(result.stderr).toContain('agent: simulated:good (plan)');
  });

  it('are a help: where the first fails, the task is built as a whole, and the result says so', async () => {
    const fails = AGENT.replace('  explore)\n', '  explore)\n    echo no key >&2; exit 1\n');
    const result = await run(bench.script('agent.sh', fails));
    expect(result, result.stderr).toMatchObject({
      outcome: 'proposed',
      exploration_report_generated: false,
      subtasks: [],
      iterations: 1,
    });
    expect(result.notices.join()).toContain('explore failed');
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('one\nother');
  });

  it('do not run for an agent that plans by itself, and the events say why', async () => {
    const ran = await bench.run(['run', 'Add colours', '--repo', repo, '--json'], {
      AGENT_CMD: 'echo x >> a.txt',
    });
    const result = resultOf(ran);
    expect(result.phases.map((phase) => phase.name)).not.toContain('explore');
    const said = (await events(result.job_id)).find((event) => event.data['phases'] === false);
    expect(said?.data['reason']).toContain('command plans by itself');
  });
});

describe.skipIf(!HAS_BUBBLEWRAP)('what an agent is told', () => {
  const TOLD = '#!/bin/sh\ncat > prompt.txt\n';
  const told = async (name: string, ...more: string[]): Promise<string> => {
    const ran = await bench.run(['run', 'Mend sumCart', '--repo', repo, '--json', ...more], {
      AGENT_CMD: bench.script(name, TOLD),
    });
    return sh(repo, 'show', `${resultOf(ran).branch}:prompt.txt`);
  };

  it('is a map of the base, and the standing rules from root to leaf', async () => {
    write(repo, {
      'src/cart.js': '/** Adds up carts. */\nexport function sumCart() {}\n',
      'src/AGENTS.md': 'Tabs in src.\n',
    });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '-m', 'cart');
    const prompt = await told('agent.sh');
    expect(prompt).toContain('cart.js — Adds up carts.');
    expect(prompt).toContain('src/cart.js: function sumCart:2');
    expect(prompt.indexOf('Write short lines.')).toBeGreaterThan(0);
    expect(prompt.indexOf('Tabs in src.')).toBeGreaterThan(prompt.indexOf('Write short lines.'));
    // A program of this name reads the root's file by itself, and is not told it again.
    const codex = await told('codex');
    expect(codex).not.toContain('Write short lines.');
    expect(codex).toContain('Tabs in src.');
  });

  it('is no map where it has no room', async () => {
    writeFileSync(join(bench.root, 'rules.md'), 'My own rules.\n');
    mkdirSync(join(bench.root, 'config', 'agent-runner'), { recursive: true });
    const settings = `map_tokens: 0\nagent_config: ${join(bench.root, 'rules.md')}\n`;
    writeFileSync(join(bench.root, 'config', 'agent-runner', 'config.yml'), settings);
    const prompt = await told('agent.sh');
    expect(prompt).not.toContain('Map of the repository');
    expect(prompt).toContain('My own rules.');
    expect(prompt).not.toContain('Write short lines.');
  });
});

describe('phases where nothing can be mounted', () => {
  it('take back what was written while looking, and say so', async () => {
    const result = await run(bench.script('agent.sh', AGENT), '--sandbox', 'host');
    expect(result, result.stderr).toMatchObject({ outcome: 'proposed', subtasks: [{}, {}] });
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('one\nred\nblue');
    expect(existsSync(join(repo, 'planted.txt'))).toBe(false);
    expect(sh(repo, 'ls-tree', '--name-only', result.branch ?? '')).not.toContain('planted');
    expect(result.stderr).toContain('the agent changed files in the explore phase');
  });
});

describe('debug mode', () => {
  it('begins with the failure that comes back, and ends a stuck agent as gave_up with exit code 2', async () => {
    const fails = `sed -n '/wrong/{s/[0-9]*$//;p}' a.txt; ! grep -q wrong a.txt`;
    // Another line number and value each time: the same failure all the same.
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\nn=$(cat "$HOME/n" 2>/dev/null || echo 0); echo $((n + 1)) > "$HOME/n"\ncat > "$HOME/p$n"\nawk "BEGIN { for (i = 0; i < $n; i++) print \\"line\\" }" > a.txt; echo "expected a right value and got the wrong one $n" >> a.txt\n',
    );
    const ran = await bench.run(
      ['run', 'Do it', '--repo', repo, '--json', '--check', `test=${fails}`, '--max-gate-runs', '9'],
      { AGENT_CMD: agent },
    );
    const result = resultOf(ran);
    expect(result, ran.stderr).toMatchObject({ outcome: 'gave_up', debug_mode: true, iterations: 4 });
    expect(ran.code).toBe(2);
    const turns = (await events(result.job_id)).flatMap((event) =>
      typeof event.data['turn'] === 'string' ? [event.data['turn']] : [],
    );
    expect(turns).toEqual(['task', 'fix', 'debug', 'debug']);
    const status = await bench.run(['status', result.job_id, '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ iterations: 4, turns: 4, debug_mode: true });
  });
});

describe('the simulated agent', () => {
  it('tells the whole story with phases, without a model', async () => {
    const args = ['--agent', 'simulated:bad', '--phases', 'on', '--json'];
    const ran = await bench.run(['run', 'Write it down', '--repo', repo, ...args]);
    const result = resultOf(ran);
    expect(result, ran.stderr).toMatchObject({
      exploration_report_generated: true,
      subtasks: [{ name: 'the edit' }, { name: 'the report' }],
      total_cost: 0,
      iterations: 2,
    });
  });
});
