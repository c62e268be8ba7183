/** A whole job with an agent that is driven by its own server: which server has which turn. */
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { json, startProvider, type Provided } from '../gateway/scripted.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, processesWith, ROOT, userPath, type Bench } from './cli.ts';

let bench: Bench;
let repo: string;
let provider: Provided;
beforeEach(async () => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep wrong a.txt"\n',
    'a.txt': 'one\n',
  });
  const usage = { prompt_tokens: 1000, completion_tokens: 100 };
  provider = await startProvider((_seen, response) =>
    json(response, { choices: [{ message: { content: 'yes' } }], usage }),
  );
});
afterEach(async () => {
  await provider.close();
  bench.remove();
});

/** Runs a job with the fake in the place of OpenCode; its result, and the server of each turn in order. */
async function run(
  sandbox: string,
): Promise<{ readonly result: JobResult; readonly turns: readonly (readonly string[])[] }> {
  const node = realpathSync(process.execPath);
  const fake = join(ROOT, 'test/agent/opencode/fake-server.ts');
  mkdirSync(join(bench.root, 'programme/bin'), { recursive: true });
  bench.script('programme/bin/opencode', `#!/bin/sh\nexec '${node}' '${fake}' job\n`);
  mkdirSync(join(bench.root, 'config/agent-runner'), { recursive: true });
  const settings = {
    prices: { 'custom/m1': { input: 2, output: 10 } },
    sandbox: { ro_paths: [node, fake, join(ROOT, 'package.json')] },
  };
  writeFileSync(join(bench.root, 'config/agent-runner/config.yml'), JSON.stringify(settings));
  const words = ['run', 'Set a.txt right', '--repo', repo, '--agent', 'opencode', '--phases', 'on', '--json'];
  const ran = await bench.run([...words, '--sandbox', sandbox], {
    PATH: `${join(bench.root, 'programme/bin')}${delimiter}${userPath()}`,
    LLM_BASE_URL: `${provider.url}/v1`,
    LLM_API_KEY: 'sk-scripted-0123456789abcdef',
    LLM_MODEL: 'm1',
  });
  expect(ran.stdout, ran.stderr).not.toBe('');
  const result = JSON.parse(ran.stdout) as JobResult;
  const logs = (await bench.run(['logs', result.job_id, '--json'])).stdout;
  const turns = logs
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as JobEvent).data['text'])
    .flatMap((text) => [.../^(runner-\w+) on ([\w-]+), model (\d+)$/gm[Symbol.matchAll](String(text))])
    .map(([, agent = '', server = '', status = '']) => [agent, server, status]);
  return { result, turns };
}

describe('an agent with a server of its own', () => {
  it.runIf(HAS_BUBBLEWRAP)(
    'has one for what only looks and one for what builds, each with its model',
    async () => {
      const { result, turns } = await run('bubblewrap');
      expect(result).toMatchObject({
        outcome: 'proposed',
        iterations: 2,
        gate: { runs: [{ verdict: 'red' }, { verdict: 'green' }] },
        total_tokens_in: 4000,
      });
      expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
      const [explore, plan, build, fix] = turns;
      expect(turns.map(([agent, , status]) => [agent, status])).toEqual([
        ['runner-explore', '200'],
        ['runner-plan', '200'],
        ['runner-build', '200'],
        ['runner-build', '200'],
      ]);
      expect(plan?.[1]).toBe(explore?.[1]);
      expect(fix?.[1]).toBe(build?.[1]);
      expect(build?.[1]).not.toBe(plan?.[1]);
      expect(processesWith(bench.root)).toEqual([]);
    },
  );

  it('has one for each turn on host, where it would stand in the way of the checks', async () => {
    const { result, turns } = await run('host');
    expect(result).toMatchObject({ outcome: 'proposed', iterations: 2, total_tokens_in: 4000 });
    expect(new Set(turns.map(([, server]) => server)).size).toBe(4);
    expect(processesWith(bench.root)).toEqual([]);
  });
});
