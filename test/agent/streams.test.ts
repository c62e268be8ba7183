/** JSON streams of known command lines; the lines are those that the real programmes printed, shortened. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AgentContext, AgentTurn } from '../../src/agent/agent.ts';
import { commandStreams, type CommandStreams, type StreamEnd } from '../../src/agent/claims/streams/turn.ts';
import { createCommandAgent } from '../../src/agent/command.ts';
import { openBench, type Bench } from './bench.ts';

const TURN: AgentTurn = {
  phase: 'build',
  prompt: '',
  model: null,
  sessionId: null,
  timeoutMs: 1,
  idleTimeoutMs: 1,
};

function streams(command: string): CommandStreams {
  const found = commandStreams(command);
  if (found === null) throw new Error(`no stream in ${command}`);
  return found;
}

/** Reads lines as one turn; what it told, and how it ended. */
function read(
  agent: CommandStreams,
  lines: readonly object[],
  sessionId: string | null = null,
): StreamEnd & { readonly sessions: string[]; readonly events: unknown[] } {
  const [sessions, events]: [string[], unknown[]] = [[], []];
  const context = {
    onSession: (id: string) => sessions.push(id),
    onEvent: (type: string, data: object) => events.push([type, data]),
  } as unknown as AgentContext;
  const turn = agent.begin({ ...TURN, sessionId }, context);
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  // In pieces, as a pipe gives them.
  for (let at = 0; at < text.length; at += 7) turn.push(text.slice(at, at + 7));
  const end = turn.end();
  if (end === null) throw new Error('it was no stream');
  return { ...end, sessions, events };
}

const CODEX = (input: number, output: number): object[] => [
  { type: 'thread.started', thread_id: '01a1' },
  { type: 'item.completed', item: { id: 'item_0', type: 'error', message: 'Model metadata not found.' } },
  { type: 'turn.started' },
  { type: 'item.completed', item: { id: 'item_1', type: 'agent_message', text: 'Step 1.' } },
  { type: 'item.started', item: { id: 'item_2', type: 'command_execution', command: 'ls', exit_code: null } },
  { type: 'item.completed', item: { id: 'item_2', type: 'command_execution', command: 'ls', exit_code: 0 } },
  { type: 'item.completed', item: { id: 'item_3', type: 'agent_message', text: 'All done.' } },
  { type: 'turn.completed', usage: { input_tokens: input, cached_input_tokens: 5, output_tokens: output } },
];

const CLAUDE = (input: number, cost: number): object[] => [
  { type: 'system', subtype: 'init', session_id: 'a089' },
  {
    type: 'assistant',
    session_id: 'a089',
    parent_tool_use_id: null,
    message: {
      content: [
        { type: 'text', text: 'Step 1.' },
        { type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'ls' } },
      ],
    },
  },
  { type: 'user', session_id: 'a089', message: { content: [{ type: 'tool_result', content: 'x' }] } },
  {
    type: 'assistant',
    session_id: 'a089',
    parent_tool_use_id: 't9',
    message: { content: [{ type: 'text', text: 'from a sub-agent' }] },
  },
  {
    type: 'assistant',
    session_id: 'a089',
    parent_tool_use_id: null,
    message: { content: [{ type: 'text', text: 'All done.' }] },
  },
  {
    type: 'result',
    subtype: 'success',
    is_error: false,
    session_id: 'a089',
    total_cost_usd: cost,
    usage: {
      input_tokens: input,
      cache_creation_input_tokens: 2,
      cache_read_input_tokens: 3,
      output_tokens: 10,
    },
  },
];

