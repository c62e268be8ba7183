/**
 * A programme that speaks the Agent Client Protocol as badly as it is told to: `node fake-agent.ts <behaviour>`.
 * It uses no SDK, so that it can also say what no SDK would.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

interface Message {
  readonly id?: number | string;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
}

const behaviour = process.argv[2] ?? 'good';
const SESSION = 'session-1';
/** Where the fake keeps what it has been told, so that a later process can go on. */
const STATE = `${process.env['HOME'] ?? '.'}/fake-agent.json`;

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function update(update: object): void {
  send({ method: 'session/update', params: { sessionId: SESSION, update } });
}

function say(text: string): void {
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
}

const waiting = new Map<number, (result: Record<string, unknown>) => void>();
let lastId = 1000;

/** Asks the client, and waits for its answer. */
function request(method: string, params: object): Promise<Record<string, unknown>> {
  const id = lastId++;
  send({ id, method, params: { sessionId: SESSION, ...params } });
  return new Promise((resolve) => waiting.set(id, resolve));
}

function permission(title: string, kind = 'edit'): Promise<Record<string, unknown>> {
  return request('session/request_permission', {
    toolCall: { toolCallId: `call-${lastId}`, title, kind, rawInput: { title } },
    options: [
      { optionId: 'no', name: 'No', kind: 'reject_once' },
      { optionId: 'ever', name: 'For ever', kind: 'allow_always' },
      { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
    ],
  });
}

function call(id: string, fields: object): void {
  update({ sessionUpdate: 'tool_call_update', toolCallId: id, ...fields });
}

/** Replaces the first `one` in a.txt by `two`, and says so as agents do. */
function edit(): void {
  const text = existsSync('a.txt') ? readFileSync('a.txt', 'utf8') : '';
  update({
    sessionUpdate: 'tool_call',
    toolCallId: 'e1',
    title: 'Edit a.txt',
    kind: 'edit',
    status: 'pending',
  });
  writeFileSync('a.txt', text.replace('one', 'two'));
  const diff = {
    type: 'diff',
    path: `${process.cwd()}/a.txt`,
    oldText: text,
    newText: text.replace('one', 'two'),
  };
  call('e1', {
    status: 'completed',
    content: [diff],
    locations: [{ path: `${process.cwd()}/a.txt` }],
    rawInput: { path: 'a.txt' },
  });
}

/** Tool servers that the client named when the session was opened. */
let servers: readonly Record<string, unknown>[] = [];

/** Starts a tool server as agents do, and answers what it says of itself and to a call. */
function callServer(server: Record<string, unknown>): Promise<unknown[]> {
  const env = Object.fromEntries(
    (server['env'] as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
  );
  const child = spawn(String(server['command']), server['args'] as string[], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const methods = ['initialize', 'tools/list', 'tools/call'];
  methods.forEach((method, id) =>
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params: { name: 'greet' } })}\n`),
  );
  const answers: unknown[] = [];
  return new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (answers.push((JSON.parse(line) as { result: unknown }).result) < methods.length) return;
      child.kill();
      resolve(answers);
    });
    child.on('error', (error) => resolve([error.message]));
    child.on('close', () => resolve(answers));
    child.stdin.on('error', () => {});
  });
}

/** Fills its session with every prompt, and tells what it was asked in it; `/compact` empties it. */
function fill(text: string): object {
  const isCommand = text.includes('"/compact"');
  const asked = [...(existsSync(STATE) ? (JSON.parse(readFileSync(STATE, 'utf8')) as string[]) : [])];
  asked.push(isCommand ? 'compact' : 'prompt');
  writeFileSync(STATE, JSON.stringify(asked));
  appendFileSync('a.txt', `${asked.join(' ')}\n`);
  update({ sessionUpdate: 'usage_update', used: isCommand ? 10 : 90, size: 100 });
  say(isCommand ? 'It is short now.' : `asked: ${asked.join(' ')}`);
  return { ...END, usage: { inputTokens: 100, outputTokens: 1, totalTokens: 101 } };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const END = { stopReason: 'end_turn' };

/** What it does with a prompt, and what it answers. */
const PROMPTS: Record<string, (text: string) => Promise<object> | object> = {
  async good() {
    update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'Let me ' } });
    update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'see.\n' } });
    say('I will edit a.txt.');
    update({
      sessionUpdate: 'plan',
      entries: [{ content: 'edit', status: 'in_progress', priority: 'high' }],
    });
    edit();
    say('Changed ');
    say('a.txt.');
    return END;
  },
  idle: () => {
    say('Nothing to do.');
    return END;
  },
  async slow() {
    writeFileSync('partial.txt', 'x');
    for (let turn = 0; turn < 1000; turn++) {
      say(`working ${turn}\n`);
      await sleep(200);
    }
    return END;
  },
  async polite() {
    say('waiting\n');
    await cancelled;
    appendFileSync('cancelled.txt', 'told to stop');
    return { stopReason: 'cancelled' };
  },
  asks: async () => {
    const { outcome } = await permission('Edit a.txt');
    edit();
    say(JSON.stringify(outcome));
    return END;
  },
  async 'asks-ever'() {
    for (let turn = 0; turn < 100_000; turn++) await permission('Edit a.txt');
    return END;
  },
  async 'asks-anew'() {
    for (let turn = 0; turn < 100_000; turn++) await permission(`Edit file ${turn}`);
    return END;
  },
  'asks-at-once': async () => {
    // In one write: line by line, each may be answered before the next is there.
    process.stdout.cork();
    for (let turn = 0; turn < 2000; turn++) void permission(`Edit file ${turn}`);
    process.stdout.uncork();
    await sleep(30_000);
    return END;
  },
  async loop() {
    for (let turn = 0; turn < 1000; turn++) {
      call(`c${turn}`, { title: 'ls', kind: 'execute', status: 'completed', rawInput: { command: 'ls' } });
      await sleep(1);
    }
    say('All done.');
    return END;
  },
  async busy() {
    for (let turn = 0; turn < 100_000; turn++) {
      call(`c${turn}`, {
        title: 'ls',
        kind: 'execute',
        status: 'completed',
        rawInput: { command: `ls ${turn}` },
      });
      if (turn % 100 === 0) await sleep(1);
    }
    return END;
  },
  refused: () => {
    say('API Error: 401 {"error":{"message":"invalid x-api-key"}}');
    return END;
  },
  limited: () => {
    say('Rate limit exceeded (429): come again in 20 s');
    return END;
  },
  'mentions-limit': () => {
    edit();
    say('The client now waits after a 429 and gives up on a 401.');
    return END;
  },
  'max-tokens': () => ({ stopReason: 'max_tokens' }),
  'max-requests': () => ({ stopReason: 'max_turn_requests' }),
  refusal: () => {
    say('I will not.');
    return { stopReason: 'refusal' };
  },
  'own-cancel': () => ({ stopReason: 'cancelled' }),
  usage: () => {
    update({ sessionUpdate: 'usage_update', used: 10, size: 100, cost: { amount: 0.25, currency: 'USD' } });
    say('Counted.');
    return { ...END, usage: { inputTokens: 100, outputTokens: 20, totalTokens: 150, cachedReadTokens: 30 } };
  },
  servers: async () => {
    const stdio = servers.filter(({ type }) => type === undefined);
    say(JSON.stringify({ servers, answers: await Promise.all(stdio.map(callServer)) }));
    return END;
  },
  crash: () => {
    writeFileSync('partial.txt', 'x');
    process.stderr.write('Error: no model for you\n');
    process.exit(9);
  },
  quits: () => process.exit(0),
  mute: () => new Promise(() => {}),
  flood: () => {
    const block = 'x'.repeat(1024 * 1024);
    const more = (): void => {
      while (process.stdout.write(block));
    };
    process.stdout.on('drain', more);
    more();
    return new Promise(() => {});
  },
  'flood-updates': () => {
    const line = `${JSON.stringify({ jsonrpc: '2.0', method: 'session/update', params: { sessionId: SESSION, update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: 'y'.repeat(256 * 1024) } } } })}\n`;
    const more = (): void => {
      while (process.stdout.write(line));
    };
    process.stdout.on('drain', more);
    more();
    return new Promise(() => {});
  },
  garbage: () => {
    for (let turn = 0; turn < 5000; turn++) process.stdout.write(`[info] thing ${turn}\n{"jsonrpc":"2.0"\n`);
    return new Promise(() => {});
  },
  strange: () => {
    // Everything that a hostile programme might say in the protocol's own words; then it works.
    for (const odd of [null, 7, [], 'x', {}, { jsonrpc: '2.0' }, { jsonrpc: '2.0', id: 77, result: {} }]) {
      process.stdout.write(`${JSON.stringify(odd)}\n`);
    }
    send({ method: 'session/update' });
    send({ method: 'session/update', params: { update: 7 } });
    send({ method: '__proto__', params: { constructor: 1 } });
    for (const kind of [
      'tool_call',
      'tool_call_update',
      'plan',
      'agent_message_chunk',
      'usage_update',
      'new_thing',
    ]) {
      update({ sessionUpdate: kind });
      update({
        sessionUpdate: kind,
        toolCallId: 't',
        content: 7,
        entries: 7,
        locations: {},
        cost: -1,
        status: {},
      });
    }
    edit();
    say('Still here.');
    return END;
  },
  async files() {
    const asked = ['fs/read_text_file', 'fs/write_text_file', 'terminal/create', 'elicitation/create', 'x/y'];
    const answers = await Promise.all(
      asked.map((method) => request(method, { path: '/etc/passwd', content: 'x', command: 'id' })),
    );
    say(JSON.stringify(answers.map((answer) => Object.keys(answer))));
    return END;
  },
  forks: async () => {
    for (let child = 0; child < 5; child++)
      spawn('sleep', [process.argv[3] ?? '1'], { detached: true, stdio: 'ignore' }).unref();
    edit();
    say('Done, and something is left running.');
    return END;
  },
  deaf: async () => {
    process.on('SIGTERM', () => {});
    say('I do not listen.\n');
    for (;;) await sleep(1000);
  },
  remembers: (text) => {
    const before = existsSync(STATE) ? (JSON.parse(readFileSync(STATE, 'utf8')) as string[]) : [];
    writeFileSync(STATE, JSON.stringify([...before, text]));
    say(`I know ${before.length} prompts.`);
    return END;
  },
  full: fill,
  'full-for-good': fill,
  'writes-outside': () => {
    let said = 'held';
    try {
      writeFileSync('/usr/agent-runner-was-here', 'x');
      said = 'written';
    } catch {
      // What a sandbox is for.
    }
    edit();
    say(said);
    return END;
  },
  question: () => {
    writeFileSync(`${process.env['AGENT_RUNNER_OUT'] ?? '.'}/question.md`, 'Which one?\n');
    return END;
  },
};

const cancel = Promise.withResolvers<void>();
const cancelled = cancel.promise;
let isLoggedIn = false;

const CAPABILITIES: Record<string, object> = {
  'resume-refused': { loadSession: true },
  full: { sessionCapabilities: { resume: {} } },
  'full-for-good': { sessionCapabilities: { resume: {} } },
  remembers: { loadSession: false, sessionCapabilities: { resume: {} } },
  replays: { loadSession: true },
  servers: { mcpCapabilities: { http: true }, sessionCapabilities: { resume: {} } },
};

async function answer(message: Message): Promise<void> {
  const { id, method, params } = message;
  const reply = (result: object): void => send({ id, result });
  const fail = (code: number, text: string): void =>
    send({ id, error: { code, message: text, data: { details: text } } });
  if (behaviour === 'silent') return;
  switch (method) {
    case 'initialize':
      if (behaviour === 'no-result') return send({ id });
      reply({
        protocolVersion: behaviour === 'version-9' ? 9 : 1,
        agentCapabilities: CAPABILITIES[behaviour] ?? {},
        authMethods: behaviour.startsWith('login') ? [{ id: 'key', name: 'Key' }] : [],
      });
      return;
    case 'authenticate':
      isLoggedIn = behaviour === 'login';
      return isLoggedIn ? reply({}) : fail(-32_000, 'the key is wrong');
    case 'session/new':
      if (behaviour === 'full') {
        const availableCommands = ['init', 'compact'].map((name) => ({ name, description: '' }));
        update({ sessionUpdate: 'available_commands_update', availableCommands });
      }
      servers = (params?.['mcpServers'] ?? []) as typeof servers;
      if (behaviour.startsWith('login') && !isLoggedIn) return fail(-32_000, 'Authentication required');
      if (behaviour === 'no-session') return fail(-32_603, 'no project here');
      return reply({
        sessionId: SESSION,
        modes: {
          currentModeId: 'ask',
          availableModes: [
            { id: 'ask', name: 'Ask' },
            { id: 'work', name: 'Work' },
            { id: 'look', name: 'Look' },
          ],
        },
      });
    case 'session/load':
      if (behaviour === 'resume-refused') return fail(-32_603, 'no such session');
      say('A thing of the past.');
      for (let turn = 0; turn < 9; turn++)
        call(`p${turn}`, { title: 'ls', status: 'completed', rawInput: { command: 'ls' } });
      return reply({});
    case 'session/resume':
      servers = (params?.['mcpServers'] ?? []) as typeof servers;
      return reply({});
    case 'session/set_mode':
      writeFileSync(`${process.env['HOME'] ?? '.'}/mode`, String(params?.['modeId']));
      return reply({});
    case 'session/prompt': {
      const text = JSON.stringify(params?.['prompt']);
      const known = ['login', 'resume-refused', 'replays'].includes(behaviour) ? 'idle' : behaviour;
      if (behaviour === 'prompt-refused') return fail(-32_603, 'no model for you');
      return reply((await PROMPTS[known]?.(text)) ?? END);
    }
    case 'session/cancel':
      cancel.resolve();
      return;
    case undefined:
    default:
      if (id !== undefined && method !== undefined) fail(-32_601, `no ${method}`);
  }
}

if (behaviour === 'noisy') process.stdout.write('Welcome to fake agent 1.0\n\n[warn] something\n');
if (behaviour === 'not-acp') {
  process.stdout.write('usage: fake-agent <prompt>\n');
  process.exit(0);
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message & { error?: object };
  if (message.method === undefined && typeof message.id === 'number') {
    waiting.get(message.id)?.(
      message.error === undefined ? (message.result ?? {}) : { error: message.error },
    );
    waiting.delete(message.id);
  } else void answer(message);
});
