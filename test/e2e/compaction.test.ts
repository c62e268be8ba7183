/** A session that is nearly full: shortened by its agent where that can, else begun anew with a summary. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from './cli.ts';

const fake = join(dirname(fileURLToPath(import.meta.url)), '../agent/acp/fake-agent.ts');

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    // Red after the first turn, green after the second.
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: test $(wc -l < a.txt) -ne 2\n',
    'a.txt': 'one\n',
  });
});
afterEach(() => bench.remove());

/** Runs a job with a fake under the name of an agent that speaks the protocol. */
async function run(behaviour: string): Promise<{ readonly lines: string[]; readonly events: JobEvent[] }> {
  const folder = join(bench.root, 'tools', 'bin');
  mkdirSync(folder, { recursive: true });
  const programme = join(folder, 'goose');
  writeFileSync(programme, `#!/bin/sh\nexec '${process.execPath}' '${fake}' ${behaviour}\n`);
  chmodSync(programme, 0o755);
  mkdirSync(join(bench.root, 'config/agent-runner'), { recursive: true });
  writeFileSync(
    join(bench.root, 'config/agent-runner/config.yml'),
    `agent_env: [ANTHROPIC_API_KEY]\nsandbox.ro_paths: ['${dirname(fake)}', '${dirname(dirname(process.execPath))}', '${join(dirname(fake), '../../../package.json')}']\n`,
  );
  const ran = await bench.run(
    [
      'run',
      'Add lines',
      '--repo',
      repo,
      '--json',
      '--agent',
      'goose',
      '--phases',
      'off',
      '--max-cost-usd',
      'none',
    ],
    { PATH: `${folder}:${process.env['PATH'] ?? ''}`, ANTHROPIC_API_KEY: 'key-of-nobody' },
  );
  const result = JSON.parse(ran.stdout) as JobResult;
  expect(result, ran.stderr).toMatchObject({ outcome: 'proposed', iterations: 2 });
  const { stdout } = await bench.run(['logs', result.job_id, '--json']);
  return {
    lines: sh(repo, 'show', `${result.branch}:a.txt`).trim().split('\n'),
    events: stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as JobEvent),
  };
}

describe.skipIf(!HAS_BUBBLEWRAP)('a session that is nearly full', () => {
  it('is shortened by the agent that can, before its next turn', async () => {
    const { lines, events } = await run('full');
    expect(lines).toEqual(['one', 'prompt', 'prompt compact', 'prompt compact prompt']);
    expect(events.find(({ data }) => 'compacted' in data)?.data).toMatchObject({
      compacted: 'by the agent',
      used: 10,
      size: 100,
    });
  });

  it('is begun anew where it can not, and the summary is told', async () => {
    const { lines, events } = await run('full-for-good');
    expect(lines).toEqual(['one', 'prompt', 'prompt prompt']);
    expect(events.find(({ data }) => 'compacted' in data)?.data).toMatchObject({
      compacted: 'to a summary, in a new session',
      used: 90,
      size: 100,
    });
  });
});
