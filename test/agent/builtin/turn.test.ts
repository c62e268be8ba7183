/** Turns of the built-in agent on a scripted model: dialects, sessions, a full window, and everything that ends one. */
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from '../../../src/agent/agent.ts';
import { Cancelled } from '../../../src/job/error.ts';
import { MODEL_DIALECTS } from '../../../src/job/model/call.ts';
import { startProvider } from '../../gateway/scripted.ts';
import { openBench, type Bench } from '../bench.ts';
import { startScript, withModel, type Answering, type Reply, type Script } from './script.ts';

let script: Script | null = null;
let sessionsPath: string;
beforeEach(async () => {
  sessionsPath = await mkdtemp(join(tmpdir(), 'agent-runner-sessions-'));
});
afterEach(async () => {
  await script?.stop();
  script = null;
  await rm(sessionsPath, { recursive: true, force: true });
});

async function play(replies: readonly Reply[] | Answering): Promise<Script> {
  script = await startScript(replies);
  return script;
}

async function bench(agent: Agent): Promise<Bench> {
  return openBench('host', agent, { 'a.txt': 'one\n' }, { sessionsPath });
}

/** What the runner is told beside what the agent says. */
function notes({ events }: Bench): string {
  return JSON.stringify(events.filter(({ data }) => data['role'] === 'runner').map(({ data }) => data));
}

/** Everything that a request told the model, as one text. */
function told(model: Script, at: number): string {
  return JSON.stringify(model.seen.at(at)?.messages);
}

const READ: Reply = { says: 'I look.', calls: [['read', { path: 'a.txt' }]] };

describe.each(MODEL_DIALECTS.filter((one) => one !== 'openai-responses'))('in %s', (dialect) => {
  it('it speaks, calls tools, reads their answers, and goes on in a second turn', async () => {
    const write = { calls: [['write', { path: 'b.txt', content: 'b' }]] } satisfies Reply;
    const model = await play([READ, write, { says: 'Done.' }, { says: 'Nothing more.' }]);
    const place = await bench(withModel(model, { instructions: 'Mark 4711.' }, dialect));
    const reply = await place.runOk();
    expect(reply.summary).toBe('Done.');
    expect(await place.read('b.txt')).toBe('b');
    expect(told(model, 0)).toContain('Mark 4711.');
    expect(told(model, 2)).toMatch(/1\\+tone/);
    const said = place.events.flatMap(({ data }) => (data['role'] === 'agent' ? [data['text']] : []));
    expect(said).toEqual(['I look.', 'Done.']);
    const second = await place.runOk({ prompt: 'And now?', sessionId: reply.sessionId });
    expect(second).toMatchObject({ summary: 'Nothing more.', sessionId: reply.sessionId });
    expect(told(model, 3)).toContain('And now?');
    expect(told(model, 3)).toMatch(/1\\+tone/);
    expect(model.strange()).toBe(0);
  });
});

describe('what the model is given', () => {
  it('is the token of the job, whatever keys our own environment holds', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-of-the-user');
    vi.stubEnv('ANTHROPIC_API_KEY', 'sk-of-the-user');
    const model = await play([{ says: 'Done.' }]);
    await (await bench(withModel(model, {}, 'anthropic'))).runOk();
    vi.unstubAllEnvs();
    expect(JSON.stringify(model.requests())).not.toContain('sk-of-the-user');
  });

  it('names the longest answer as its provider wants it', async () => {
    const model = await play(() => ({ says: 'Done.' }));
    for (const provider of ['openai', 'other']) {
      const agent = withModel(model, { maxOutputTokens: 500 }, 'openai-chat', provider);
      await (await bench(agent)).runOk();
    }
    await (await bench(withModel(model, {}, 'openai-chat', 'openai'))).runOk();
    const [first, second, third] = model.requests().map((one) => JSON.stringify(one));
    expect(first).toContain('"max_completion_tokens":500');
    expect(first).not.toContain('"max_tokens"');
    expect(second).toContain('"max_tokens":500');
    expect(third).not.toMatch(/max_(?:completion_)?tokens/);
  });

  it('nothing of it is written to our terminal, warnings of the SDK included', async () => {
    const warned = vi.spyOn(console, 'warn');
    const emitted = vi.spyOn(process, 'emitWarning');
    const model = await play([{ error: { status: 400, message: 'bad' } }]);
    await (await bench(withModel(model, {}, 'anthropic'))).run();
    expect([...warned.mock.calls, ...emitted.mock.calls]).toEqual([]);
    warned.mockRestore();
    emitted.mockRestore();
  });
});

