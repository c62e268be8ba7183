import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { AgentReply, AgentTurn } from '../../../src/agent/agent.ts';
import { Cancelled } from '../../../src/job/error.ts';
import { leftWith, uniqueSleep } from '../../contract/sandbox.ts';
import { openBench, whySkip, type Bench } from '../bench.ts';
import { fakeAgent } from './fake.ts';

const FILES = { 'a.txt': 'one\n' };

async function bench(behaviour: string, words: readonly string[] = []): Promise<Bench> {
  return openBench('host', fakeAgent(behaviour, words), FILES);
}

async function run(behaviour: string, turn: Partial<AgentTurn> = {}): Promise<AgentReply> {
  return (await bench(behaviour)).run(turn);
}

/** Waits until the agent has a session. */
async function begun(at: Bench): Promise<void> {
  for (let tries = 0; tries < 500 && at.sessions.length === 0; tries++) await sleep(20);
}

/** The message of a turn that must fail as `agent_failed`. */
async function failure(behaviour: string, turn: Partial<AgentTurn> = {}): Promise<string> {
  const reply = await run(behaviour, turn);
  expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
  return reply.ok ? '' : reply.error.message;
}

describe('what an agent says while it works', () => {
  it('becomes events: thoughts, words, plan, tool calls with their diffs', async () => {
    const at = await bench('good');
    const reply = await at.runOk();
    expect(reply).toMatchObject({ summary: 'Changed a.txt.', sessionId: 'session-1', question: null });
    const told = at.events.filter(({ data }) => data['role'] !== 'runner');
    expect(told.map(({ type }) => type)).toEqual([
      'message',
      'message',
      'plan',
      'tool_call',
      'tool_call',
      'message',
    ]);
    expect(told[0]?.data).toEqual({ role: 'thought', text: 'Let me see.' });
    expect(told[1]?.data).toEqual({ role: 'agent', text: 'I will edit a.txt.' });
    expect(told[2]?.data).toEqual({
      entries: [{ content: 'edit', status: 'in_progress', priority: 'high' }],
    });
    expect(told[4]?.data).toMatchObject({
      id: 'e1',
      title: 'Edit a.txt',
      kind: 'edit',
      status: 'completed',
      diffs: [{ old_text: 'one\n', new_text: 'two\n' }],
    });
  });

  it('is whole in the log, also what is no event', async () => {
    const at = await bench('noisy');
    await at.runOk();
    expect(await readFile(at.logPath, 'utf8')).toContain('Welcome to fake agent 1.0');
  });

  it('is believed in its session id at once, and in its question at the end', async () => {
    const at = await bench('question');
    expect(await at.runOk()).toMatchObject({ question: 'Which one?' });
    expect(at.sessions).toEqual(['session-1']);
    expect((await bench('mute')).sessions).toEqual([]);
    const cutOff = await bench('mute');
    expect(await cutOff.run({ timeoutMs: 2_000 })).toMatchObject({ ok: false, error: { code: 'timed_out' } });
    expect(cutOff.sessions).toEqual(['session-1']);
  });

  it('counts what it has spent where it tells: cached tokens too, and money of its session', async () => {
    const at = await bench('usage');
    const usage = { tokens_in: 130, tokens_out: 20, turns: 1 };
    expect((await at.runOk()).usage).toEqual({ ...usage, cost_usd: 0.25 });
  });
});

