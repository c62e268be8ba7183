/**
 * A server that speaks OpenCode's HTTP as badly as it is told to: `node fake-server.ts <behaviour>`. What it tells
 * has the shapes that 1.18.33 was seen to send.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Not imported: an import loads all of undici.
const { createServer } = process.getBuiltinModule('node:http');

const behaviour = process.argv[2] ?? 'good';
const { HOME = '.', AGENT_RUNNER_OUT = '.', OPENCODE_SERVER_PASSWORD: password = '' } = process.env;
const SESSION = 'ses_1';
/** Another process is another one; ids of processes are the same in every sandbox. */
const SELF = randomUUID();
/** Where the fake keeps its sessions, so that a later process can go on. */
const STATE = `${HOME}/fake-server.json`;

interface State {
  readonly prompts: string[];
  cost: number;
  input: number;
  output: number;
}

const streams = new Set<ServerResponse>();
const state: State = existsSync(STATE)
  ? (JSON.parse(readFileSync(STATE, 'utf8')) as State)
  : { prompts: [], cost: 0, input: 0, output: 0 };
const aborted = Promise.withResolvers<void>();
let turns = 0;
const replies = new Map<string, (reply: string) => void>();

function tell(type: string, properties: object): void {
  const line = `data: ${JSON.stringify({ id: 'evt', type, properties: { sessionID: SESSION, ...properties } })}\n\n`;
  for (const stream of streams) stream.write(line);
}

function part(fields: object): void {
  const whole = { messageID: 'msg_a', sessionID: SESSION, ...fields };
  tell('message.part.updated', { sessionID: whole.sessionID, part: whole });
}

function say(id: string, text: string, type = 'text'): void {
  part({ id, type, text: '' });
  for (const piece of text.match(/.{1,8}/gs) ?? [])
    tell('message.part.delta', { messageID: 'msg_a', partID: id, field: 'text', delta: piece });
  part({ id, type, text });
}

function tool(id: string, name: string, input: object, output = 'done'): void {
  const base = { id, type: 'tool', tool: name, callID: 'c0' };
  part({ ...base, state: { status: 'pending', input: {} } });
  part({ ...base, state: { status: 'running', input } });
  part({ ...base, state: { status: 'completed', input, output, title: `${name} it` } });
}

/** Replaces the first `one` in a.txt by `two`, and says so as the real one does. */
function edit(): void {
  const text = existsSync('a.txt') ? readFileSync('a.txt', 'utf8') : '';
  writeFileSync('a.txt', text.replace('one', 'two'));
  tool('prt_e', 'edit', { filePath: 'a.txt', oldString: 'one', newString: 'two' });
}

function ask(permission: string, id: string): Promise<string> {
  tell('permission.asked', { id, permission, patterns: ['*'], metadata: {} });
  return new Promise((resolve) => replies.set(id, resolve));
}

function spend(): void {
  state.cost += 0.25;
  state.input += 100;
  state.output += 20;
}

interface Ending {
  readonly text: string;
  readonly info?: object;
}

