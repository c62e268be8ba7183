import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AgentReply, AgentTurn } from '../../../src/agent/agent.ts';
import { Cancelled } from '../../../src/job/error.ts';
import { openBench, whySkip, type Bench } from '../bench.ts';
import { fakeOpencode } from './fake.ts';

const FILES = { 'a.txt': 'one\n' };

async function bench(behaviour: string, stays = false): Promise<Bench> {
  return openBench('host', fakeOpencode(behaviour), FILES, { stays });
}

async function run(behaviour: string, turn: Partial<AgentTurn> = {}): Promise<AgentReply> {
  return (await bench(behaviour)).run(turn);
}

/** The message of a turn that must fail as `agent_failed`. */
async function failure(behaviour: string, turn: Partial<AgentTurn> = {}): Promise<string> {
  const reply = await run(behaviour, turn);
  expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
  return reply.ok ? '' : reply.error.message;
}

/** Whether a process runs; what has ended and waits to be collected does not. */
async function isRunning(pid = ''): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return !/\) [ZX]/.test(stat);
}

/** What the server was asked. */
function requests(at: Bench): Promise<string> {
  return readFile(join(dirname(at.workspace), 'home/requests.log'), 'utf8');
}

describe('what a server tells', () => {
  it('becomes events: thoughts, words, plan, tool calls with their diffs, and each text once', async () => {
    const at = await bench('good');
    const reply = await at.runOk();
    expect(reply).toMatchObject({ summary: 'Changed a.txt.', sessionId: 'ses_1', question: null });
    expect(at.sessions).toEqual(['ses_1']);
    const told = at.events.filter(({ data }) => data['role'] !== 'runner');
    expect(told.map(({ type, data }) => [type, data['role'] ?? data['status'] ?? ''])).toEqual([
      ['message', 'thought'],
      ['message', 'agent'],
      ['plan', ''],
      ['tool_call', 'pending'],
      ['tool_call', 'in_progress'],
      ['tool_call', 'completed'],
      ['message', 'agent'],
    ]);
    expect(told[0]?.data).toEqual({ role: 'thought', text: 'Let me see.' });
    expect(told[1]?.data).toEqual({ role: 'agent', text: 'I will edit a.txt.' });
    expect(told[2]?.data).toEqual({
      entries: [{ content: 'edit', status: 'in_progress', priority: 'high' }],
    });
    expect(told[5]?.data).toMatchObject({
      title: 'edit: edit it',
      kind: 'edit',
      locations: ['a.txt'],
      diffs: [{ path: 'a.txt', old_text: 'one', new_text: 'two' }],
    });
    expect(JSON.stringify(at.events)).not.toContain('the prompt itself');
  });

  it('is whole in the log', async () => {
    const at = await bench('good');
    await at.runOk();
    const log = await readFile(at.logPath, 'utf8');
    expect(log).toContain('server listening on');
    expect(log).toContain('"type":"session.idle"');
  });

  it('of sub-agents is what they do, not what they say; of other sessions nothing', async () => {
    const at = await bench('sub-agent');
    expect((await at.runOk()).summary).toBe('The child was told once.');
    const calls = at.events.filter(({ type }) => type === 'tool_call');
    expect(calls.map(({ data }) => data['title'])).toEqual(['read: a.txt']);
    expect(JSON.stringify(at.events)).not.toContain('words of a child');
  });

  it('counts what the turn has spent in its session', async () => {
    const at = await bench('usage');
    const usage = { cost_usd: 0.5, tokens_in: 200, tokens_out: 40, turns: 1 };
    expect((await at.runOk()).usage).toEqual(usage);
    expect((await at.runOk({ sessionId: 'ses_1' })).usage).toEqual(usage);
  });
});