describe('tool calls that make no sense', () => {
  it('are answered with what is wrong, in their order, and the turn goes on', async () => {
    const model = await play([
      {
        calls: [
          ['steal', { what: 'all' }],
          ['read', '{"path":'],
          ['read', { path: 7 }],
          ['read', { path: 'a.txt' }],
        ],
      },
      { says: 'Done.' },
    ]);
    const place = await bench(withModel(model));
    await place.runOk();
    const answers = (model.seen[1]?.messages ?? []).filter(({ role }) => role === 'tool');
    expect(answers.map(({ content }) => JSON.stringify(content).slice(0, 2000))).toEqual([
      expect.stringContaining('steal'),
      expect.stringContaining('JSON'),
      expect.stringContaining('path'),
      expect.stringContaining('one'),
    ]);
    const ended = place.events.filter(({ data }) => data['status'] === 'failed');
    expect(ended).toHaveLength(3);
  });

  it('of a server that gives the same id with every answer are events of their own', async () => {
    const again = { says: 'Again.', callId: 'call_0' } satisfies Reply;
    const model = await play([
      { ...again, calls: [['read', { path: 'a.txt' }]] },
      { ...again, calls: [['list', {}]] },
      { says: 'Done.' },
    ]);
    const place = await bench(withModel(model));
    expect((await place.runOk()).summary).toBe('Done.');
    const titles = place.events.flatMap(({ type, data }) =>
      type === 'tool_call' && data['status'] === 'completed' ? [data['title']] : [],
    );
    expect(titles).toEqual(['read a.txt', 'list .']);
  });

  it('a tool that was not declared is not there, and the 65th call of one answer is not made', async () => {
    const calls = Array.from(
      { length: 66 },
      (_, at) => ['write', { path: `f${at}.txt`, content: 'x' }] as const,
    );
    const model = await play([
      { calls: [['shell', { command: 'echo x > shell.txt' }], ...calls] },
      { says: 'x' },
    ]);
    const place = await bench(withModel(model, { tools: ['write'] }));
    await place.runOk();
    const files = await place.list();
    expect(files).not.toContain('shell.txt');
    expect(files.filter((name) => name.startsWith('f'))).toHaveLength(63);
  });
});

