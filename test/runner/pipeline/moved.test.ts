/** A run on a forge: a base that moves under it, the same pull request for a retry, and follow-ups on it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import type { Job } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { createLog } from '../../../src/log.ts';
import { resolveRequest } from '../../../src/runner/request/resolve.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { sh } from '../../workspace/scene.ts';
import { AGENT, type Step } from './scene.ts';

/** Of the repository: what may be in it. */
const RULES = 'gate: {checks: [{name: check, command: "test -f fine.txt"}]}\n';

let root: string;
let forge: TestForge;
let runner: Runner;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-moved-'));
  forge = await startTestForge({ users: [{ login: 'ann', token: 'ghp_ann' }] });
  const from = { 'fine.txt': 'fine\n', '.agent-runner.yml': RULES };
  await forge.addRepository({ owner: 'ann', name: 'tool', from });
  const flags = {
    home: join(root, 'home'),
    min_free_bytes: 0,
    agent: 'command',
    sandbox: 'host',
    github_url: forge.url,
    github_api_url: forge.apiUrl,
    github_pace_ms: 0,
  };
  const env = { PATH: process.env['PATH'], HOME: root, BOT_TOKEN: 'ghp_ann', AGENT_CMD: AGENT };
  runner = await openRunner(await resolveConfig({ flags, env, cwd: root, projectFile: null }));
});
afterEach(async () => {
  await runner.close();
  await forge.close();
  rmSync(root, { recursive: true, force: true });
});

/** Works until all is done. @returns how a job ended */
async function work({ job_id: id }: Job): Promise<JobResult> {
  const log = createLog({ level: 'error', format: 'json', write() {} });
  await runner.work({ mode: 'once', pollMs: 50, stop: new AbortController().signal, log });
  const result = (await runner.store.getJob(id))?.result;
  if (result == null) throw new Error(`${id} did not end`);
  return result;
}

async function runSteps(steps: readonly Step[]): Promise<JobResult> {
  const pipeline = parsePipeline({ name: 'release', repo_url: 'ann/tool', steps });
  return work((await runner.pipelines.submit({ pipeline, allowHost: true })).job);
}

/** For the task of a step: what somebody pushes to `main` meanwhile, where the forge has it on the disk. */
function pushing(edit: string): string {
  const clone = `git clone -q ${forge.folder('ann', 'tool')} ${join(root, 'clone')}`;
  const commit = 'git -c user.name=ann -c user.email=ann@localhost commit -qm Meanwhile';
  return `${clone} && (cd ${join(root, 'clone')} && ${edit} && git add -A && ${commit} && git push -q)`;
}

function git(...args: string[]): string {
  return sh(forge.folder('ann', 'tool'), ...args);
}

describe('a run whose base moves while a step works', () => {
  it('is judged on the new one, by its rules, and proposed there', async () => {
    const stricter = `echo 'protected_paths: [locked]' >> .agent-runner.yml`;
    const result = await runSteps([
      { name: 'one', task: `RUN: ${pushing(`echo new > new.txt && ${stricter}`)} && echo one > one.txt` },
      { name: 'two', task: 'RUN: cat one.txt > two.txt', depends_on: ['one'] },
    ]);
    const main = git('rev-parse', 'main');
    expect(git('show', 'main:new.txt')).toBe('new');
    expect(result).toMatchObject({ outcome: 'pr_opened', base_sha: main });
    const head = result.head_sha ?? '';
    expect(forge.repo('ann', 'tool').pulls).toMatchObject([{ headSha: head, draft: false }]);
    expect(git('diff', '--name-only', main, head).split('\n')).toEqual(['one.txt', 'two.txt']);
    expect(result.notices.join('\n')).toMatch(/the base moved .* carried over and judged again/);
    expect(result.notices.join('\n')).not.toContain('started again');
  });

  it('is proposed on the old one where it does not fit, and says so', async () => {
    const task = `RUN: ${pushing('echo theirs > same.txt')} && echo ours > same.txt`;
    const result = await runSteps([{ name: 'one', task }]);
    expect(git('show', 'main:same.txt')).toBe('theirs');
    expect(result).toMatchObject({ outcome: 'pr_opened', base_sha: git('rev-parse', 'main^') });
    expect(git('merge-base', 'main', result.head_sha ?? '')).toBe(result.base_sha);
    expect(result.notices.join('\n')).toMatch(/does not fit it: it is proposed on the base it was judged on/);
  });
});

describe('the pull request of a run', () => {
  it('is brought up to date by a retry, and gone on with by a plain job', async () => {
    const flag = join(root, 'mended');
    const first = await runSteps([
      { name: 'good', task: 'RUN: echo good > good.txt' },
      {
        name: 'bad',
        task: `RUN: [ -e ${flag} ] && echo bad > bad.txt`,
        depends_on: ['good'],
        on_failure: 'continue',
      },
    ]);
    expect(first).toMatchObject({ outcome: 'pr_opened', run: { status: 'completed_with_failures' } });
    writeFileSync(flag, '');
    const again = await work((await runner.pipelines.retry(first.job_id)).job);
    expect(again).toMatchObject({ outcome: 'pr_updated', pr_url: first.pr_url, branch: first.branch });
    const { pulls } = forge.repo('ann', 'tool');
    expect(pulls).toMatchObject([{ headSha: again.head_sha, draft: false }]);
    expect(git('rev-list', '--count', `main..${again.head_sha}`)).toBe('2');

    const asked = { repo: 'ann/tool', task: 'RUN: cat good.txt bad.txt > more.txt', sessionId: again.job_id };
    const { job } = await runner.submit(await resolveRequest(runner.config, { ...asked, allowHost: true }));
    expect(await work(job)).toMatchObject({ outcome: 'pr_updated', branch: first.branch });
    expect(job.request).not.toHaveProperty('pipeline');
    expect(job.request).not.toHaveProperty('step');
    const head = pulls[0]?.headSha ?? '';
    expect(git('rev-parse', `${head}^`)).toBe(again.head_sha);
    expect(git('show', `${head}:more.txt`)).toBe('good\nbad');
    expect(pulls).toHaveLength(1);
  });
});
