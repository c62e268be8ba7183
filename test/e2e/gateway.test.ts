/** The model gateway in a whole job: the agent has a token and one address, we have the key, the count and the cap. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { json, REAL_KEY, startProvider, stream, type Provided } from '../gateway/scripted.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench, type Ran } from './cli.ts';

let bench: Bench;
let repo: string;
let provider: Provided;
beforeEach(async () => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep -q wrong a.txt"\n',
    'a.txt': 'one\n',
  });
  provider = await startProvider((seen, response) => {
    const usage = {
      prompt_tokens: 1000,
      completion_tokens: 100,
      prompt_tokens_details: { cached_tokens: 400 },
    };
    if (seen.body['stream'] !== true)
      return json(response, { choices: [{ message: { content: 'two' } }], usage });
    const chunk = { choices: [{ delta: { content: 'two' } }], usage: null };
    const parts = [chunk, { choices: [], usage }].map((one) => `data: ${JSON.stringify(one)}\n\n`);
    return stream(response, [...parts, 'data: [DONE]\n\n']);
  });
  settings('prices: {custom/m1: {input: 2, output: 10, cache_read: 0.5}}');
});
afterEach(async () => {
  await provider.close();
  bench.remove();
});

// 600 · 2 + 400 · 0.5 + 100 · 10, a million each.
const COST = 2400 / 1e6;

function settings(text: string): void {
  const folder = join(bench.root, 'config', 'agent-runner');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yml'), `${text}\n`);
}

/** An agent in Node that asks the model by the variables that it is given. */
function agent(body: string): string {
  return bench.script(
    'agent.mjs',
    `#!/usr/bin/env node
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
let asked = 0;
const ask = async (more = {}) => {
  const response = await fetch(process.env.OPENAI_BASE_URL + '/chat/completions', {
    method: 'POST',
    headers: { authorization: 'Bearer ' + process.env.OPENAI_API_KEY, 'content-type': 'application/json' },
    body: JSON.stringify({ model: process.env.OPENAI_MODEL, messages: [{ role: 'user', content: 'n ' + asked++ }], ...more }),
  });
  return { status: response.status, text: await response.text() };
};
${body}
`,
  );
}

