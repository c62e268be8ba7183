/** A follow-up on a pull request: the same branch, the same pull request, and whatever people pushed between. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { Pull } from '../../forge/state/model.ts';
import { OWNER_TOKEN, openForgePlace, type ForgePlace } from './place.ts';

let place: ForgePlace;
beforeEach(async () => {
  place = await openForgePlace();
});
afterEach(() => place.close());

/** As whoever may push, so that the branch lies in the repository itself. */
function env(command: string): Readonly<Record<string, string>> {
  return place.env({ BOT_TOKEN: OWNER_TOKEN, AGENT_CMD: command });
}

async function first(): Promise<JobResult> {
  const words = ['run', 'Say one', '--repo', 'ann/tool', '--agent', 'command', '--json'];
  const ran = await place.bench.run(words, env('echo one > one.txt'));
  const result = JSON.parse(ran.stdout) as JobResult;
  expect(result, ran.stderr).toMatchObject({ outcome: 'pr_opened' });
  return result;
}

async function submit(root: JobResult, task: string): Promise<string> {
  const words = ['submit', task, '--session', root.job_id, '--agent', 'command', '--json'];
  const ran = await place.bench.run(words, env('true'));
  expect(ran.code, ran.stderr).toBe(0);
  return (JSON.parse(ran.stdout) as { job_id: string }).job_id;
}

async function work(command: string): Promise<void> {
  const ran = await place.bench.run(['worker', '--once'], env(command));
  expect(ran.stderr).toContain('job ended');
}

async function jobOf(jobId: string): Promise<Job> {
  const job = await place.bench.read((store) => store.getJob(jobId));
  if (job === null) throw new Error(`no ${jobId}`);
  return job;
}

function pulls(): readonly Pull[] {
  return place.forge.repo('ann', 'tool').pulls;
}

function sayings(): readonly string[] {
  return place.forge.repo('ann', 'tool').comments.map(({ body }) => body);
}

function git(...args: readonly string[]): string {
  const who = ['-c', 'user.name=ann', '-c', 'user.email=ann@localhost'];
  return execFileSync('git', [...who, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}

/** A person's clone of the branch; not over HTTP, for the forge lives in this process. */
function clone(branch: string): string {
  const path = join(place.bench.root, 'clone');
  git('clone', '-q', '-b', branch, place.forge.folder('ann', 'tool'), path);
  return path;
}

function filesOf(sha: string | null): readonly string[] {
  return git('-C', place.forge.folder('ann', 'tool'), 'ls-tree', '--name-only', String(sha)).split('\n');
}

describe('a follow-up', () => {
  it('adds a commit to the same pull request, on top of what a person pushed meanwhile', async () => {
    const root = await first();
    const branch = String(root.branch);
    const second = await submit(root, 'Say two');
    const third = await submit(root, 'Say three');
    await work('echo "$AGENT_RUNNER_JOB_ID" > "$(ls | wc -l).txt"');
    const [two, three] = [await jobOf(second), await jobOf(third)];
    expect(two).toMatchObject({ outcome: 'pr_updated', branch, request: { pull: 'ann/tool#1' } });
    expect(three).toMatchObject({ outcome: 'pr_updated', branch });
    // One after the other, each on top of the one before.
    expect(Date.parse(String(three.started_at))).toBeGreaterThanOrEqual(Date.parse(String(two.finished_at)));
    const log = git(
      '-C',
      place.forge.folder('ann', 'tool'),
      'log',
      '--format=%H %s',
      `${root.base_sha}..${branch}`,
    );
    expect(log.split('\n')).toEqual([
      `${three.result?.head_sha} Say three`,
      `${two.result?.head_sha} Say two`,
      `${root.head_sha} Say one`,
    ]);
    const [pull] = pulls();
    expect(pulls()).toHaveLength(1);
    expect(pull?.title).toBe('Say one');
    expect(pull?.body).toContain('### Turns, the newest first');
    for (const one of [root.job_id, second, third]) expect(pull?.body).toContain(one);
    expect(pull?.body).toMatch(/\| `job-\w+` \| asked of the runner \| this commit \| /);
    expect(sayings()).toHaveLength(1);
    expect(sayings()[0]).toContain(`Commit ${three.result?.head_sha} was pushed`);

    const path = clone(branch);
    git('-C', path, 'commit', '-q', '--allow-empty', '-m', 'By hand');
    execFileSync('sh', ['-c', `echo mine > '${join(path, 'mine.txt')}'`]);
    git('-C', path, 'add', '-A');
    git('-C', path, 'commit', '-q', '-m', 'Mine, too');
    git('-C', path, 'push', '-q', 'origin', `HEAD:${branch}`);
    const byHand = git('-C', path, 'rev-parse', 'HEAD');
    const fourth = await submit(root, 'Say four');
    await work('test -f mine.txt && echo four > four.txt');
    const four = await jobOf(fourth);
    expect(four).toMatchObject({ outcome: 'pr_updated', result: { base_sha: root.base_sha } });
    expect(four.result?.notices.join('\n')).toMatch(/went on since the job before.*Mine, too; .*By hand/);
    const head = await place.forge.branch('ann', 'tool', branch);
    expect(head).toBe(four.result?.head_sha);
    expect(git('-C', place.forge.folder('ann', 'tool'), 'rev-parse', `${head}^`)).toBe(byHand);
    expect(filesOf(head)).toEqual(expect.arrayContaining(['one.txt', 'mine.txt', 'four.txt']));
  });

  it('is refused where the branch was rewritten, and pushes nothing when its gate is red', async () => {
    const root = await first();
    const branch = String(root.branch);
    const red = await submit(root, 'Break it');
    await work('echo "export const sum = () => 0;" > sum.mjs');
    expect(await jobOf(red)).toMatchObject({ status: 'failed', result: { branch: null } });
    expect(await place.forge.branch('ann', 'tool', branch)).toBe(root.head_sha);
    expect(sayings()).toHaveLength(1);
    expect(sayings()[0]).toMatch(/nothing was pushed[^]*the gate is red/);

    const path = clone(branch);
    git('-C', path, 'commit', '-q', '--amend', '-m', 'Rewritten');
    git('-C', path, 'push', '-q', '-f', 'origin', `HEAD:${branch}`);
    const refused = await submit(root, 'Say two');
    await work('echo two > two.txt');
    const { outcome, result } = await jobOf(refused);
    expect({ outcome, turns: result?.turns }).toEqual({ outcome: 'refused', turns: 0 });
    expect(result?.error).toMatchObject({ code: 'conflict' });
    expect(result?.error?.message).toContain('was rewritten');
    expect(await place.forge.branch('ann', 'tool', branch)).toBe(git('-C', path, 'rev-parse', 'HEAD'));
    expect(sayings()).toHaveLength(1);
    expect(sayings()[0]).toContain('not as the runner left it');
  });
});