const SESSIONS: readonly (readonly [string, readonly object[], Partial<StreamEnd>])[] = [
  [
    'codex exec --json -',
    CODEX(2001, 101),
    {
      sessionId: '01a1',
      message: 'All done.',
      usage: { cost_usd: null, tokens_in: 2001, tokens_out: 101, turns: 1 },
    },
  ],
  [
    'claude -p --output-format stream-json --verbose',
    CLAUDE(100, 0.5),
    {
      sessionId: 'a089',
      message: 'All done.',
      usage: { cost_usd: 0.5, tokens_in: 105, tokens_out: 10, turns: 1 },
    },
  ],
  [
    'qwen -p --output-format stream-json',
    CLAUDE(100, 0),
    {
      sessionId: 'a089',
      message: 'All done.',
      usage: { cost_usd: null, tokens_in: 105, tokens_out: 10, turns: 1 },
    },
  ],
  [
    'gemini --yolo -o stream-json',
    [
      { type: 'init', session_id: '60c4' },
      { type: 'message', role: 'user', content: 'the prompt' },
      { type: 'message', role: 'assistant', content: 'Step 1.', delta: true },
      { type: 'tool_use', tool_name: 'run_shell_command', tool_id: 'r1', parameters: { command: 'ls' } },
      { type: 'message', role: 'assistant', content: 'All ', delta: true },
      { type: 'message', role: 'assistant', content: 'done.', delta: true },
      { type: 'result', status: 'success', stats: { input_tokens: 2001, output_tokens: 101 } },
    ],
    {
      sessionId: '60c4',
      message: 'All done.',
      usage: { cost_usd: null, tokens_in: 2001, tokens_out: 101, turns: 1 },
    },
  ],
  [
    'goose run -i - --output-format stream-json',
    [
      { type: 'message', message: { role: 'assistant', content: [{ type: 'text', text: 'Step 1.' }] } },
      {
        type: 'message',
        message: {
          role: 'assistant',
          content: [
            {
              type: 'toolRequest',
              id: 'c1',
              toolCall: { value: { name: 'shell', arguments: { command: 'ls' } } },
            },
          ],
        },
      },
      { type: 'message', message: { role: 'user', content: [{ type: 'toolResponse', id: 'c1' }] } },
      { type: 'message', message: { role: 'assistant', content: [{ type: 'text', text: 'All ' }] } },
      { type: 'message', message: { role: 'assistant', content: [{ type: 'text', text: 'done.' }] } },
      { type: 'complete', total_tokens: 2104, input_tokens: 2002, output_tokens: 102 },
    ],
    {
      sessionId: 'agent-runner',
      message: 'All done.',
      usage: { cost_usd: null, tokens_in: 2002, tokens_out: 102, turns: 1 },
    },
  ],
  [
    'opencode run --format json',
    [
      { type: 'step_start', sessionID: 'ses_1', part: {} },
      {
        type: 'tool_use',
        sessionID: 'ses_1',
        part: { tool: 'bash', callID: 'c1', state: { input: { command: 'ls' } } },
      },
      {
        type: 'step_finish',
        sessionID: 'ses_1',
        part: { tokens: { input: 1001, output: 51, reasoning: 2, cache: { read: 7, write: 1 } }, cost: 0.25 },
      },
      { type: 'text', sessionID: 'ses_1', part: { type: 'text', text: 'All done.' } },
      {
        type: 'step_finish',
        sessionID: 'ses_1',
        part: { tokens: { input: 1002, output: 52, reasoning: 0, cache: { read: 0, write: 0 } }, cost: 0.5 },
      },
    ],
    {
      sessionId: 'ses_1',
      message: 'All done.',
      usage: { cost_usd: 0.75, tokens_in: 2011, tokens_out: 105, turns: 1 },
    },
  ],
  [
    'pi --mode json -p',
    [
      { type: 'session', id: 'pi-1' },
      { type: 'message_end', message: { role: 'user', content: [{ type: 'text', text: 'the prompt' }] } },
      {
        type: 'message_end',
        message: {
          role: 'assistant',
          content: [{ type: 'text', text: 'Step 1.' }],
          usage: { input: 10, output: 5, cacheRead: 1, cacheWrite: 2, cost: { total: 0.1 } },
        },
      },
      { type: 'tool_execution_start', toolCallId: 'c1', toolName: 'bash', args: { command: 'ls' } },
      {
        type: 'message_end',
        message: {
          role: 'assistant',
          content: [{ type: 'text', text: 'All done.' }],
          usage: { input: 10, output: 5, cost: { total: 0.2 } },
        },
      },
    ],
    {
      sessionId: 'pi-1',
      message: 'All done.',
      usage: { cost_usd: 0.1 + 0.2, tokens_in: 23, tokens_out: 10, turns: 1 },
    },
  ],
];