async function run(
  command: string,
  more: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<JobResult> {
  const ran: Ran = await bench.run(['run', 'Add two', '--repo', repo, '--json', '--phases', 'off', ...more], {
    AGENT_CMD: command,
    LLM_BASE_URL: provider.url,
    LLM_API_KEY: REAL_KEY,
    LLM_MODEL: 'm1',
    ...env,
  });
  try {
    return JSON.parse(ran.stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${ran.stdout}\n${ran.stderr}`);
  }
}

async function events(jobId: string): Promise<JobEvent[]> {
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JobEvent);
}

describe.skipIf(!HAS_BUBBLEWRAP)('a job whose agent asks a model', () => {
  it('reports exactly what the provider counted, one event a call', async () => {
    const result = await run(
      agent(`await ask(); const { text } = await ask({ stream: true });
if (text.includes('usage') || !text.includes('[DONE]')) process.exit(9);
appendFileSync('a.txt', 'two\\n');`),
    );
    expect(result).toMatchObject({
      outcome: 'proposed',
      total_cost: 2 * COST,
      total_tokens_in: 2000,
      total_tokens_out: 200,
    });
    const calls = (await events(result.job_id)).filter(({ data }) => data['call_id'] !== undefined);
    expect(calls.map(({ type, phase, data }) => [type, phase, data['cost_usd'], data['model']])).toEqual([
      ['usage', 'build', COST, 'm1'],
      ['usage', 'build', COST, 'm1'],
    ]);
    expect(provider.seen.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${REAL_KEY}`,
      `Bearer ${REAL_KEY}`,
    ]);
  });

  it('shows it no key: not in its environment, its files or its processes, nor keeps one', async () => {
    const result = await run(
      agent(`
const read = (path) => { try { return readFileSync(path, 'utf8'); } catch { return ''; } };
const walk = (folder, depth = 0) => { try { return depth > 6 ? [] : readdirSync(folder, { withFileTypes: true }).flatMap((e) => e.isDirectory() ? walk(folder + '/' + e.name, depth + 1) : e.isFile() ? [folder + '/' + e.name] : []); } catch { return []; } };
const proc = readdirSync('/proc').filter((name) => /^\\d+$/.test(name)).flatMap((pid) => ['environ', 'cmdline', 'maps'].map((f) => '/proc/' + pid + '/' + f));
const files = [...proc, ...['/workspace', process.env.HOME, '/tmp', '/run', '/etc', '/.agent-runner'].flatMap((f) => walk(f)).filter((f) => f !== '/.agent-runner/node')];
const dump = JSON.stringify(process.env) + files.map((f) => f + '\\n' + read(f)).join('\\n');
await ask({ messages: [{ role: 'user', content: dump }] });
appendFileSync('a.txt', 'two\\n');`),
    );
    expect(result.outcome).toBe('proposed');
    const dump = provider.seen[0]?.text ?? '';
    expect(dump).toContain('OPENAI_API_KEY');
    expect(dump).toContain('/proc/1/environ');
    expect(dump).toContain('job-token-');
    expect(dump).not.toContain(REAL_KEY);
    expect(dump).not.toContain(Buffer.from(REAL_KEY).toString('base64').slice(0, 20));
    const found = execFileSync('sh', ['-c', 'grep -rlF "$1" "$2" || true', 'sh', REAL_KEY, bench.home], {
      encoding: 'utf8',
    });
    expect(found).toBe('');
  });

  it('lets it reach the gateway and nothing else', async () => {
    const result = await run(
      agent(`
const tries = ['${provider.url}', 'http://1.1.1.1', 'http://localhost:9'].map((url) => fetch(url, { signal: AbortSignal.timeout(3000) }).then(() => 'reached', () => 'closed'));
appendFileSync('a.txt', (await Promise.all(tries)).join(' ') + ' ' + (await ask()).status + '\\n');`),
    );
    expect(result.outcome).toBe('proposed');
    expect(sh(repo, 'show', `${result.branch}:a.txt`)).toContain('closed closed closed 200');
    expect(provider.seen).toHaveLength(1);
  });

  it('ends as budget_exceeded, saved and reported, within one call of the cap', async () => {
    const result = await run(
      agent(`appendFileSync('a.txt', 'half\\n');
for (let n = 0; n < 50; n++) { const { status } = await ask(); if (status !== 200) { console.log('gave up on ' + status); break; } }`),
      ['--max-cost-usd', '0.01'],
    );
    expect(result).toMatchObject({
      outcome: 'budget_exceeded',
      error: { code: 'budget_exceeded', message: expect.stringContaining('max_cost_usd of the job') },
    });
    const spent = provider.seen.length * COST;
    expect(spent).toBeGreaterThanOrEqual(0.01);
    expect(spent - COST).toBeLessThan(0.01);
    expect(result.total_cost).toBeCloseTo(spent, 12);
    expect(result.wip_ref).toContain(result.job_id);
    expect((await bench.run(['diff', result.job_id])).stdout).toContain('+half');
  });

  it('is ended when it goes on asking although everything is refused', async () => {
    const result = await run(
      agent(`appendFileSync('a.txt', 'half\\n');
for (;;) { await ask(); await new Promise((resolve) => setTimeout(resolve, 50)); }`),
      ['--max-cost-usd', String(COST)],
    );
    expect(result).toMatchObject({ outcome: 'budget_exceeded', total_cost: COST });
    expect(result.wip_ref).toContain(result.job_id);
    expect(provider.seen).toHaveLength(1);
  });

  it('fails when its last call failed, whatever it says of itself', async () => {
    provider.script = (_seen, response) => json(response, { error: { message: 'Incorrect API key' } }, 401);
    const result = await run(
      agent(`await ask(); appendFileSync('a.txt', 'two\\n'); console.log('all done');`),
    );
    expect(result).toMatchObject({
      outcome: 'agent_failed',
      total_cost: 0,
      error: { message: expect.stringContaining('401: Incorrect API key') },
    });
  });

  it('stops it when it only repeats itself', async () => {
    const result = await run(
      agent(`
const call = { id: 'x', type: 'function', function: { name: 'bash', arguments: '{}' } };
const messages = [{ role: 'user', content: 'go' }];
for (let n = 0; n < 100; n++) {
  const { status } = await ask({ messages });
  if (status !== 200) process.exit(0);
  messages.push({ role: 'assistant', tool_calls: [call] }, { role: 'tool', tool_call_id: 'x', content: String(n) });
}`),
    );
    expect(result).toMatchObject({
      outcome: 'agent_failed',
      error: { message: expect.stringContaining('same tool call (bash) 4 times') },
    });
    expect(provider.seen).toHaveLength(4);
  });

  it('is told beforehand what it will probably cost, once there were three like it', async () => {
    const command = agent(`await ask(); appendFileSync('a.txt', 'two\\n');`);
    const known: unknown[] = [];
    for (let count = 0; count < 4; count++) known.push((await run(command)).estimate);
    expect(known).toMatchObject([
      { known: false, jobs: 0 },
      { known: false, jobs: 1 },
      { known: false, jobs: 2 },
      { known: true, jobs: 3, median_usd: COST, low_usd: COST, high_usd: COST },
    ]);
    const env = { AGENT_CMD: command, LLM_BASE_URL: provider.url, LLM_API_KEY: REAL_KEY, LLM_MODEL: 'm2' };
    const { stderr } = await bench.run(['run', 'Add', '--repo', repo, '--allow-unpriced'], env);
    expect(stderr).toContain('  no estimate of the cost: nobody knows the price of custom/m2\n');
  });

  it('counts what a killed run had spent, and a budget of the day over jobs', async () => {
    const command = agent(`await ask(); appendFileSync('a.txt', 'two\\n');`);
    settings(
      `prices: {custom/m1: {input: 2, output: 10, cache_read: 0.5}}\nbudgets: {day: {max_cost_usd: ${COST * 1.5}}}`,
    );
    expect((await run(command)).outcome).toBe('proposed');
    expect((await run(command)).outcome).toBe('proposed');
    const third = await run(command);
    expect(third).toMatchObject({
      outcome: 'budget_exceeded',
      error: { message: expect.stringContaining('of the day') },
    });
    expect(provider.seen).toHaveLength(2);

    settings('prices: {custom/m1: {input: 2, output: 10, cache_read: 0.5}}');
    const killed = agent(`await ask(); if (provider()) { await new Promise((r) => setTimeout(r, 60000)); }
appendFileSync('a.txt', 'two\\n');
function provider() { try { return readFileSync(process.env.HOME + '/again', 'utf8') === ''; } catch { appendFileSync(process.env.HOME + '/again', 'x'); return true; } }`);
    const env = { AGENT_CMD: killed, LLM_BASE_URL: provider.url, LLM_API_KEY: REAL_KEY, LLM_MODEL: 'm1' };
    const running = bench.start(['run', 'Add two', '--repo', repo, '--json', '--phases', 'off'], env);
    await expect.poll(() => provider.seen.length, { timeout: 30_000 }).toBe(3);
    let id = '';
    await expect
      .poll(
        async () => {
          const { stdout } = await bench.run(['list', '--json']);
          id = /job-[0-9a-f]{12}/.exec(stdout)?.[0] ?? '';
          return (await events(id)).filter(({ data }) => data['call_id'] !== undefined).length;
        },
        { timeout: 30_000 },
      )
      .toBe(1);
    running.child.kill('SIGKILL');
    await running.done;
    const resumed = await bench.run(['run', '--resume', id, '--json'], env);
    const result = JSON.parse(resumed.stdout) as JobResult;
    expect(result.outcome).toBe('proposed');
    expect(result.total_cost).toBeCloseTo(2 * COST, 12);
    expect(result.total_tokens_in).toBe(2000);
  });
});

