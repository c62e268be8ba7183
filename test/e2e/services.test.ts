/** `services:` through a whole job: the checks of base and head reach them, and so does the agent. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { openBench, type Bench } from './cli.ts';

const CONFIG = `
services:
  echo:
    command: node server.mjs
    ready: node client.mjs
    env: { ECHO_SOCKET: ./echo.socket }
    timeout_s: 30
gate:
  checks:
    - { name: test, command: "node client.mjs | grep -q hello" }
`;
const FILES = {
  '.agent-runner.yml': CONFIG,
  '.gitignore': 'echo.socket\n',
  'server.mjs':
    "import { createServer } from 'node:net';\nimport { rmSync } from 'node:fs';\nconst at = process.env.ECHO_SOCKET;\nrmSync(at, { force: true });\ncreateServer((s) => s.end('hello')).listen(at, () => console.log('listening'));\nprocess.on('SIGTERM', () => process.exit(0));\n",
  'client.mjs':
    "import { connect } from 'node:net';\nconnect(process.env.ECHO_SOCKET).on('error', () => process.exit(1)).pipe(process.stdout);\n",
};

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), FILES);
});
afterEach(() => bench.remove());

async function run(agent: string): Promise<JobResult> {
  const args = ['run', 'Use the service', '--repo', repo, '--agent', 'command', '--json'];
  const ran = await bench.run(args, { AGENT_CMD: agent });
  try {
    return JSON.parse(ran.stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${ran.stdout}\n${ran.stderr}`);
  }
}

it('are reached by checks and agent, and their logs are kept', async () => {
  const result = await run('node client.mjs > said.txt');
  expect(result).toMatchObject({
    outcome: 'proposed',
    gate: { runs: [{ verdict: 'green', checks: [{ base: 'passed', head: 'passed' }] }] },
  });
  expect(sh(repo, 'show', `${result.branch}:said.txt`)).toBe('hello');
  const log = (result.gate.runs[0]?.checks[0]?.log ?? '').replace(/\.log$/, '.service-echo.log');
  expect(existsSync(log)).toBe(true);
  expect(readFileSync(log, 'utf8')).toContain('listening');
});

it('that a change breaks make the check inconclusive, with the log named', async () => {
  const result = await run('echo "throw new Error(1)" > server.mjs');
  const check = result.gate.runs[0]?.checks[0];
  // The agent's own turn found the service whole; head's check does not.
  expect(check).toMatchObject({ base: 'passed', head: 'inconclusive', verdict: 'inconclusive' });
  expect(check?.reason).toMatch(/service echo ended before it was ready; its log is \S+service-echo\.log/);
});