describe('a session', () => {
  it('that can not be read, or is somebody else’s, is told and begun anew', async () => {
    const model = await play([{ says: 'One.' }, { says: 'Two.' }, { says: 'Three.' }]);
    const place = await bench(withModel(model));
    const { sessionId } = await place.runOk();
    const [file = ''] = await readdir(sessionsPath);
    expect((await stat(join(sessionsPath, file))).mode & 0o777).toBe(0o600);
    await writeFile(join(sessionsPath, file), '{"version":1,"messages":[{"role":"evil"}]}');
    const second = await place.runOk({ sessionId });
    expect(second.sessionId).not.toBe(sessionId);
    const third = await place.runOk({ sessionId: '../../etc/passwd' });
    expect(third.summary).toBe('Three.');
    expect(notes(place)).toContain('begins a new one: it can not be read');
    expect(notes(place)).toContain('begins a new one: it is of another agent');
  });

  it('whose prompt was never answered does not ask it twice', async () => {
    const model = await play([{ error: { status: 400, message: 'no' } }, { says: 'Done.' }]);
    const place = await bench(withModel(model));
    await place.run({ prompt: 'First words' });
    await place.runOk({ prompt: 'Second words', sessionId: place.sessions[0] ?? null });
    expect(told(model, -1)).not.toContain('First words');
    expect(told(model, -1)).toContain('Second words');
  });

  it('is one of the newest twenty that are kept', async () => {
    const model = await play(() => ({ says: 'Done.' }));
    const place = await bench(withModel(model));
    for (let at = 0; at < 23; at++) await place.runOk();
    const kept = await readdir(sessionsPath);
    expect(kept).toHaveLength(20);
    for (const id of place.sessions.slice(-18)) expect(kept).toContain(`${id}.json`);
  });

  it('holds every result of a call, so that it can be gone on with after a death at any time', async () => {
    const model = await play([READ, { says: 'Done.' }]);
    const place = await bench(withModel(model));
    await place.runOk();
    const [file = ''] = await readdir(sessionsPath);
    const { messages } = JSON.parse(await readFile(join(sessionsPath, file), 'utf8')) as {
      messages: { role: string }[];
    };
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'assistant']);
  });
});

describe('a full window', () => {
  const isSummary: Answering = (_count, { tools }) =>
    tools === undefined || tools.length === 0 ? { says: 'SUMMARY: a.txt was read.' } : undefined;

  it('at 85 % the older part becomes a summary, which an event records, and the work goes on', async () => {
    let calls = 0;
    const model = await play((count, request) => {
      const summary = isSummary(count, request);
      if (summary !== undefined) return summary;
      calls++;
      if (calls > 6) return { says: 'Done.', reads: 900 };
      // Nearly full with the fifth answer.
      return {
        calls: [['shell', { command: `echo call-${calls}; seq 1 60` }]],
        reads: calls === 5 ? 8600 : 900,
      };
    });
    const place = await bench(withModel(model, { modelWindow: 10_000 }));
    const reply = await place.runOk({ prompt: 'The task: PROMPT-MARK' });
    expect(reply.summary).toBe('Done.');
    expect(
      place.events.filter(({ data }) => 'compacted' in data).map(({ data }) => data['compacted']),
    ).toEqual([
      { tokens_before: expect.any(Number), tokens_after: expect.any(Number), messages: expect.any(Number) },
    ]);
    const last = told(model, -1);
    expect(last).toContain('SUMMARY: a.txt was read.');
    expect(last).toContain('PROMPT-MARK');
    expect(last).not.toContain('call-1');
    expect(last).toContain('call-6');
    // What the summary was made of had the whole older part.
    const asked = model.seen.findIndex(({ tools }) => tools === undefined || tools.length === 0);
    expect(told(model, asked)).toContain('call-1');
  });

  it('counts what commands have printed since the model counted', async () => {
    const model = await play((count, request) => {
      const summary = isSummary(count, request);
      if (summary !== undefined) return summary;
      // Far from full, until the third call's output comes on top.
      if (count < 3)
        return { calls: [['shell', { command: `echo call-${count}; seq 1 ${count < 2 ? 9 : 6000}` }]] };
      return { says: 'Done.' };
    });
    const place = await bench(withModel(model, { modelWindow: 5_000 }));
    await place.runOk();
    expect(place.events.filter(({ data }) => 'compacted' in data)).toHaveLength(1);
    expect(model.seen).toHaveLength(5);
  });

  it('that is smaller than was said is learned from the provider’s refusal', async () => {
    let refused = false;
    let calls = 0;
    const model = await play((count, request) => {
      const summary = isSummary(count, request);
      if (summary !== undefined) return summary;
      calls++;
      if (calls <= 4) return { calls: [['shell', { command: `echo call-${calls}; seq 1 500` }]] };
      if (refused) return { says: 'Done.' };
      refused = true;
      return {
        error: { status: 400, message: "This model's maximum context length is 4096 tokens" },
      };
    });
    const place = await bench(withModel(model));
    expect((await place.runOk()).summary).toBe('Done.');
    expect(told(model, -1)).toContain('SUMMARY');
    expect(place.events.filter(({ data }) => 'compacted' in data)).toHaveLength(1);
  });

  it('that can not be shortened ends the turn with the provider’s words, after a few tries', async () => {
    const model = await play((count) =>
      count < 3
        ? { calls: [['shell', { command: `echo ${count}; seq 1 500` }]] }
        : { error: { status: 400, message: 'prompt is too long: 9 tokens > 8 maximum' } },
    );
    const place = await bench(withModel(model));
    expect(await place.run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: expect.stringContaining('400: prompt is too long') },
    });
    expect(notes(place)).toContain('could not be shortened');
    expect(model.seen.length).toBeLessThan(7);
  });
});

