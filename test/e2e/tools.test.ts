/** Tool servers of `.mcp.json`: those of the base, in every turn, and nothing that the agent wrote there. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from './cli.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

const SERVERS = {
  local: { command: 'node', args: ['tool.mjs', '${MODE}', '${TOKEN:-none}'] },
  near: { type: 'http', url: 'http://localhost:3000/mcp' },
  far: { type: 'http', url: 'https://tools.example/mcp' },
  '--exec': { command: 'x' },
  keyed: { command: 'x', env: { KEY: '${SECRET_OF_THE_HOST}' } },
};

/** Shows what it was given, and plants a server for its next turn. */
const AGENT = `#!/bin/sh
cat >/dev/null
cat "$1" >> seen.txt; echo >> seen.txt
echo '{"mcpServers":{"planted":{"command":"planted"}}}' > .mcp.json
echo more >> a.txt
`;

describe.skipIf(!HAS_BUBBLEWRAP)('tool servers of a repository', () => {
  it('reach the agent as the base has them; the others are named with the reason', async () => {
    const repo = makeRepository(join(bench.root, 'repo'), {
      '.agent-runner.yml':
        'gate:\n  env: {MODE: quick}\n  checks:\n    - name: check\n      command: test $(wc -l < a.txt) -ne 2\n',
      '.mcp.json': JSON.stringify({ mcpServers: SERVERS }),
      'a.txt': 'one\n',
    });
    const ran = await bench.run(['run', 'Add a line', '--repo', repo, '--json'], {
      AGENT_CMD: `${bench.script('agent.sh', AGENT)} {mcp_config}`,
      SECRET_OF_THE_HOST: 'very-secret',
    });
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result, ran.stderr).toMatchObject({ iterations: 2 });
    const seen = sh(repo, 'show', `${result.branch}:seen.txt`).split('\n').filter(Boolean);
    expect(seen).toHaveLength(2);
    for (const line of seen) {
      expect(JSON.parse(line)).toEqual({
        mcpServers: {
          local: { type: 'stdio', command: 'node', args: ['tool.mjs', 'quick', 'none'], env: {} },
          near: { type: 'http', url: 'http://localhost:3000/mcp', headers: {} },
        },
      });
    }
    const logs = await bench.run(['logs', result.job_id, '--json']);
    const events = logs.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JobEvent);
    expect(events.find(({ data }) => 'mcp_servers' in data)?.data).toMatchObject({
      mcp_servers: ['local', 'near'],
    });
    const notices = events.map(({ data }) => data['notice']).filter((one) => /mcp/.test(String(one)));
    expect(notices).toEqual([
      '.mcp.json: mcpServers."--exec": its name may hold letters, digits, "_", ".", "-" and spaces after a letter or digit',
      '.mcp.json: mcpServers.keyed.env.KEY: the job has no variable SECRET_OF_THE_HOST',
      '.mcp.json: mcpServers.far.url: the agent has no network (--network)',
    ]);
    expect(logs.stdout).not.toContain('very-secret');
  });
});