describe('sessions', () => {
  it('go on where they were, in another process', async () => {
    const at = await bench('remembers');
    expect((await at.runOk()).summary).toBe('I know 0 prompts.');
    const again = await at.runOk({ sessionId: 'session-1' });
    expect(again).toMatchObject({ summary: 'I know 1 prompts.', sessionId: 'session-1' });
  });

  it('that are loaded tell their past only once', async () => {
    const at = await bench('replays');
    expect((await at.runOk({ sessionId: 'session-1' })).summary).toBe('Nothing to do.');
    expect(JSON.stringify(at.events)).not.toContain('thing of the past');
    expect(at.events.filter(({ type }) => type === 'tool_call')).toEqual([]);
  });

  it('say how full they are, and are shortened before the prompt where that is asked', async () => {
    const at = await bench('full');
    const first = await at.runOk();
    expect(first).toMatchObject({
      summary: 'asked: prompt',
      context: { used: 90, size: 100, compact: 'compact' },
    });
    const again = await at.runOk({ sessionId: 'session-1', compact: 'compact' });
    expect(again).toMatchObject({
      summary: 'asked: prompt compact prompt',
      usage: { tokens_in: 200, tokens_out: 2 },
    });
    const notes = at.events.filter(({ data }) => 'compacted' in data);
    expect(notes.map(({ data }) => data)).toEqual([
      { role: 'runner', compacted: 'by the agent', used: 10, size: 100 },
    ]);
    expect(JSON.stringify(at.events)).not.toContain('It is short now');
  });

  it('that are begun anew are not shortened', async () => {
    const at = await bench('full');
    expect((await at.runOk({ compact: 'compact' })).summary).toBe('asked: prompt');
    const plain = await bench('full-for-good');
    expect((await plain.runOk()).context).toEqual({ used: 90, size: 100 });
  });

  it('that are gone are begun anew, and that is said', async () => {
    const at = await bench('resume-refused');
    expect(await at.runOk({ sessionId: 'old' })).toMatchObject({ sessionId: 'session-1' });
    expect(JSON.stringify(at.events)).toContain('no such session');
    const plain = await bench('idle');
    expect(await plain.runOk({ sessionId: 'old' })).toMatchObject({ sessionId: 'session-1' });
  });
});

describe('permission', () => {
  it('is given once, never for ever, and only for what a phase may do', async () => {
    const yes = '{"outcome":"selected","optionId":"yes"}';
    expect(await run('asks')).toMatchObject({ ok: true, summary: yes });
    const no = '{"outcome":"selected","optionId":"no"}';
    expect(await run('asks', { phase: 'plan' })).toMatchObject({ ok: true, summary: no });
  });

  it('is not asked for in the mode that the agent is put into', async () => {
    const at = await bench('idle');
    await at.runOk();
    expect(await readFile(join(dirname(at.workspace), 'home/mode'), 'utf8')).toBe('work');
  });

  it('asked for ever ends the turn', async () => {
    expect(await failure('asks-ever')).toContain('8 times for the same');
    expect(await failure('asks-anew')).toContain('asked for permission 1001 times');
    expect(await failure('asks-at-once')).toContain('more than 100 open requests');
  });

  it('is not had for files and terminals of ours', async () => {
    const reply = await run('files');
    expect(reply).toMatchObject({
      ok: true,
      summary: JSON.stringify([['error'], ['error'], ['error'], ['error'], ['error']]),
    });
  });
});

describe('logging in', () => {
  it('is done by the way that is known', async () => {
    expect(await run('login')).toMatchObject({ ok: true, summary: 'Nothing to do.' });
  });
  it('that fails is said in the agent’s words, with what it offers', async () => {
    const message = await failure('login-never');
    expect(message).toContain('not logged in (it offers key)');
    expect(message).toContain('the key is wrong');
  });
});

