/** `run` on repositories of a person, with an agent command of theirs. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { openBench, processesWith, type Bench, type Ran } from './cli.ts';
import { NPM_PROJECT, QUICK_PROJECT } from './project.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), QUICK_PROJECT);
});
afterEach(() => bench.remove());

async function run(
  agent: string,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran & { result: JobResult }> {
  const ran = await bench.run(
    ['run', 'Add subtraction', '--repo', repo, '--agent', 'command', '--json', ...more],
    { AGENT_CMD: agent, ...env },
  );
  let result: JobResult;
  try {
    result = JSON.parse(ran.stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${ran.stdout}\n${ran.stderr}`);
  }
  return { ...ran, result };
}

describe("a working repository with npm's own test script", () => {
  beforeEach(() => {
    repo = makeRepository(join(bench.root, 'npm'), NPM_PROJECT);
  });

  it('gets a branch and a patch, judged against its base; the checkout stays as it is', async () => {
    const base = sh(repo, 'rev-parse', 'HEAD');
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\necho "export const sub = (a, b) => a - b;" >> src/add.js\necho added sub\n',
    );
    const { code, result } = await run(agent);
    expect(result).toMatchObject({
      status: 'completed',
      outcome: 'proposed',
      base: 'main',
      base_sha: base,
      draft: false,
      tests_passed: true,
      summary: 'added sub',
      gate: {
        verdict: 'green',
        runs: [{ checks: [{ name: 'test', base: 'passed', head: 'passed', verdict: 'passed' }] }],
      },
    });
    expect(code).toBe(0);
    expect(sh(repo, 'rev-parse', 'main')).toBe(base);
    expect(sh(repo, 'status', '--porcelain')).toBe('');
    expect(sh(repo, 'rev-parse', result.branch ?? '')).toBe(result.head_sha);
    expect(sh(repo, 'diff', '--stat', `main..${result.branch}`)).toContain('src/add.js');
    expect(readFileSync(result.patch_path ?? '', 'utf8')).toContain('+export const sub');
    expect(sh(repo, 'worktree', 'list').split('\n')).toHaveLength(1);
  });

  it('is not proposed to when the script breaks a test: exit 1, the work is a ref', async () => {
    const agent = bench.script('agent.sh', '#!/bin/sh\necho "export const add = () => 0;" > src/add.js\n');
    const { code, result } = await run(agent, ['--max-gate-runs', '1']);
    expect(result).toMatchObject({ outcome: 'gate_failed', patch_path: null, gate: { verdict: 'red' } });
    expect(result.gate.runs[0]?.checks[0]).toMatchObject({
      base: 'passed',
      head: 'failed',
      verdict: 'failed',
    });
    expect(result.gate.runs[0]?.checks[0]?.new_failures.join()).toContain('adds');
    expect(code).toBe(1);
    expect(sh(repo, 'branch', '--list', 'bot/*')).toBe('');
    const human = await bench.run(['result', result.job_id]);
    const fetch = /get it back +git fetch (\S+) (\S+)/.exec(human.stdout);
    expect(fetch?.[2]).toBe(`refs/agent-runner/wip/${result.job_id}`);
    sh(repo, 'fetch', '--quiet', fetch?.[1] ?? '', fetch?.[2] ?? '');
    expect(sh(repo, 'show', 'FETCH_HEAD:src/add.js')).toBe('export const add = () => 0;');
  });

  it('tells the agent what broke, and takes the fix', async () => {
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\nprompt=$(cat)\ncase "$prompt" in *"This turn: fix"*) case "$prompt" in *adds*) printf "export const add = (a, b) => a + b;\\nexport const sub = (a, b) => a - b;\\n" > src/add.js;; esac;; *) echo "export const add = () => 0;" > src/add.js;; esac\n',
    );
    const { result } = await run(agent);
    expect(result).toMatchObject({
      outcome: 'proposed',
      iterations: 2,
      gate: { runs: [{ verdict: 'red' }, { verdict: 'green' }] },
    });
  });

  it('that was red before is not blamed on the change', async () => {
    write(repo, {
      'test/old.test.js':
        "import test from 'node:test';\ntest('was always red', () => { throw new Error('old'); });\n",
    });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'red');
    const agent = bench.script('agent.sh', '#!/bin/sh\necho "// note" >> src/add.js\n');
    const { result } = await run(agent);
    expect(result).toMatchObject({
      outcome: 'proposed',
      gate: {
        verdict: 'green',
        runs: [{ checks: [{ base: 'failed', head: 'failed', verdict: 'pre_existing' }] }],
      },
    });
    const worse = bench.script('worse.sh', '#!/bin/sh\necho "export const add = () => 0;" > src/add.js\n');
    const second = await run(worse, ['--max-gate-runs', '1']);
    expect(second.result.gate.runs[0]?.checks[0]).toMatchObject({ verdict: 'failed' });
    expect(second.result.gate.runs[0]?.checks[0]?.new_failures.join()).not.toContain('was always red');
  });
});

describe('a working repository', () => {
  it('that the agent leaves alone ends as no_change with its reason', async () => {
    const { code, result } = await run('echo nothing to do here');
    expect(result).toMatchObject({
      outcome: 'no_change',
      summary: 'nothing to do here',
      branch: null,
      wip_ref: null,
      patch_path: null,
      total_cost: null,
      total_tokens_in: null,
    });
    expect(code).toBe(0);
  });

  it('without any check is proposed as an unverified draft', async () => {
    repo = makeRepository(join(bench.root, 'plain'), { 'README.md': 'hello\n' });
    const { result } = await run('echo more >> README.md');
    expect(result).toMatchObject({
      outcome: 'proposed',
      draft: true,
      labels: ['unverified'],
      tests_passed: false,
      gate: { verdict: 'none' },
    });
    const refused = await run('echo more >> README.md', ['--on-none', 'block']);
    expect(refused.result).toMatchObject({ outcome: 'refused', error: { code: 'nothing_verified' } });
    expect(refused.code).toBe(7);
  });

  it('with uncommitted changes keeps them, and says so', async () => {
    write(repo, { 'src/add.js': 'dirty\n', 'notes.txt': 'mine\n' });
    const { result } = await run('echo x > new.txt');
    expect(result.outcome).toBe('proposed');
    expect(result.notices.join()).toMatch(/uncommitted changes stay out .*src\/add\.js/);
    expect(readFileSync(join(repo, 'src/add.js'), 'utf8')).toBe('dirty\n');
    expect(sh(repo, 'show', '--stat', '--format=', result.branch ?? '')).not.toContain('add.js');
  });

  it('can answer a question instead', async () => {
    const { result } = await run('echo forty-two', ['--mode', 'ask']);
    expect(result).toMatchObject({ outcome: 'answered', summary: 'forty-two', gate: { runs: [] } });
  });

  it('is judged by .agent-runner.yml of the base, not by what the agent writes there', async () => {
    write(repo, {
      '.agent-runner.yml':
        'gate:\n  checks:\n    - name: strict\n      command: "! grep -q bad src/add.js"\n',
    });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'rules');
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\necho "// bad" >> src/add.js\nprintf "gate:\\n  checks:\\n    - name: lax\\n      command: \\"true\\"\\n" > .agent-runner.yml\n',
    );
    const { result } = await run(agent, ['--max-gate-runs', '1']);
    expect(result).toMatchObject({
      outcome: 'gate_failed',
      gate: { runs: [{ checks: [{ name: 'strict', verdict: 'failed' }] }] },
    });
    expect(result.tamper.map((one) => one.file)).toContain('.agent-runner.yml');
  });

  it('with a slip in .agent-runner.yml is refused, and the slip is named', async () => {
    write(repo, { '.agent-runner.yml': 'gate:\n  chex: []\n' });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'slip');
    const { code, result } = await run('echo x > new.txt');
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'bad_configuration', blame: 'user' } });
    expect(result.error?.message).toContain('chex');
    expect(code).toBe(7);
  });

  it('keeps to its paths and away from protected ones', async () => {
    write(repo, { '.agent-runner.yml': 'paths: [src, "docs/**"]\nprotected_paths: ["src/add.js"]\n' });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'rules');
    const guarded = await run('echo "// x" >> src/add.js');
    expect(guarded.result).toMatchObject({ outcome: 'refused', error: { code: 'protected_path' } });
    expect(guarded.result.error?.message).toContain('src/add.js');
    const outside = await run('echo x > new.txt');
    expect(outside.result).toMatchObject({ outcome: 'refused', error: { code: 'protected_path' } });
    expect(
      (await run('mkdir docs && echo x > docs/a.md && echo "export {};" > src/b.js')).result.outcome,
    ).toBe('proposed');
  });

  it('refuses a change that is too large to review, and keeps the work', async () => {
    const { code, result } = await run('for i in $(seq 101); do echo $i > f$i.txt; done');
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'diff_too_large' } });
    expect(result.wip_ref).not.toBeNull();
    expect(code).toBe(7);
  });

  it('masks what the agent was given, and refuses it in a change', async () => {
    write(bench.root, { 'config/agent-runner/config.yml': 'agent_env: [MY_MODEL_KEY]\n' });
    const env = { MY_MODEL_KEY: 'sk-very-secret-value' };
    const told = await run('echo "key is $MY_MODEL_KEY"; echo x > new.txt', [], env);
    expect(told.result).toMatchObject({ outcome: 'proposed', summary: 'key is ***' });
    const logs = await bench.run(['logs', told.result.job_id, '--json']);
    expect(logs.stdout).toContain('***');
    expect(logs.stdout + told.stdout + told.stderr).not.toContain(env.MY_MODEL_KEY);
    const leaked = await run('echo "$MY_MODEL_KEY" | base64 > new.txt', [], env);
    expect(leaked.result).toMatchObject({ outcome: 'refused', error: { code: 'secret_in_diff' } });
    expect(leaked.result.branch).toBeNull();
    expect(sh(repo, 'branch', '--list', `bot/${leaked.result.job_id}`)).toBe('');
  });

  it('refuses a secret in a change, shown masked, however the agent tries to hide it', async () => {
    // Put together here, so that no scanner of this repository takes it for a real one.
    const token = ['ghp', 'k3J9xQ2mT7vLw5bR8nYc1ZpD4sFhGa6Ue0Ni'].join('_');
    const agent = bench.script(
      'agent.sh',
      `#!/bin/sh\necho "* -diff" > .gitattributes\necho 'const t = "${token}";' > src/config.js\n`,
    );
    const { code, result } = await run(agent);
    expect(result).toMatchObject({ outcome: 'refused', error: { code: 'secret_in_diff' } });
    expect(result.error?.message).toMatch(/src\/config\.js:1/);
    expect(JSON.stringify(result)).not.toContain(token);
    expect(code).toBe(7);
    expect(sh(repo, 'branch', '--list', 'bot/*')).toBe('');
    // One NUL makes a file binary to git, which then shows nothing of it; real binary files pass.
    const nul = await run(`printf 'const t = "${token}";\\n\\0' > src/config.js`);
    expect(nul.result).toMatchObject({ outcome: 'refused', error: { code: 'secret_in_diff' } });
    const image = await run('head -c 200000 /dev/urandom > image.png');
    expect(image.result).toMatchObject({ outcome: 'proposed' });
  });

  it('asks, is answered, and goes on', async () => {
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\ncase "$(cat)" in *"the second one"*) echo "export const two = 2;" >> src/add.js;; *) echo "Which one?" > "$AGENT_RUNNER_OUT/question.md";; esac\n',
    );
    const asked = await bench.run(['run', 'Choose', '--repo', repo, '--json'], { AGENT_CMD: agent });
    expect(asked.code, asked.stderr).toBe(6);
    const {
      job_id: jobId,
      question,
      wip_ref: unsaved,
    } = JSON.parse(asked.stdout) as { job_id: string; question: string; wip_ref: string | null };
    expect(unsaved).toBeNull();
    expect(question.trim()).toBe('Which one?');
    expect((await bench.run(['status', jobId])).stdout).toMatch(
      /needs_input[\s\S]*answer with +\S+ message job-.* run --resume job-/,
    );
    expect((await bench.run(['message', jobId, 'Take the second one'])).code).toBe(0);
    const ended = await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent });
    expect(JSON.parse(ended.stdout)).toMatchObject({ outcome: 'proposed' });
  });
});

describe('a job that has not ended', () => {
  it('shows as its diff what it had saved when it asked, and then what was judged last', async () => {
    const agent = bench.script(
      'agent.sh',
      '#!/bin/sh\ncase "$(cat)" in *"take plan seven"*) echo two > b.txt; sleep 60;; *) echo one > a.txt; echo "Go on?" > "$AGENT_RUNNER_OUT/question.md";; esac\n',
    );
    const asked = await bench.run(['run', 'Choose', '--repo', repo, '--json'], { AGENT_CMD: agent });
    const { job_id: jobId } = JSON.parse(asked.stdout) as { job_id: string };
    expect((await bench.run(['diff', jobId])).stdout).toMatch(/\+one/);
    const answered = await bench.run(['message', jobId, 'take plan seven']);
    expect(answered.stdout).toContain(`run --resume ${jobId}`);
    const running = bench.start(['run', '--resume', jobId], { AGENT_CMD: agent });
    await running.seen(/agent: command \(answer\)/);
    expect((await bench.run(['diff', jobId])).stdout).toMatch(/\+one/);
    const late = await bench.run(['message', jobId, 'and then?']);
    expect(late.stdout).toMatch(/is running; its agent gets this with its next turn/);
    expect(late.stdout).not.toContain('--resume');
    // Where it lies depends on whether the working copy is a mount.
    const written = ['tree/b.txt', 'layers/tree/upper/b.txt'].map((path) =>
      join(bench.home, 'jobs', jobId, path),
    );
    await vi.waitFor(() => expect(written.some((path) => existsSync(path))).toBe(true), 30_000);
    running.child.kill('SIGINT');
    await running.done;
    expect((await bench.run(['diff', jobId])).stdout).toMatch(/\+two/);
  });
});

describe('what a person is told to do next', () => {
  it('names the work of a job that waits for an answer', async () => {
    const agent = 'echo "export const c = 1;" > c.js; echo "Which one?" > "$AGENT_RUNNER_OUT/question.md"';
    const asked = await bench.run(['run', 'Choose', '--repo', repo], { AGENT_CMD: agent });
    const ref = /work saved as (refs\/agent-runner\/wip\/job-\w+)/.exec(asked.stdout)?.[1];
    expect(asked.code).toBe(6);
    expect(ref).toBeDefined();
    const jobId = ref?.split('/').at(-1) ?? '';
    expect((await bench.run(['recover', jobId], {}, repo)).code).toBe(0);
    expect(sh(repo, 'show', `recovered/${jobId}:c.js`)).toBe('export const c = 1;');
  });

  it('is to publish only where there is a remote to publish to', async () => {
    const none = await run('echo x > new.txt');
    expect(none.result).toMatchObject({ outcome: 'proposed', push_command: null });
    sh(repo, 'remote', 'add', 'upstream', bench.root);
    const one = await run('echo x > new.txt');
    expect(one.result.push_command).toBe(`git -C ${repo} push -u upstream ${one.result.branch ?? ''}`);
    sh(repo, 'remote', 'add', 'fork', bench.root);
    expect((await run('echo x > new.txt')).result.push_command).toBeNull();
    sh(repo, 'remote', 'add', 'origin', bench.root);
    expect((await run('echo x > new.txt')).result.push_command).toMatch(/ push -u origin bot\/job-/);
  });

  it('is to read the log of the check that broke, and no word of saved work where nothing is saved', async () => {
    const { result } = await run('echo "export const add = () => 0;" > src/add.js', ['--max-gate-runs', '1']);
    const log = result.gate.runs[0]?.checks[0]?.log ?? '';
    expect(result.error?.hint).toContain(log);
    expect(readFileSync(log, 'utf8')).toContain('adds');
    const failed = await run('exit 3');
    expect(failed.result).toMatchObject({ outcome: 'agent_failed', wip_ref: null });
    expect(failed.result.error?.hint).not.toMatch(/saved/);
    expect(failed.result.error?.hint).toContain('agent.log');
  });

  it('marks a draft without labels as a draft', async () => {
    const ran = await bench.run(['run', 'Add a file', '--repo', repo, '--draft'], {
      AGENT_CMD: 'echo x > new.txt',
    });
    expect(ran.stdout).toMatch(/branch +bot\/job-\w+ \(draft\)$/m);
    expect(ran.stdout).toMatch(/cost +unknown$/m);
  });
});

describe('a bare remote', () => {
  it.each(['path', 'file URL'])(
    'named by its %s gets the branch; the base branch is untouched, nothing is merged',
    async (kind) => {
      const bare = join(bench.root, 'remote.git');
      sh(bench.root, 'clone', '--quiet', '--bare', repo, bare);
      const base = sh(bare, 'rev-parse', 'main');
      const url = kind === 'path' ? bare : `file://${bare}`;
      const ran = await bench.run(['run', 'Add a file', '--repo', url, '--json'], {
        AGENT_CMD: 'echo x > new.txt',
      });
      const result = JSON.parse(ran.stdout) as JobResult;
      expect(result).toMatchObject({ outcome: 'proposed', push_command: null });
      expect(sh(bare, 'rev-parse', result.branch ?? '')).toBe(result.head_sha);
      expect(sh(bare, 'rev-parse', 'main')).toBe(base);
      expect(sh(bare, 'rev-parse', `${result.branch}~`)).toBe(base);
      expect(sh(bare, 'for-each-ref', '--format=%(refname)').split('\n').sort()).toEqual(
        [`refs/heads/${result.branch}`, 'refs/heads/main'].sort(),
      );
    },
  );
});

describe('bad input', () => {
  it.each([
    [['run', 'x', '--repo', '/nonexistent/repo'], 64, /repo: \/nonexistent\/repo does not exist/],
    [['run', 'x', '--repo', 'owner/name'], 64, /does not exist\n.*owner\/name needs a forge/],
    [['run', 'x', '--repo', '-oProxyCommand=touch pwned'], 64, /repo: .* is no repository/],
    [['run', 'x', '--repo', 'ext::sh -c "touch pwned"'], 64, /repo: .* not allowed/],
    [['run', '', '--repo', '.'], 64, /task: it is empty/],
    [['run', '--repo', '.'], 64, /task: none is given/],
    [['run', 'x', '--base', '--upload-pack=x'], 64, /base: .* is no branch/],
    [['run', 'x', '--max-gate-runs', 'many'], 78, /max_gate_runs: "many".* not allowed/],
    [['run', 'x', '--sandbox', 'bublewrap'], 78, /sandbox: "bublewrap".*allowed: auto, bubblewrap, host/],
    [['list', '--home', '/sys/agent-runner'], 77, /home: .* can't be made.*\n.*AGENT_RUNNER_HOME/],
    [['rnu'], 64, /Did you mean run/],
    [['run', 'x', '--nope'], 64, /unknown option '--nope'/],
    [['status', 'job-000000000000'], 64, /there is no "job-000000000000"/],
    [['run', '--resume', 'job-000000000000'], 64, /there is no job-000000000000/],
  ] as const)('%j exits %i and says why', async (args, code, message) => {
    const ran = await bench.run(args, { AGENT_CMD: 'true' }, repo);
    expect(ran.stderr).toMatch(message);
    expect(ran.code).toBe(code);
    expect(existsSync(join(repo, 'pwned'))).toBe(false);
  });

  it('no agent is bad configuration, never a simulated one', async () => {
    const ran = await bench.run(['run', 'x', '--repo', repo]);
    expect(ran.code).toBe(78);
    expect(ran.stderr).toMatch(/AGENT_CMD/);
  });

  it('an agent command that does not exist is bad configuration, before there is a job', async () => {
    const ran = await bench.run(['run', 'x', '--repo', repo], { AGENT_CMD: 'no-such-agent --go' });
    expect(ran.code).toBe(78);
    expect(ran.stderr).toMatch(/no-such-agent/);
    expect(JSON.parse((await bench.run(['list', '--json'])).stdout)).toEqual({ jobs: [] });
  });

  it('an agent command is found from where the person stands; one that can’t run says how to mend it', async () => {
    bench.script('agent.sh', '#!/bin/sh\necho x > new.txt\n');
    const args = ['run', 'Add a file', '--repo', repo, '--json'];
    const ran = await bench.run(args, { AGENT_CMD: './agent.sh' });
    expect(JSON.parse(ran.stdout)).toMatchObject({ outcome: 'proposed' });
    chmodSync(join(bench.root, 'agent.sh'), 0o644);
    const refused = await bench.run(args, { AGENT_CMD: './agent.sh' });
    expect([refused.code, refused.stderr]).toEqual([
      78,
      expect.stringMatching(/agent\.sh is not executable\n +chmod \+x /),
    ]);
    const called = await bench.run(['status', 'job-000000000000'], {
      npm_package_name: 'agent-runner',
      npm_lifecycle_event: 'agent-runner',
    });
    expect(called.stderr).toContain('`npm run -s agent-runner -- list`');
  });

  it('not a repository, an empty one, a missing base', async () => {
    const plain = join(bench.root, 'plain');
    mkdirSync(plain);
    expect((await bench.run(['run', 'x', '--repo', plain], { AGENT_CMD: 'true' })).stderr).toMatch(
      /is not a git repository/,
    );
    sh(plain, 'init', '--quiet');
    const empty = await bench.run(['run', 'x', '--repo', plain], { AGENT_CMD: 'true' });
    expect([empty.code, empty.stderr]).toEqual([64, expect.stringMatching(/has no commits/)]);
    const judged = await bench.run(['gate', '--repo', plain]);
    expect([judged.code, judged.stderr]).toEqual([64, expect.stringMatching(/has no commits/)]);
    const base = await bench.run(['run', 'x', '--repo', repo, '--base', 'nowhere'], { AGENT_CMD: 'true' });
    expect([base.code, base.stderr]).toEqual([64, expect.stringMatching(/"nowhere" is no branch or tag/)]);
  });

  it('the start of a commit id is a base where the repository is at hand', async () => {
    const short = sh(repo, 'rev-parse', '--short=8', 'main');
    const { result } = await run('echo x > new.txt', ['--base', short]);
    expect(result).toMatchObject({ outcome: 'proposed', base_sha: sh(repo, 'rev-parse', 'main') });
    expect(result.notices.join()).not.toMatch(/not a branch/);
    const none = await bench.run(['run', 'x', '--repo', repo, '--base', '0123456789'], { AGENT_CMD: 'true' });
    expect([none.code, none.stderr]).toEqual([64, expect.stringMatching(/"0123456789" is no revision/)]);
  });

  it('base’s setup that fails is told before the agent begins, with its log', async () => {
    const ran = await bench.run(
      ['run', 'Mend it', '--repo', repo, '--setup', 'echo no such package; exit 7'],
      {
        AGENT_CMD: 'echo x > new.txt',
      },
    );
    const told = /note: base's dependencies could not be prepared: .*the whole log is (\S+?)\. /.exec(
      ran.stderr,
    );
    expect(readFileSync(told?.[1] ?? '', 'utf8')).toContain('no such package');
    expect(told?.index).toBeLessThan(ran.stderr.indexOf('agent: command'));
    expect([ran.code, ran.stdout]).toEqual([1, expect.stringMatching(/outcome +setup_failed/)]);
  });

  it('a detached head works and says so', async () => {
    sh(repo, 'switch', '--quiet', '--detach');
    const { result } = await run('echo x > new.txt');
    expect(result.outcome).toBe('proposed');
    expect(result.notices.join()).toMatch(/not a branch/);
  });

  it('a task of 1 MB reaches the agent; one of more is refused', async () => {
    const file = join(bench.root, 'task.md');
    writeFileSync(file, `Do it\n${'x'.repeat(1024 * 1024 - 6)}`);
    const args = ['run', '--task-file', file, '--repo', repo, '--json'];
    const ran = await bench.run(args, { AGENT_CMD: 'wc -c > size.txt' });
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result.outcome).toBe('proposed');
    expect(Number(sh(repo, 'show', `${result.branch}:size.txt`))).toBeGreaterThan(1024 * 1024);
    writeFileSync(file, 'x'.repeat(1024 * 1024 + 1));
    expect((await bench.run(args, { AGENT_CMD: 'true' })).code).toBe(64);
  });

  it('an agent that prints 1 GB ends, with its log bounded', async () => {
    const { result } = await run('head -c 1000000000 /dev/zero | tr "\\0" "x"; echo x > new.txt');
    expect(result.outcome).toBe('proposed');
  });

  it('a check that never ends is inconclusive, and nothing of it is left', async () => {
    write(repo, {
      '.agent-runner.yml':
        'gate:\n  checks:\n    - name: forever\n      command: sleep 987654\n      timeout_s: 1\n',
    });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '--message', 'rules');
    const { result } = await run('echo x > new.txt');
    expect(result).toMatchObject({
      outcome: 'proposed',
      draft: true,
      labels: ['unverified'],
      gate: { verdict: 'inconclusive' },
    });
    expect(processesWith('987654')).toEqual([]);
  });

  it('a missing tool is inconclusive and named', async () => {
    const { result } = await run('echo x > new.txt', ['--check', 'lint=no-such-linter .']);
    expect(result.gate.verdict).toBe('inconclusive');
    expect(result.gate.runs[0]?.checks[0]?.reason).toMatch(/no-such-linter/);
  });
});