describe('before a job starts', () => {
  const command = 'true';

  it('a cap on money needs a price', async () => {
    settings('prices: {}');
    const env = { AGENT_CMD: command, LLM_BASE_URL: provider.url, LLM_MODEL: 'm1' };
    const refused = await bench.run(['run', 'Add two', '--repo', repo], env);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain('nobody knows the price of custom/m1');
    expect(refused.stderr).toContain('--allow-unpriced');
    const allowed = await bench.run(
      ['run', 'Add two', '--repo', repo, '--json', '--allow-unpriced', '--sandbox', 'host'],
      env,
    );
    expect((JSON.parse(allowed.stdout) as JobResult).outcome).toBe('no_change');
  });

  it('an agent without a model of its own is not troubled by a model without a price', async () => {
    settings('prices: {}');
    const ran = await bench.run(
      ['run', 'Add two', '--repo', repo, '--json', '--agent', 'simulated:noop', '--sandbox', 'host'],
      { LLM_BASE_URL: provider.url, LLM_MODEL: 'm1' },
    );
    expect((JSON.parse(ran.stdout) as JobResult).outcome).toBe('no_change');
  });
});

describe('on host', () => {
  it('the gateway is at a port of its own, and counts as well', async () => {
    const result = await run(agent(`await ask(); appendFileSync('a.txt', 'two\\n');`), ['--sandbox', 'host']);
    expect(result).toMatchObject({ outcome: 'proposed', total_cost: COST, total_tokens_in: 1000 });
  });
});