describe('the phases', () => {
  it('have agents of their own', async () => {
    expect(await run('agent')).toMatchObject({ summary: '["runner-build",null]' });
    expect(await run('agent', { phase: 'explore' })).toMatchObject({ summary: '["runner-explore",null]' });
    const asked = await run('agent', { phase: 'plan', model: 'anthropic/claude/x' });
    expect(asked).toMatchObject({
      summary: '["runner-plan",{"providerID":"anthropic","modelID":"claude/x"}]',
    });
  });

  it('ask for a plan in a form, and take it in words where there is none', async () => {
    const plan = { phase: 'plan' } as const;
    expect(await run('plans', plan)).toMatchObject({ summary: '{"reasoning":"r","subtasks":[]}' });
    expect(await run('plans')).toMatchObject({ summary: 'not the plan' });
    expect(await run('plans-in-words', plan)).toMatchObject({
      ok: true,
      summary: '{"subtasks": "in words"}',
    });
    expect(await run('takes-no-form', plan)).toMatchObject({ ok: true, summary: 'asked without' });
  });

  it('may what they may: edits are for those that build', async () => {
    expect(await run('asks')).toMatchObject({ summary: 'once once' });
    expect(await run('asks', { phase: 'plan' })).toMatchObject({ summary: 'reject once' });
  });
});

describe('sessions', () => {
  it('go on where they were, on another server', async () => {
    const at = await bench('remembers');
    expect((await at.runOk()).summary).toBe('I know 0 prompts.');
    expect((await at.runOk({ sessionId: 'ses_1' })).summary).toBe('I know 1 prompts.');
    expect((await requests(at)).match(/POST \/session\n/g)).toHaveLength(1);
  });

  it('that are gone are begun anew, and that is said', async () => {
    const at = await bench('idle');
    expect(await at.runOk({ sessionId: '../other' })).toMatchObject({ sessionId: 'ses_1' });
    expect(JSON.stringify(at.events)).toContain("can't go on with its session ../other");
    expect(await requests(at)).toContain('GET /session/..%2Fother');
  });

  it('are known before the turn ends', async () => {
    const at = await bench('silent');
    expect(await at.run({ idleTimeoutMs: 1_500 })).toMatchObject({ ok: false, error: { code: 'timed_out' } });
    expect(at.sessions).toEqual(['ses_1']);
  });
});

describe('a server that may stay', () => {
  it('is that of the next turn, in a new session or in the same', async () => {
    const at = await bench('pid', true);
    const first = (await at.runOk()).summary.split(' ');
    const second = (await at.runOk({ sessionId: 'ses_1' })).summary.split(' ');
    expect(second).toEqual([first[0], '2']);
    expect(at.commands()).toBe(1);
  });

  it('is ended where the next turn needs another', async () => {
    const at = await bench('pid', true);
    const [first] = (await at.runOk()).summary.split(' ');
    const second = (await at.runOk({ model: 'm2' })).summary.split(' ');
    expect(second.slice(1)).toEqual(['1', 'm2']);
    expect(await isRunning(first)).toBe(false);
  });

  it('is ended with its sandbox', async () => {
    const at = await bench('pid', true);
    const [pid] = (await at.runOk()).summary.split(' ');
    expect(await isRunning(pid)).toBe(true);
    await at.sandbox.close();
    expect(await isRunning(pid)).toBe(false);
  });

  it('gives the notes of each turn, and of no other', async () => {
    const at = await bench('notes', true);
    expect(await at.runOk()).toMatchObject({ summary: 'Note 1.', question: 'Which one?' });
    expect(await at.runOk()).toMatchObject({ summary: 'Note 2.', question: null });
  });

  it('does not stay after a turn that failed', async () => {
    const at = await bench('refused', true);
    expect((await at.run()).ok).toBe(false);
    expect(await at.leftovers()).toEqual([]);
  });
});

