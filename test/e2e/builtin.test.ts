/** The agent that runs in our own process, in whole jobs on a scripted model: honest work, and a hostile model. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { startScript, type Reply, type Script } from '../agent/builtin/script.ts';
import { json, startProvider } from '../gateway/scripted.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, processesWith, type Bench } from './cli.ts';

const REAL_KEY = 'sk-scripted-0123456789abcdef';
/** Dollars for a million tokens. */
const PRICE = { input: 2, output: 10 };

let bench: Bench;
let repo: string;
let script: Script | null = null;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep wrong a.txt"\n',
    'a.txt': 'one\n',
  });
});
afterEach(async () => {
  await script?.stop();
  script = null;
  bench.remove();
});

function settings(more: Readonly<Record<string, unknown>> = {}): void {
  const folder = join(bench.root, 'config/agent-runner');
  mkdirSync(folder, { recursive: true });
  const all = { prices: { 'custom/m1': PRICE }, ...more };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(all));
}

function env(model: Script): Record<string, string> {
  return { LLM_BASE_URL: `${model.url}/v1`, LLM_API_KEY: REAL_KEY, LLM_MODEL: 'm1' };
}

async function play(replies: Parameters<typeof startScript>[0]): Promise<Script> {
  script = await startScript(replies);
  return script;
}

