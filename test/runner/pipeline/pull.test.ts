/** A run on a forge: one pull request that tells of its steps, one commit a step, and nothing of a step alone. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { createLog } from '../../../src/log.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';

let root: string;
let forge: TestForge;
let runner: Runner;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-pull-'));
  forge = await startTestForge({
    users: [
      { login: 'ann', token: 'ghp_ann' },
      { login: 'bot', token: 'ghp_bot' },
    ],
  });
  await forge.addRepository({
    owner: 'ann',
    name: 'tool',
    from: { 'README.md': '# Tool\n' },
    collaborators: { bot: 'write' },
  });
  const flags = {
    home: join(root, 'home'),
    min_free_bytes: 0,
    agent: 'simulated',
    sandbox: 'host',
    github_url: forge.url,
    github_api_url: forge.apiUrl,
    github_pace_ms: 0,
  };
  const env = { PATH: process.env['PATH'], HOME: root, BOT_TOKEN: 'ghp_bot' };
  runner = await openRunner(await resolveConfig({ flags, env, cwd: root, projectFile: null }));
});
afterEach(async () => {
  await runner.close();
  await forge.close();
  rmSync(root, { recursive: true, force: true });
});

describe('a run on a forge', () => {
  it('ends in one pull request with a commit a step and a table of the steps', async () => {
    const pipeline = parsePipeline({
      name: 'release',
      repo_url: 'ann/tool',
      steps: [
        { name: 'code', task: 'Write the code @team fixes #1', outputs: { version: { type: 'string' } } },
        { name: 'docs', task: 'Tell of {{steps.code.output.version}}', depends_on: ['code'] },
        { name: 'maybe', task: 'Never', agent: 'simulated:crash', on_failure: 'continue' },
      ],
    });
    // It is asked for with a token of its own, which its steps are given, each under its own seal.
    const token = 'ghp_ann';
    const { job } = await runner.pipelines.submit({ pipeline, allowHost: true, token }, { token });
    const log = createLog({ level: 'error', format: 'json', write() {} });
    await runner.work({ mode: 'once', pollMs: 50, stop: new AbortController().signal, log });
    const result = (await runner.store.getJob(job.job_id))?.result as JobResult;
    expect(result).toMatchObject({ outcome: 'pr_opened', pr_url: `${forge.url}/ann/tool/pull/1` });
    expect(result.run).toMatchObject({ status: 'completed_with_failures' });
    const pulls = [...forge.repo('ann', 'tool').pulls.values()];
    expect(pulls).toHaveLength(1);
    const [pull] = pulls;
    expect(pull).toMatchObject({ title: 'release', draft: true, login: 'ann' });
    const steps = await runner.store.listJobs({ stepsOf: job.job_id, limit: 9 });
    // Ended jobs have none any more.
    expect(steps.map(({ request }) => request.sealed_token)).toEqual([null, null, null]);
    await expect(runner.pipelines.retry(job.job_id)).rejects.toThrow(/a token of its own, which is erased/);
    expect(pull?.body).toMatch(
      /\| `code` \| ✅ proposed \| `Wrote SIMULATED-code\.md.*` \| `job-\w+` \| \$0\.00 \|/,
    );
    expect(pull?.body).toMatch(/\| `maybe` \| ❌ agent_failed \|/);
    expect(pull?.body).toContain('1 of 3 steps did not do their part.');
    expect(pull?.figures.commits).toBe(2);
    expect(pull?.body).not.toContain('\n@team');
    // Nobody was told of a step alone: the forge has one branch more, and one pull request.
    expect(
      Object.keys(await forge.refs('ann', 'tool')).filter((ref) => ref.startsWith('refs/heads/')),
    ).toHaveLength(2);
  });
});