describe('a turn ends', () => {
  it('as agent_failed when the model answers nothing at all, or is cut off', async () => {
    const model = await play([{ says: '' }]);
    expect(await (await bench(withModel(model))).run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: 'the model answered nothing' },
    });
    await model.stop();
    const cut = await play([{ says: 'Half an ans', finishReason: 'length' }]);
    expect(await (await bench(withModel(cut))).run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: expect.stringContaining('cut off') },
    });
  });

  it('as agent_failed when the model goes on for ever, in one answer or in many', async () => {
    const provider = await startProvider(async (_seen, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const choices = [{ index: 0, delta: { content: 'word '.repeat(20_000) } }];
      while (!response.destroyed) {
        response.write(`data: ${JSON.stringify({ choices })}\n\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    onTestFinished(() => provider.close());
    expect(await (await bench(withModel(provider))).run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: expect.stringContaining('longer than 8388608 characters') },
    });
    const model = await play((count) => ({ calls: [['nothing', { count }]] }));
    expect(await (await bench(withModel(model))).run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: expect.stringContaining('more than 500 times') },
    });
    expect(model.seen).toHaveLength(500);
  });

  it('well after a provider that fails once with a reason that passes', async () => {
    const model = await play([{ error: { status: 503, message: 'busy' } }, { says: 'Done.' }]);
    expect((await (await bench(withModel(model))).runOk()).summary).toBe('Done.');
    expect(model.seen).toHaveLength(2);
  });

  it('as Cancelled at once while the model is waited for, and nothing is told after that', async () => {
    const model = await play([{ says: 'Too late.', waitMs: 10_000 }]);
    const place = await bench(withModel(model));
    const person = new AbortController();
    const running = place.run({}, person.signal);
    const ended = expect(running).rejects.toThrow(Cancelled);
    await expect.poll(() => model.seen.length).toBe(1);
    person.abort();
    await ended;
    const count = place.events.length;
    await sleep(300);
    expect(place.events).toHaveLength(count);
  });

  it('as timed_out when the model says nothing for too long', async () => {
    const model = await play([{ says: 'Too late.', waitMs: 20_000 }]);
    const place = await bench(withModel(model));
    expect(await place.run({ idleTimeoutMs: 300 })).toMatchObject({
      ok: false,
      error: { code: 'timed_out', message: expect.stringContaining('for 0.3 s') },
    });
  });

  it('with a question where a command left one', async () => {
    const command = 'echo "Which one?" > "$AGENT_RUNNER_OUT/question.md"';
    const model = await play([{ calls: [['shell', { command }]] }, { says: 'I must ask.' }]);
    const place = await bench(withModel(model));
    expect(await place.runOk()).toMatchObject({ question: 'Which one?', summary: 'I must ask.' });
  });

  it('as agent_failed when the declared answer never comes', async () => {
    const output = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const model = await play(() => ({ says: 'It is 7.' }));
    expect(await (await bench(withModel(model, { output }))).run()).toMatchObject({
      ok: false,
      error: { code: 'agent_failed', message: expect.stringContaining('declared form') },
    });
    expect(model.seen).toHaveLength(3);
  });
});