async function run(model: Script, ...more: readonly string[]): Promise<JobResult> {
  const flags = ['--repo', repo, '--phases', 'off', '--json'];
  const agent = more.includes('--agent') ? [] : ['--agent', 'builtin'];
  const ran = await bench.run(['run', 'Set a.txt right', ...flags, ...agent, ...more], env(model));
  try {
    return JSON.parse(ran.stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${ran.stdout}\n${ran.stderr}`);
  }
}

async function events(jobId: string): Promise<readonly JobEvent[]> {
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JobEvent);
}

/** Every token and every cent that the script has served, and none besides. */
function expectCounted(result: JobResult, { spent }: Script): void {
  expect([result.total_tokens_in, result.total_tokens_out]).toEqual([spent.input, spent.output]);
  const cost = (spent.input * PRICE.input + spent.output * PRICE.output) / 1e6;
  expect(result.total_cost).toBeCloseTo(cost, 9);
}

/** What the last request's newest tool results say. */
function answers(model: Script): readonly string[] {
  return (model.seen.at(-1)?.messages ?? []).flatMap(({ role, content }) =>
    role === 'tool' ? [JSON.stringify(content)] : [],
  );
}

const WRONG: readonly Reply[] = [
  { says: 'I look first.', calls: [['read', { path: 'a.txt' }]] },
  {
    calls: [
      ['edit', { path: 'a.txt', old: 'one', new: 'wrong' }],
      ['write', { path: 'deep/b.txt', content: 'more\n' }],
    ],
  },
  { says: 'All done.' },
];
const RIGHT: readonly Reply[] = [
  { calls: [['shell', { command: 'sed -i s/wrong/right/ a.txt && cat a.txt' }]] },
  { says: 'Mended a.txt.' },
];

const SANDBOXES = [...(HAS_BUBBLEWRAP ? ['bubblewrap'] : []), 'host'];

describe.each(SANDBOXES)('on %s', (sandbox) => {
  it('edits files, is red, mends it in its conversation, is proposed, and every token is counted', async () => {
    settings();
    const model = await play([...WRONG, ...RIGHT]);
    const result = await run(model, '--sandbox', sandbox);
    expect(result).toMatchObject({
      outcome: 'proposed',
      iterations: 2,
      gate: { runs: [{ verdict: 'red' }, { verdict: 'green' }] },
      summary: 'Mended a.txt.',
    });
    expect(model.strange()).toBe(0);
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
    expect(sh(repo, 'show', `${result.branch}:deep/b.txt`)).toBe('more');
    expectCounted(result, model);
    const told = await events(result.job_id);
    const calls = told.filter(({ type, data }) => type === 'tool_call' && data['status'] === 'completed');
    expect(calls.map(({ data }) => [data['title'], data['kind']])).toEqual([
      ['read a.txt', 'read'],
      ['edit a.txt', 'edit'],
      ['write deep/b.txt', 'edit'],
      ['sed -i s/wrong/right/ a.txt && cat a.txt', 'execute'],
    ]);
    expect(calls[1]?.data['diffs']).toEqual([{ path: 'a.txt', old_text: 'one', new_text: 'wrong' }]);
    expect(told.filter(({ data }) => 'call_id' in data)).toHaveLength(model.spent.calls);
    expect(JSON.stringify(told)).not.toContain(REAL_KEY);
    // The second prompt goes on with the first one's conversation.
    expect(model.seen[3]?.messages.filter(({ role }) => role === 'user')).toHaveLength(2);
    expect(processesWith(bench.root)).toEqual([]);
  });

  it('keeps a hostile model out of what is not the workspace', async () => {
    settings();
    symlinkSync('/etc', join(repo, 'out'));
    sh(repo, 'add', '-A');
    sh(repo, '-c', 'user.name=x', '-c', 'user.email=x@x', 'commit', '-qm', 'A link');
    const model = await play([
      {
        calls: [
          ['read', { path: '../../../etc/passwd' }],
          ['read', { path: '/etc/passwd' }],
          ['read', { path: 'out/passwd' }],
          ['write', { path: 'out/new', content: 'x' }],
          ['edit', { path: '../../escape', old: 'a', new: 'b' }],
          ['grep', { pattern: 'root', path: 'out/' }],
          ['list', { path: '..' }],
          ['steal', { what: 'all' }],
          ['read', '{"path":'],
          ['read', { path: 7 }],
        ],
      },
      { says: 'I could not.' },
    ]);
    const result = await run(model, '--sandbox', sandbox);
    expect(result.outcome).toBe('no_change');
    const said = answers(model);
    expect(said).toHaveLength(10);
    expect(said.join('\n')).not.toContain('root:');
    for (const at of [0, 1, 4, 6]) expect(said[at]).toContain('outside the workspace');
    for (const at of [2, 3, 5]) expect(said[at]).toContain('leads out of the workspace');
    expect(said[7]).toContain('steal');
  });
});

describe('a proxy of the environment', () => {
  it('is asked for the provider, and never sees what passes between the agent and the gateway', async () => {
    settings();
    const seen: string[] = [];
    const proxy = await startProvider((request, response) => {
      seen.push(`${request.path} ${JSON.stringify(request.headers)}`);
      json(response, { error: { message: 'the proxy was asked' } }, 400);
    });
    const flags = ['--repo', repo, '--phases', 'off', '--json', '--agent', 'builtin', '--sandbox', 'host'];
    const ran = await bench.run(['run', 'Set a.txt right', ...flags], {
      LLM_BASE_URL: 'http://model.example/v1',
      LLM_API_KEY: REAL_KEY,
      LLM_MODEL: 'm1',
      HTTP_PROXY: proxy.url,
      NODE_USE_ENV_PROXY: '1',
      NO_PROXY: '',
      no_proxy: '',
    });
    await proxy.close();
    expect(ran.stdout).toContain('400: the proxy was asked');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toContain('http://model.example/v1/chat/completions');
    expect(seen[0]).not.toContain('job-token-');
  });
});

describe.skipIf(!HAS_BUBBLEWRAP)('its sandbox', () => {
  it('holds neither key nor token, and its commands reach no model', async () => {
    settings();
    const dump = `env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' | sort -u | head -c 20000`;
    const reach = `for port in 14141 $(seq 1 5); do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && echo open $port; done; echo looked; (exec 3<>/dev/tcp/1.1.1.1/80) 2>/dev/null || echo closed`;
    const model = await play([
      { calls: [['shell', { command: dump }]] },
      {
        calls: [
          ['shell', { command: `${reach}; ls -R "$HOME"; cat -- "$HOME"/* "$HOME"/.[!.]* 2>/dev/null` }],
        ],
      },
      { says: 'Done.' },
    ]);
    const result = await run(model);
    expect(result.outcome).toBe('no_change');
    const said = answers(model).join('\n');
    expect(said).toContain('AGENT_RUNNER_OUT');
    expect(said).toContain('looked');
    expect(said).toContain('closed');
    expect(said).not.toContain('open ');
    for (const secret of [REAL_KEY, 'job-token-', 'LLM_', 'OPENAI_'])
      expect(said.includes(secret), secret).toBe(false);
  });
});

describe.each([
  ['anthropic', 'claude-sonnet-5', 'ANTHROPIC_API_KEY'],
  ['google', 'gemini-3.8-flash', 'GEMINI_API_KEY'],
])('with a model of %s', (provider, name, variable) => {
  it('every token is counted, too', async () => {
    const model = await play([
      { calls: [['write', { path: 'a.txt', content: 'right\n' }]] },
      { says: 'Done.' },
    ]);
    settings({
      prices: { [`${provider}/${name}`]: PRICE },
      providers: { [provider]: { base_url: model.url } },
    });
    const flags = ['--repo', repo, '--phases', 'off', '--json', '--sandbox', 'host', '--agent', 'builtin'];
    const ran = await bench.run(['run', 'Set a.txt right', ...flags], { [variable]: REAL_KEY });
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result, ran.stderr).toMatchObject({ outcome: 'proposed', summary: 'Done.' });
    expectCounted(result, model);
    expect(model.seen.map((one) => one.model)).toEqual([name, name]);
  });
});