describe.each(SESSIONS)('%s', (command, lines, expected) => {
  it('tells session, usage, last words, and its tools', () => {
    const told = read(streams(command), lines);
    expect(told).toMatchObject({ ...expected, error: null });
    expect(told.sessions).toEqual([expected.sessionId]);
    expect(told.events.filter((event) => Array.isArray(event) && event[0] === 'tool_call')).toHaveLength(1);
    expect(JSON.stringify(told.events)).not.toContain('the prompt');
  });
});

describe('a stream', () => {
  it('that counts its whole session tells a turn by what it has grown', () => {
    const codex = streams('codex exec {resume} --json -');
    expect(read(codex, CODEX(2001, 101)).usage).toMatchObject({ tokens_in: 2001, tokens_out: 101 });
    expect(read(codex, CODEX(4006, 206), '01a1').usage).toMatchObject({ tokens_in: 2005, tokens_out: 105 });
    const claude = streams('claude -p {resume} --output-format stream-json');
    expect(read(claude, CLAUDE(100, 0.5)).usage).toMatchObject({ tokens_in: 105, cost_usd: 0.5 });
    expect(read(claude, CLAUDE(50, 0.75), 'a089').usage).toMatchObject({ tokens_in: 55, cost_usd: 0.25 });
    // Another worker does not know what its session had taken before.
    const later = streams('codex exec {resume} --json -');
    expect(read(later, CODEX(4006, 206), '01a1').usage).toMatchObject({ tokens_in: null, tokens_out: null });
  });

  it.each([
    [
      'codex exec --json',
      [
        { type: 'error', message: 'Reconnecting... 1/5' },
        { type: 'turn.failed', error: { message: 'unexpected status 401 Unauthorized' } },
      ],
      '401',
    ],
    [
      'gemini -o stream-json',
      [{ type: 'result', status: 'error', error: { message: '[API Error: invalid key]' } }],
      'invalid key',
    ],
    [
      'gemini -o json-stream',
      [{ type: 'result', status: 'success', error: { type: 'INVALID_STREAM', message: 'empty reply' } }],
      'empty reply',
    ],
    [
      'goose run --output-format stream-json',
      [
        {
          type: 'message',
          message: {
            role: 'assistant',
            content: [{ type: 'text', text: 'Ran into this error: Authentication failed. Status: 401' }],
          },
        },
        { type: 'complete', total_tokens: null },
      ],
      'Status: 401',
    ],
    [
      'pi --mode json',
      [
        {
          type: 'message_end',
          message: { role: 'assistant', content: [], stopReason: 'error', errorMessage: '429 too many' },
        },
      ],
      '429 too many',
    ],
    [
      'opencode run --format json',
      [{ type: 'error', sessionID: 's', error: { name: 'APIError', data: { message: 'no such model' } } }],
      'no such model',
    ],
    [
      'claude --output-format stream-json',
      [
        {
          type: 'result',
          is_error: true,
          result: 'Failed to authenticate. API Error: 401 invalid api key',
          session_id: 'x',
        },
      ],
      'API Error: 401',
    ],
    [
      'claude --output-format=stream-json',
      [
        {
          type: 'assistant',
          message: {
            content: [{ type: 'text', text: 'Failed to authenticate. API Error: 401 invalid api key' }],
          },
        },
      ],
      'API Error: 401',
    ],
  ])('%s tells of its error, which counts', (command, lines, words) => {
    const { error } = read(streams(command), lines);
    expect(error).toMatchObject({ code: 'agent_failed' });
    expect(error?.message).toContain(words);
  });

  it('is ended by a guard at the fourth equal call', () => {
    const call = {
      type: 'tool_use',
      sessionID: 's',
      part: { tool: 'bash', callID: 'c', state: { input: { command: 'ls' } } },
    };
    const agent = streams('opencode run --format json');
    expect(read(agent, [call, call, call]).error).toBeNull();
    expect(read(agent, [call, call, call, call]).error?.message).toContain('4 times in a row: bash');
  });

  it('of hostile lines tells nothing, and no session that is no plain word', () => {
    const odd: object[] = [
      { type: 'init', session_id: '--help' },
      { type: 'init', session_id: 'a b' },
      { type: 'result', stats: 7 },
      { type: 7 },
      [1],
      { type: 'message', role: 'assistant', content: 7 },
    ];
    const told = read(streams('gemini -o stream-json'), odd);
    expect(told).toMatchObject({ sessionId: null, message: '', usage: { tokens_in: null } });
    expect(told.sessions).toEqual([]);
  });

  it('is looked for only where the command asks for JSON', () => {
    expect(commandStreams('claude -p')).toBeNull();
    expect(commandStreams('my-agent --json')).toBeNull();
    expect(commandStreams('cd x && /opt/claude -p --output-format stream-json')).not.toBeNull();
  });

  it('goes on with a session by the words of its programme', () => {
    const context = {} as AgentContext;
    const line = (command: string, sessionId: string | null): string =>
      streams(command).begin({ ...TURN, sessionId }, context).command;
    expect(line('codex exec {resume} --json -', null)).toBe('codex exec  --json -');
    expect(line('codex exec {resume} --json -', '01a1')).toBe('codex exec resume 01a1 --json -');
    expect(line('claude -p {resume} --x json', "a'; rm -rf /")).toBe(
      `claude -p '--resume' 'a'\\''; rm -rf /' --x json`,
    );
    expect(line('goose run {resume} json', null)).toBe("goose run '--name' agent-runner json");
    expect(line('goose run {resume} json', 'agent-runner')).toBe(
      "goose run '--resume' '--name' agent-runner json",
    );
  });
});