describe('an agent that ends', () => {
  it.each([
    ['max-tokens', 'cut off at its longest'],
    ['max-requests', 'its own bound of model calls'],
    ['refusal', 'the model refused: I will not.'],
    ['own-cancel', 'cancelled its turn by itself'],
    ['prompt-refused', 'refused session/prompt: no model for you'],
    ['no-session', 'refused session/new: no project here'],
    ['version-9', 'speaks version 9 of the protocol'],
    ['crash', 'exited with 9: Error: no model for you'],
    ['quits', 'ended before it answered'],
    ['not-acp', 'without a word of its protocol: usage: fake-agent'],
    ['no-result', 'neither a result nor an error'],
  ])('%s is agent_failed, in plain words', async (behaviour, words) => {
    expect(await failure(behaviour)).toContain(words);
  });

  it('well with an error of its model has failed with that error', async () => {
    expect(await failure('refused')).toContain('API Error: 401');
    expect(await failure('limited')).toContain('Rate limit exceeded (429)');
  });

  it('well and only speaks of such errors has not failed', async () => {
    expect(await run('mentions-limit')).toMatchObject({ ok: true });
  });

  it('well without a change or a word is what the tree says it is', async () => {
    const at = await bench('idle');
    await at.runOk();
    expect(await at.read('a.txt')).toBe('one\n');
  });
});

describe('a hostile agent', () => {
  it('that never answers is timed out by its silence', async () => {
    const reply = await run('silent', { idleTimeoutMs: 700 });
    expect(reply).toMatchObject({ ok: false, error: { code: 'timed_out' } });
    if (!reply.ok) expect(reply.error.message).toContain('printed nothing for 0.7 s');
  });

  it('that says garbage is told from one that says hello first', async () => {
    expect(await failure('garbage')).toContain('what is no message of the protocol: [info] thing 0');
    expect(await run('noisy')).toMatchObject({ ok: true });
  });

  it('that says strange things in the protocol’s words can go on', async () => {
    const at = await bench('strange');
    expect(await at.runOk()).toMatchObject({ summary: 'Still here.' });
    expect(await at.read('a.txt')).toBe('two\n');
  });

  it('that floods is stopped, and neither memory nor log grow with it', async () => {
    const before = process.memoryUsage().rss;
    expect(await failure('flood')).toContain('a line longer than');
    const at = await bench('flood-updates');
    const reply = await at.run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toContain('characters in one turn');
    expect(JSON.stringify(at.events).length).toBeLessThan(8 * 1024 * 1024);
    expect((await readFile(at.logPath)).length).toBeLessThan(65 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(600 * 1024 * 1024);
  });

  it('that makes the same call again and again is stopped at the fourth', async () => {
    const at = await bench('loop');
    const reply = await at.run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toContain('the same tool call 4 times in a row: ls');
  });

  it('that never comes to an end is stopped by its number of calls', async () => {
    expect(await failure('busy')).toContain('more than 1000 tool calls');
  });

  it('that listens when it is cancelled is told so first', async () => {
    const at = await bench('polite');
    const controller = new AbortController();
    const running = at.run({}, controller.signal);
    const ended = expect(running).rejects.toThrow(Cancelled);
    await begun(at);
    await sleep(200);
    controller.abort();
    await ended;
    expect(await at.read('cancelled.txt')).toBe('told to stop');
  });

  it('that ignores being cancelled is killed', async () => {
    const at = await bench('deaf');
    const controller = new AbortController();
    const running = at.run({}, controller.signal);
    const ended = expect(running).rejects.toThrow(Cancelled);
    await begun(at);
    controller.abort();
    await ended;
    expect(await at.leftovers()).toEqual([]);
  });
});

describe('a hostile agent in bubblewrap', async () => {
  const reason = await whySkip('bubblewrap');
  it.skipIf(reason !== null)('leaves no process behind', async () => {
    const { seconds } = uniqueSleep();
    const at = await openBench('bubblewrap', fakeAgent('forks', [seconds]), FILES);
    expect(await at.run()).toMatchObject({ ok: true });
    expect(await leftWith(seconds)).toEqual([]);
  });
  it.skipIf(reason !== null)('writes nowhere but in its workspace', async () => {
    const at = await openBench('bubblewrap', fakeAgent('writes-outside'), FILES);
    expect(await at.run()).toMatchObject({ ok: true, summary: 'held' });
    expect(existsSync('/usr/agent-runner-was-here')).toBe(false);
  });
});