describe('notes', () => {
  it('are read at the end of a turn, and their folder is gone', async () => {
    const at = await bench('notes');
    expect(await at.runOk()).toMatchObject({ summary: 'Note 1.', question: 'Which one?' });
    const { stdout } = await at.sandbox.exec(['sh', '-c', 'ls -a "$HOME"'], {
      timeoutMs: 10_000,
      maxBytes: 4096,
    });
    expect(stdout).not.toContain('.agent-runner-');
  });

  it('that are links are none', async () => {
    expect(await run('notes-link')).toMatchObject({ ok: true, summary: 'said' });
  });
});

describe('a server that fails', () => {
  it.each([
    ['crash', 'exited with 9: Error: no model for you'],
    ['dies', 'exited with 3: Segmentation fault, or so'],
    ['no-session', 'opened no session: HTTP 500: no disk'],
    ['no-events', 'it has no events (HTTP 404'],
    ['prompt-refused', 'refused its prompt: HTTP 400: no such agent'],
    ['bad-answer', 'refused its prompt: HTTP 200'],
    ['bad-port', 'nothing answers at port 1'],
    ['not-http', 'Parse Error'],
    ['refused', 'reports an error (HTTP 401): Incorrect API key'],
    ['says-error', 'API Error: 401'],
    ['cut-off', 'cut off at its longest'],
    ['retries', 'did not answer after 6 tries: Rate limited'],
  ])('%s is agent_failed, in plain words', async (behaviour, words) => {
    expect(await failure(behaviour)).toContain(words);
  });

  it('to say anything is what the tree says it is', async () => {
    expect(await run('no-answer')).toMatchObject({ ok: true, summary: '' });
  });
});

describe('a hostile server', () => {
  it('that does not listen, or is silent, is timed out by its silence', async () => {
    for (const behaviour of ['mute', 'silent', 'heartbeats']) {
      const reply = await run(behaviour, { idleTimeoutMs: 1_200 });
      expect(reply).toMatchObject({ ok: false, error: { code: 'timed_out' } });
      if (!reply.ok) expect(reply.error.message).toContain('printed nothing for 1.2 s');
    }
  });

  it('that asks for ever, or repeats itself, is ended', async () => {
    expect(await failure('asks-ever')).toContain('asked for permission');
    expect(await failure('repeats')).toContain('the same tool call 4 times in a row: bash');
  });

  it('whose events are none, or end, is ended', async () => {
    expect(await failure('garbage')).toContain('its events are none: [info] thing');
    expect(await failure('ends-events')).toContain('its events ended');
  });

  it('that floods is stopped, and neither events nor log grow with it', async () => {
    expect(await failure('flood-line')).toContain('an event longer than');
    expect(await failure('huge-answer')).toContain('more than 67108864 bytes');
    const at = await bench('flood-events');
    const reply = await at.run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toContain('characters in one turn');
    expect(JSON.stringify(at.events).length).toBeLessThan(8 * 1024 * 1024);
    expect((await readFile(at.logPath)).length).toBeLessThan(66 * 1024 * 1024);
  });

  it('that does not end when it is told to is killed', async () => {
    const at = await bench('stubborn');
    const controller = new AbortController();
    const running = at.run({}, controller.signal);
    const ended = expect(running).rejects.toThrow(Cancelled);
    for (let tries = 0; tries < 500 && at.sessions.length === 0; tries++) await sleep(20);
    expect(await at.leftovers()).not.toEqual([]);
    controller.abort();
    await ended;
    expect(await at.leftovers()).toEqual([]);
  });
});

describe('on bubblewrap', async () => {
  const reason = await whySkip('bubblewrap');
  it.skipIf(reason !== null)('the server is reached where the network is closed', async () => {
    const at = await openBench('bubblewrap', fakeOpencode('pid'), FILES, { stays: true });
    const first = (await at.runOk()).summary.split(' ');
    expect((await at.runOk({ sessionId: 'ses_1' })).summary.split(' ')).toEqual([first[0], '2']);
    expect(at.commands()).toBe(1);
  });
});