describe('a command with a known stream', () => {
  /** A programme of a name that prints lines, and ends with a code. */
  async function bench(name: string, lines: readonly object[], code: number): Promise<Bench> {
    const folder = mkdtempSync(join(tmpdir(), 'agent-runner-stream-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    const script = `#!/bin/sh\ncat >/dev/null\necho warning >&2\ncat <<'END'\n${text}\nEND\nexit ${code}\n`;
    writeFileSync(join(folder, name), script, { mode: 0o755 });
    const needs = { readOnlyPaths: [folder], mounts: [], env: {} };
    return openBench('host', createCommandAgent({ command: `${folder}/${name} --json`, needs }));
  }

  it('is believed in its words and its usage', async () => {
    const at = await bench('codex', CODEX(2001, 101), 0);
    expect(await at.run()).toMatchObject({
      ok: true,
      summary: 'All done.',
      sessionId: '01a1',
      usage: { tokens_in: 2001 },
    });
    expect(at.sessions).toEqual(['01a1']);
    expect(at.events.filter(({ type }) => type === 'log')).toEqual([
      { type: 'log', data: { stream: 'stderr', text: 'warning' } },
    ]);
  });

  it('that exits with 0 after an error of its model has failed with that error', async () => {
    const lines = [
      {
        type: 'message',
        message: {
          role: 'assistant',
          content: [{ type: 'text', text: 'Ran into this error: Rate limit exceeded' }],
        },
      },
    ];
    const reply = await (await bench('goose', lines, 0)).run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toContain('Ran into this error: Rate limit exceeded');
  });

  it('that fails without a word of its stream has failed by its exit code', async () => {
    const reply = await (await bench('codex', [], 3)).run();
    expect(reply).toMatchObject({ ok: false, error: { message: 'the agent exited with 3: warning' } });
  });
});
