import { describe, expect, it } from 'vitest';
import { readMcpServers, type McpServers } from '../../../src/agent/mcp/servers.ts';

function read(servers: unknown, env: Readonly<Record<string, string>> = {}): McpServers {
  return readMcpServers(JSON.stringify({ mcpServers: servers }), env);
}

/** Why the one entry is refused. */
function refusal(entry: unknown, env: Readonly<Record<string, string>> = {}): string {
  const { servers, refused } = read({ one: entry }, env);
  expect(servers).toEqual([]);
  expect(refused).toHaveLength(1);
  return refused[0] ?? '';
}

describe('.mcp.json', () => {
  it('names servers that are started and servers that are called', () => {
    const { servers, refused } = read({
      files: { command: 'node', args: ['tools/files.mjs', '-v'], env: { LEVEL: '2' }, disabled: false },
      docs: { type: 'http', url: 'https://docs.example/mcp', headers: { Accept: 'text/plain' } },
      old: { type: 'sse', url: 'http://localhost:3000/sse' },
      plain: { url: 'http://localhost:3000/mcp' },
    });
    expect(refused).toEqual([]);
    expect(servers).toEqual([
      { kind: 'stdio', name: 'files', command: 'node', args: ['tools/files.mjs', '-v'], env: { LEVEL: '2' } },
      { kind: 'http', name: 'docs', url: 'https://docs.example/mcp', headers: { Accept: 'text/plain' } },
      { kind: 'sse', name: 'old', url: 'http://localhost:3000/sse', headers: {} },
      { kind: 'http', name: 'plain', url: 'http://localhost:3000/mcp', headers: {} },
    ]);
  });

  it('takes variables from the job, and from nowhere else', () => {
    const entry = {
      command: '${TOOL:-node}',
      args: ['${WHERE}/x', '$WHERE', '${EMPTY:-}'],
      env: { A: '${WHERE}' },
    };
    expect(read({ one: entry }, { WHERE: '/srv' }).servers).toEqual([
      { kind: 'stdio', name: 'one', command: 'node', args: ['/srv/x', '$WHERE', ''], env: { A: '/srv' } },
    ]);
    // Set in this process, as in any.
    expect(process.env['PATH']).toBeDefined();
    expect(refusal({ command: 'x', env: { P: '${PATH}' } })).toBe(
      'mcpServers.one.env.P: the job has no variable PATH',
    );
    expect(refusal({ command: '${constructor}' })).toContain('the job has no variable constructor');
  });

  it('puts in no variable that breaks out of its field', () => {
    const env = { LINES: 'a\r\nX-Other: b', FLAG: '--all', LONG: 'x'.repeat(3000) };
    expect(refusal({ url: 'http://x/', headers: { A: '${LINES}' } }, env)).toBe(
      'mcpServers.one.headers.A: it must be one line without control characters',
    );
    expect(refusal({ command: '${FLAG}' }, env)).toContain('does not begin with "-"');
    expect(refusal({ command: 'x', args: ['${LONG}'.repeat(10_000 / 7)] }, env)).toContain(
      'mcpServers.one.args.0: more than 4096 characters',
    );
  });

  it.each([
    [{ command: '--upload-pack=x' }, 'command: it must be a programme'],
    [{ command: '' }, 'command'],
    [{ command: 7 }, 'command'],
    [{ command: 'x\u0000y' }, 'command: it must be one line without control characters'],
    [{ command: 'x', args: 'y' }, 'args'],
    [{ command: 'x', args: ['\u001b[2J'] }, 'args.0: it must be text without control characters'],
    [{ command: 'x', env: { '-n': 'y' } }, 'env."-n"'],
    [{ command: 'x', env: { A: 7 } }, 'env.A'],
    [{ type: 'http' }, 'url'],
    [{ type: 'http', url: 'file:///etc/passwd' }, 'url: it must be an http:// or https:// URL'],
    [{ type: 'http', url: 'https://me:key@x/' }, 'without a user'],
    [{ type: 'http', url: 'https://x/', headers: { 'a:b': 'c' } }, 'headers'],
    [{ type: 'ws', url: 'wss://x/' }, 'type: it must be stdio, http or sse'],
    [['x'], 'mcpServers.one: it is no object'],
    [null, 'mcpServers.one: it is no object'],
  ])('refuses %j, and says which field', (entry, words) => {
    expect(refusal(entry)).toContain(words);
    expect(refusal(entry)).toMatch(/^mcpServers\.one[.:]/);
  });

  it('refuses more arguments and variables than any server takes', () => {
    expect(refusal({ command: 'x', args: Array.from({ length: 5000 }, () => 'y') })).toContain(
      'one.args: Too big',
    );
    const env = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`A${at}`, '']));
    expect(refusal({ command: 'x', env })).toContain('one.env: it must be at most 50 entries');
  });

  it.each(['-x', '--version', '', '__proto__', 'a\nb', '../x', 'x'.repeat(65)])(
    'refuses the name %j',
    (name) => {
      const { servers, refused } = readMcpServers(
        `{"mcpServers": {${JSON.stringify(name)}: {"command": "x"}, "good": {"command": "y"}}}`,
        {},
      );
      expect(servers.map((one) => one.name)).toEqual(['good']);
      expect(refused[0]).toContain('its name');
      expect(refused[0]).not.toContain('\n');
    },
  );

  it.each([
    ['nonsense', 'the file: it is no JSON object'],
    ['[]', 'the file: it is no JSON object'],
    ['{"servers": {}}', 'mcpServers: it is no object'],
    ['{"mcpServers": [1]}', 'mcpServers: it is no object'],
    [' '.repeat(65 * 1024), 'the file: 66560 characters'],
    ['['.repeat(60_000), 'the file: it is no JSON object'],
  ])('refuses a file that is none', (text, words) => {
    expect(readMcpServers(text, {})).toEqual({ servers: [], refused: [expect.stringContaining(words)] });
  });

  it('refuses a crowd whole', () => {
    const crowd = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`s${at}`, { command: 'x' }]));
    expect(read(crowd)).toEqual({ servers: [], refused: ['mcpServers: 2000 entries (at most 32)'] });
    const long = Array.from({ length: 30 }, (_, at) => [`s${at}`, { command: 'x', args: ['${LONG}'] }]);
    expect(read(Object.fromEntries(long), { LONG: 'x'.repeat(4000) })).toEqual({
      servers: [],
      refused: ['mcpServers: more than 65536 bytes with their variables'],
    });
  });
});