describe.skipIf(!HAS_BUBBLEWRAP)('a model that does what it should not', () => {
  it('is stopped when it makes the same call again and again', async () => {
    settings();
    const model = await play(() => ({ calls: [['read', { path: 'a.txt' }]] }));
    const result = await run(model);
    expect(result).toMatchObject({
      outcome: 'agent_failed',
      error: { message: expect.stringContaining('same tool call (read) 4 times') },
    });
    expectCounted(result, model);
  });

  it('ends as budget_exceeded, with its work saved, within one call of the cap', async () => {
    settings();
    const model = await play((count) => ({
      calls: [['write', { path: 'a.txt', content: `half ${count}\n` }]],
    }));
    const result = await run(model, '--max-cost-usd', '0.01');
    expect(result).toMatchObject({ outcome: 'budget_exceeded', error: { code: 'budget_exceeded' } });
    expectCounted(result, model);
    expect(result.total_cost).toBeLessThan(0.013);
    expect((await bench.run(['diff', result.job_id])).stdout).toContain('+half');
  });

  it('gets the head and the tail of what a command prints for ever, and goes on', async () => {
    settings();
    const model = await play([
      { calls: [['shell', { command: 'echo first; yes', timeout_s: 60 }]] },
      { calls: [['shell', { command: 'sleep 50 & sleep 50', timeout_s: 1 }]] },
      { says: 'Enough.' },
    ]);
    const result = await run(model);
    expect(result.outcome).toBe('no_change');
    const [flood = '', late = ''] = answers(model);
    expect(flood).toContain('it printed more than');
    expect(flood).toContain('first');
    expect(flood).toContain('bytes dropped');
    expect(flood.length).toBeLessThan(70_000);
    expect(late).toContain('stopped after 1 s');
  });

  it('fails with the words of its provider', async () => {
    settings();
    const model = await play([{ error: { status: 401, message: 'Incorrect API key' } }]);
    expect(await run(model)).toMatchObject({
      outcome: 'agent_failed',
      error: { message: expect.stringContaining('401: Incorrect API key') },
    });
  });

  it('can change nothing where it may only look, and its plan is followed', async () => {
    settings();
    const plan = { reasoning: 'One line.', subtasks: [{ name: 'Set it', task: 'Write', files: ['a.txt'] }] };
    const model = await play((count, { tools }) => {
      const names = (tools ?? []).map((tool) => tool.function.name);
      return [
        {
          calls: [
            ['write', { path: 'x.txt', content: 'x' }],
            ['shell', { command: 'echo x > y.txt; ls' }],
          ],
        } satisfies Reply,
        { says: `I have ${names.join(' ')}.` },
        { says: JSON.stringify(plan) },
        { calls: [['write', { path: 'a.txt', content: 'right\n' }]] } satisfies Reply,
        { says: 'Done.' },
      ][count];
    });
    const result = await run(model, '--phases', 'on');
    expect(result).toMatchObject({ outcome: 'proposed' });
    expect(sh(repo, 'show', '--stat', '--format=', result.branch ?? '')).not.toMatch(/[xy]\.txt/);
    const told = JSON.stringify(await events(result.job_id));
    expect(told).toContain('I have read list grep shell.');
    expect(told).toMatch(/Read-only file system/i);
    expectCounted(result, model);
  });

  it('goes on with its own conversation when the runner is killed in the middle of a build', async () => {
    settings();
    const model = await play([
      { calls: [['write', { path: 'a.txt', content: 'half\n' }]] },
      { calls: [['shell', { command: `timeout 120 tail -f /dev/null; echo ${bench.root}` }]] },
      { calls: [['write', { path: 'a.txt', content: 'right\n' }]] },
      { says: 'Mended a.txt.' },
    ]);
    const flags = ['--repo', repo, '--phases', 'off', '--json', '--agent', 'builtin'];
    const running = bench.start(['run', 'Set a.txt right', ...flags], env(model));
    await expect.poll(() => model.seen.length, { timeout: 30_000 }).toBe(2);
    await expect.poll(() => processesWith(`echo ${bench.root}`).length, { timeout: 30_000 }).not.toBe(0);
    running.child.kill('SIGKILL');
    await running.done;
    const [id = ''] = readdirSync(join(bench.home, 'jobs'));
    const resumed = await bench.run(['run', '--resume', id, '--json'], env(model));
    const result = JSON.parse(resumed.stdout) as JobResult;
    expect(result).toMatchObject({ outcome: 'proposed', summary: 'Mended a.txt.' });
    const again = JSON.stringify(model.seen[2]?.messages);
    expect(again).toContain('half');
    expect(again).toContain('Set a.txt right');
    expectCounted(result, model);
  });
});