/** Asks the model that the server is configured with; its status. */
async function askModel(): Promise<number> {
  const config = JSON.parse(process.env['OPENCODE_CONFIG_CONTENT'] ?? '{}') as {
    provider?: { runner?: { options?: { baseURL?: string; apiKey?: string } } };
  };
  const { baseURL = '', apiKey = '' } = config.provider?.runner?.options ?? {};
  const response = await fetch(`${baseURL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm1', messages: [{ role: 'user', content: `turn ${turns}` }] }),
  });
  await response.text();
  return response.status;
}

/** The turns of a whole job: the first that builds is wrong, the second right. Says on which server it ran. */
async function job(body: Record<string, unknown>): Promise<Ending> {
  const agent = String(body['agent']);
  turns++;
  say(`prt_${turns}`, `${agent} on ${SELF}, model ${await askModel()}\n`);
  if (agent === 'runner-plan') {
    const subtasks = [{ name: 'Set it', task: 'Write right into a.txt' }];
    return { text: '', info: { structured: { reasoning: 'r', subtasks } } };
  }
  if (agent !== 'runner-build') return { text: 'a.txt has one line.' };
  const text = readFileSync('a.txt', 'utf8').includes('wrong') ? 'right\n' : 'wrong\n';
  writeFileSync('a.txt', text);
  return { text: `Wrote ${text}` };
}

/** What the behaviours do with a prompt; others end well and say nothing of note. */
const acts: Readonly<Record<string, (body: Record<string, unknown>) => Promise<Ending>>> = {
  good: async () => {
    tell('message.updated', { info: { id: 'msg_u', role: 'user' } });
    part({ id: 'prt_u', messageID: 'msg_u', type: 'text', text: 'the prompt itself' });
    say('prt_r', 'Let me see.\n', 'reasoning');
    say('prt_1', 'I will edit a.txt.');
    tell('todo.updated', { todos: [{ content: 'edit', status: 'in_progress', priority: 'high' }] });
    edit();
    say('prt_2', 'Changed a.txt.');
    return { text: 'Changed a.txt.' };
  },
  slow: async () => {
    for (let count = 0; ; count++) {
      writeFileSync('partial.txt', String(count));
      say(`prt_${count}`, `working ${count}\n`);
      await sleep(200);
    }
  },
  silent: () => new Promise(() => {}),
  heartbeats: async () => {
    for (;;) {
      tell('server.heartbeat', {});
      await sleep(50);
    }
  },
  dies: async () => {
    edit();
    console.error('Segmentation fault, or so');
    process.exit(3);
  },
  asks: async () => ({ text: `${await ask('edit', 'per_1')} ${await ask('bash', 'per_2')}` }),
  'asks-ever': async () => {
    for (let count = 0; ; count++) await ask('edit', `per_${count}`);
  },
  repeats: async () => {
    for (let count = 0; ; count++) {
      tool(`prt_${count}`, 'bash', { command: 'true' });
      await sleep(1);
    }
  },
  'sub-agent': async () => {
    const info = { id: 'ses_2', parentID: SESSION };
    tell('session.created', { sessionID: 'ses_2', info });
    const asked = ask('bash', 'per_child');
    part({ sessionID: 'ses_2', id: 'prt_c', type: 'text', text: 'words of a child' });
    tell('message.part.updated', {
      sessionID: 'ses_2',
      part: {
        sessionID: 'ses_2',
        id: 'prt_t',
        type: 'tool',
        tool: 'read',
        state: { status: 'completed', input: { filePath: 'a.txt' }, output: 'one' },
      },
    });
    tell('message.part.updated', {
      sessionID: 'ses_9',
      part: { sessionID: 'ses_9', id: 'prt_9', type: 'tool', tool: 'bash', state: { status: 'running' } },
    });
    return { text: `The child was told ${await asked}.` };
  },
  retries: async () => {
    for (let attempt = 1; ; attempt++) {
      tell('session.status', { status: { type: 'retry', attempt, message: 'Rate limited', next: 0 } });
      await sleep(20);
    }
  },
  refused: async () => ({
    text: '',
    info: { error: { name: 'APIError', data: { message: 'Incorrect API key', statusCode: 401 } } },
  }),
  'says-error': async () => ({ text: 'API Error: 401 {"error":"no key"}' }),
  'cut-off': async () => ({ text: 'I was about', info: { finish: 'length' } }),
  plans: async (body) => ({
    text: 'not the plan',
    info: 'format' in body ? { structured: { reasoning: 'r', subtasks: [] } } : {},
  }),
  'plans-in-words': async () => ({
    text: '{"subtasks": "in words"}',
    info: { error: { name: 'StructuredOutputError', data: { message: 'no structured output' } } },
  }),
  'takes-no-form': async (body) =>
    'format' in body
      ? {
          text: '',
          info: { error: { name: 'APIError', data: { message: 'tool_choice?', statusCode: 400 } } },
        }
      : { text: 'asked without' },
  notes: async () => {
    writeFileSync(`${AGENT_RUNNER_OUT}/summary.md`, `Note ${++turns}.\n`);
    if (turns === 1) writeFileSync(`${AGENT_RUNNER_OUT}/question.md`, 'Which one?\n');
    return { text: 'said' };
  },
  'notes-link': async () => {
    const { symlinkSync } = await import('node:fs');
    symlinkSync('/etc/passwd', `${AGENT_RUNNER_OUT}/summary.md`);
    return { text: 'said' };
  },
  pid: async () => ({ text: `${process.pid} ${++turns} ${process.env['MODEL'] ?? ''}` }),
  remembers: async () => ({ text: `I know ${state.prompts.length - 1} prompts.` }),
  usage: async () => {
    spend();
    spend();
    return { text: 'spent' };
  },
  job,
  agent: async (body) => ({ text: JSON.stringify([body['agent'], body['model']]) }),
  'no-answer': async () => ({ text: '', info: {} }),
  'flood-line': async () => {
    for (const stream of streams) {
      stream.write('data: {"type":"');
      const piece = 'x'.repeat(1024 * 1024);
      for (;;) if (!stream.write(piece)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    return { text: '' };
  },
  'flood-events': async () => {
    const text = 'y'.repeat(1024 * 1024);
    for (;;) {
      tell('message.part.updated', {
        part: { sessionID: SESSION, messageID: 'msg_a', id: 'prt_f', type: 'text', text },
      });
      for (const stream of streams)
        if (stream.writableNeedDrain) await new Promise((resolve) => stream.once('drain', resolve));
    }
  },
  garbage: async () => {
    for (const stream of streams) for (let n = 0; n < 1100; n++) stream.write(`[info] thing ${n}\n`);
    await sleep(60_000);
    return { text: '' };
  },
  'ends-events': async () => {
    for (const stream of streams) stream.end();
    await sleep(60_000);
    return { text: '' };
  },
  stubborn: async () => {
    process.on('SIGTERM', () => {});
    say('prt_1', 'I will not end.\n');
    await sleep(60_000);
    return { text: '' };
  },
};

async function read(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function session(): object {
  const { cost, input, output } = state;
  return { id: SESSION, cost, tokens: { input, output, reasoning: 0, cache: { read: 0, write: 0 } } };
}

async function prompt(body: Record<string, unknown>): Promise<object> {
  state.prompts.push(JSON.stringify(body));
  writeFileSync(STATE, JSON.stringify(state));
  const act = acts[behaviour] ?? (async () => ({ text: 'Nothing to do.' }));
  const ending: Ending = await Promise.race([
    act(body),
    aborted.promise.then(() => ({
      text: '',
      info: { error: { name: 'MessageAbortedError', data: { message: 'Aborted' } } },
    })),
  ]);
  writeFileSync(STATE, JSON.stringify(state));
  tell('session.idle', {});
  return {
    info: { role: 'assistant', finish: 'stop', ...ending.info },
    parts: [{ type: 'text', text: ending.text }],
  };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const json = (status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const { method = '', url = '' } = request;
  const expected = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`;
  if (password === '' || request.headers.authorization !== expected) return json(401, { message: 'who?' });
  appendFileSync(`${HOME}/requests.log`, `${method} ${url}\n`);
  if (url === '/event') {
    if (behaviour === 'no-events') return json(404, { message: 'no such thing' });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"type":"server.connected","properties":{}}\n\n');
    streams.add(response);
    response.on('close', () => streams.delete(response));
    return;
  }
  const body = await read(request);
  if (method === 'POST' && url === '/session')
    return behaviour === 'no-session' ? json(500, { data: { message: 'no disk' } }) : json(200, session());
  if (method === 'GET' && url.startsWith('/session/'))
    return url === `/session/${SESSION}` ? json(200, session()) : json(404, { data: { message: 'unknown' } });
  if (url.endsWith('/abort')) {
    if (behaviour !== 'slow') aborted.resolve();
    return json(200, true);
  }
  if (url.startsWith('/permission/')) {
    replies.get(url.split('/')[2] ?? '')?.(String(body['reply']));
    return json(200, true);
  }
  if (behaviour === 'huge-answer') {
    response.writeHead(200, { 'content-type': 'application/json' });
    const piece = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 100; n++)
      if (!response.write(piece)) await new Promise((resolve) => response.once('drain', resolve));
    return void response.end();
  }
  if (behaviour === 'bad-answer') return void response.writeHead(200).end('<html>');
  if (behaviour === 'prompt-refused') return json(400, { data: { message: 'no such agent' } });
  return json(200, await prompt(body));
}

if (behaviour === 'crash') {
  console.error('Error: no model for you');
  process.exit(9);
}
mkdirSync(HOME, { recursive: true });
const server =
  behaviour === 'not-http'
    ? createTcpServer((socket) => socket.end('SSH-2.0-fake\r\n'))
    : createServer((request, response) => {
        serve(request, response).catch(() => response.destroy());
      });
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (behaviour === 'mute') setInterval(() => {}, 1000);
  else if (behaviour === 'bad-port') console.log('opencode server listening on http://127.0.0.1:1');
  else console.log(`opencode server listening on http://127.0.0.1:${port}`);
});
