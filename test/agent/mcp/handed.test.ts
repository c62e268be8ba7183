/** Tool servers as agents get them: a real one is started by a fake agent, and by a command. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCommandAgent } from '../../../src/agent/command.ts';
import type { McpServer } from '../../../src/agent/mcp/servers.ts';
import { shellWord } from '../../../src/job/text/shell.ts';
import { fakeAgent } from '../acp/fake.ts';
import { openBench, whySkip } from '../bench.ts';

const here = dirname(fileURLToPath(import.meta.url));
const node = process.execPath;

function tiny(command: string): McpServer {
  return {
    kind: 'stdio',
    name: 'tiny',
    command,
    args: ['tiny-server.mjs', '--x'],
    env: { TINY_VERSION: '7' },
  };
}

const docs: McpServer = { kind: 'http', name: 'docs', url: 'http://localhost:1/', headers: { A: 'b' } };
const old: McpServer = { kind: 'sse', name: 'old', url: 'http://localhost:1/', headers: {} };

describe('tool servers', async () => {
  const reason = await whySkip('bubblewrap');
  const files = { 'tiny-server.mjs': await readFile(join(here, 'tiny-server.mjs'), 'utf8') };

  it.skipIf(reason !== null)('are started by an agent that speaks the protocol, in its sandbox', async () => {
    const at = await openBench('bubblewrap', fakeAgent('servers'), files, {
      mcpServers: [tiny(node), docs, old],
    });
    const { summary } = await at.runOk();
    const { servers, answers } = JSON.parse(summary) as { servers: unknown[]; answers: unknown[][] };
    expect(servers).toEqual([
      {
        name: 'tiny',
        command: node,
        args: ['tiny-server.mjs', '--x'],
        env: [{ name: 'TINY_VERSION', value: '7' }],
      },
      { type: 'http', name: 'docs', url: 'http://localhost:1/', headers: [{ name: 'A', value: 'b' }] },
    ]);
    expect(answers).toMatchObject([
      [
        { serverInfo: { name: 'tiny', version: '7' } },
        { tools: [{ name: 'greet' }] },
        { content: [{ text: 'hello --x' }] },
      ],
    ]);
    expect(JSON.stringify(at.events)).toContain("can't call these tool servers: old (sse)");
  });

  it('are looked up on the PATH, and named again when a session goes on', async () => {
    const at = await openBench('host', fakeAgent('servers'), files, {
      mcpServers: [tiny('no-such-programme'), { ...tiny('cat'), args: [] } as McpServer],
    });
    const { summary } = await at.runOk({ sessionId: 'session-1' });
    const { servers, answers } = JSON.parse(summary) as { servers: unknown[]; answers: unknown[] };
    // What is found answers, here with what it was asked, which has no result.
    expect(answers).toEqual([[], [null, null, null]]);
    expect(servers).toMatchObject([
      { command: '/bin/sh', args: ['-c', 'exec "$@"', 'sh', 'no-such-programme', 'tiny-server.mjs', '--x'] },
      { command: '/bin/sh', args: ['-c', 'exec "$@"', 'sh', 'cat'] },
    ]);
  });

  it('are a file for a command that takes one', async () => {
    const agent = createCommandAgent({
      command: `cat {mcp_config} > got.json; ls -l {mcp_config} | cut -c1-10; echo ${shellWord("it's")}`,
      needs: { readOnlyPaths: [], mounts: [], env: {} },
    });
    expect(agent.takesMcp).toBe(true);
    const at = await openBench(
      'host',
      agent,
      {},
      {
        mcpServers: [{ ...tiny(node), args: ["it's", '"quoted"'] } as McpServer, docs],
      },
    );
    await at.runOk();
    expect(JSON.parse(await at.read('got.json'))).toEqual({
      mcpServers: {
        tiny: { type: 'stdio', command: node, args: ["it's", '"quoted"'], env: { TINY_VERSION: '7' } },
        docs: { type: 'http', url: 'http://localhost:1/', headers: { A: 'b' } },
      },
    });
    const none = await openBench('host', agent);
    await none.runOk();
    expect(await none.read('got.json')).toBe('{"mcpServers":{}}');
  });
});