describe('the next job of a session', () => {
  it('goes on in the conversation of the one before', async () => {
    settings();
    const model = await play([
      { says: 'MARK-1', calls: [['write', { path: 'b.txt', content: 'b\n' }]] },
      { says: 'Made b.' },
      { calls: [['write', { path: 'c.txt', content: 'c\n' }]] },
      { says: 'Made c.' },
    ]);
    const flags = ['--sandbox', 'host', '--session', 'sess-1'];
    expect(await run(model, ...flags)).toMatchObject({ outcome: 'proposed', summary: 'Made b.' });
    const second = await run(model, ...flags);
    expect(second).toMatchObject({ outcome: 'proposed', summary: 'Made c.' });
    expect(JSON.stringify(model.seen[2]?.messages)).toContain('MARK-1');
    expect(sh(repo, 'ls-tree', '--name-only', 'bot/sess-1').split('\n')).toContain('b.txt');
  });
});

describe('a declared agent', () => {
  const reviewer = {
    kind: 'builtin',
    instructions: 'You are a reviewer with the mark 4711.',
    tools: ['read', 'grep'],
    output: {
      type: 'object',
      properties: { verdict: { type: 'string', enum: ['good', 'bad'] } },
      required: ['verdict'],
      additionalProperties: false,
    },
  };

  it('has its own instructions and tools, and answers in its form', async () => {
    settings({ agents: { reviewer } });
    const model = await play([
      { says: 'It is good.' },
      { calls: [['answer', { verdict: 'great' }]] },
      { calls: [['answer', { verdict: 'good' }]] },
    ]);
    const result = await run(model, '--agent', 'reviewer', '--mode', 'ask', '--sandbox', 'host');
    expect(result).toMatchObject({ outcome: 'answered', summary: '{"verdict":"good"}' });
    const [first] = model.seen;
    expect(JSON.stringify(first?.messages[0])).toContain('mark 4711');
    expect(first?.tools?.map((tool) => tool.function.name)).toEqual(['read', 'grep', 'answer']);
    expect(answers(model).join('\n')).toContain('not the declared form');
    const { stdout } = await bench.run(['agents', '--json'], env(model));
    expect(JSON.parse(stdout)).toMatchObject({
      agents: expect.arrayContaining([
        expect.objectContaining({
          name: 'reviewer',
          ready: true,
          detail: 'in this process, tools: read, grep',
        }),
      ]),
    });
    const doctor = await bench.run(['doctor', '--json'], env(model));
    expect(doctor.stdout).toContain('"agent reviewer"');
    const completed = await bench.run(['complete', '--', 'run', '--agent', 'rev'], env(model));
    expect(completed.stdout).toContain('reviewer');
  });

  it('lies in a file of the home folder, has a model of its own, and an error names the field', async () => {
    settings({ prices: { 'other/m2': PRICE } });
    const folder = join(bench.home, 'agents');
    mkdirSync(folder, { recursive: true });
    const model = await play([{ says: 'Nothing to do.' }]);
    writeFileSync(join(folder, 'small.yml'), 'kind: builtin\nmodel: custom/m2\n');
    const result = await run(model, '--agent', 'small', '--sandbox', 'host', '--allow-unpriced');
    expect(result).toMatchObject({ outcome: 'no_change', total_cost: null });
    expect(model.seen[0]?.model).toBe('m2');
    expect(readFileSync(join(folder, 'small.yml'), 'utf8')).toContain('m2');
    for (const [text, said] of [
      [
        'kind: builtin\ntools: [fly]\n',
        /agents\.small\.tools: \["fly"\] from .*small\.yml .*allowed: a list of read/,
      ],
      ['kind: builtin\nskills: [x]\n', /agents\.small\.skills .* does not exist yet/],
      ['kind: acp\n', /agents\.small\.kind: "acp" is not allowed .*builtin/],
    ] as const) {
      writeFileSync(join(folder, 'small.yml'), text);
      const refused = await bench.run(['run', 'x', '--repo', repo, '--agent', 'small'], env(model));
      expect(refused.code).toBe(78);
      expect(refused.stderr).toMatch(said);
    }
  });

  it('is never taken from the repository', async () => {
    settings();
    const project = join(repo, '.agent-runner');
    mkdirSync(project);
    writeFileSync(join(project, 'config.yml'), 'agents: {evil: {kind: builtin}}\n');
    const model = await play([]);
    const refused = await bench.run(['run', 'x', '--repo', '.', '--agent', 'evil'], env(model), repo);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain('a repository may not set it');
  });

  it('needs a model before the job starts', async () => {
    const refused = await bench.run(['run', 'x', '--repo', repo, '--agent', 'builtin']);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain('no way to a model');
  });
});
