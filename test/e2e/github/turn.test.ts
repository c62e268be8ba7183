/** A follow-up on a pull request: the same branch, the same pull request, and whatever people pushed between. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { Pull } from '../../forge/state/model.ts';
import type { Ran } from '../cli.ts';
import { OWNER_TOKEN, TOKEN, openForgePlace, type ForgePlace } from './place.ts';

/** One gate run is enough to be red. */
const ONCE = ['--max-gate-runs', '1'];

let place: ForgePlace;
beforeEach(async () => {
  place = await openForgePlace();
  token = OWNER_TOKEN;
});
afterEach(() => place.close());

/** Who may push has the branch in the repository itself, `bot` has it in a fork. */
let token: string;
function env(command: string): Readonly<Record<string, string>> {
  return place.env({ BOT_TOKEN: token, AGENT_CMD: command });
}

async function first(): Promise<JobResult> {
  const words = ['run', 'Say one', '--repo', 'ann/tool', '--agent', 'command', '--json'];
  const ran = await place.bench.run(words, env('echo one > one.txt'));
  const result = JSON.parse(ran.stdout) as JobResult;
  expect(result, ran.stderr).toMatchObject({ outcome: 'pr_opened' });
  return result;
}

async function submit(root: JobResult, task: string, ...more: readonly string[]): Promise<string> {
  const words = ['submit', task, '--session', root.job_id, '--agent', 'command', '--json', ...more];
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
    await work('grep -q "People pushed commits" && test -f mine.txt && echo four > four.txt');
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
    const red = await submit(root, 'Break it', ...ONCE);
    await work('echo "export const sum = () => 0;" > sum.mjs');
    expect(await jobOf(red)).toMatchObject({ status: 'failed', result: { branch: null } });
    expect(await place.forge.branch('ann', 'tool', branch)).toBe(root.head_sha);
    expect(sayings()).toHaveLength(1);
    expect(sayings()[0]).toMatch(/nothing was pushed[^]*the gate is red/);

    const asking = await submit(root, 'Ask');
    const ask = env('echo "Which one?" > "$AGENT_RUNNER_OUT/question.md"');
    expect((await place.bench.run(['worker', '--once'], ask)).stderr).toContain('waits for an answer');
    expect(sayings()).toHaveLength(1);
    // What the agent asks is not ours to say in public; that nobody works on it is.
    expect(sayings()[0]).toMatch(new RegExp(`waits until[^]*agent-runner message ${asking}`));
    expect(sayings()[0]).not.toContain('Which one');
    expect((await place.bench.run(['cancel', asking], env('true'))).code).toBe(0);

    // What the red turn left is gone on with on top of what a person pushed, and left out where the two do not fit.
    const path = clone(branch);
    const push = (file: string, text: string): void => {
      writeFileSync(join(path, file), text);
      git('-C', path, 'add', '-A');
      git('-C', path, 'commit', '-q', '-m', `By hand: ${file}`);
      git('-C', path, 'push', '-q', 'origin', `HEAD:${branch}`);
    };
    push('mine.txt', 'mine\n');
    const still = await submit(root, 'Look', ...ONCE);
    await work(
      'test -f mine.txt && grep -q "() => [01]" sum.mjs && echo "export const sum = () => 1;" > sum.mjs',
    );
    expect(await jobOf(still)).toMatchObject({ outcome: 'gate_failed', result: { branch: null } });
    push('sum.mjs', 'export const sum = (a, b) => b + a;\n');
    const mended = await submit(root, 'Mend');
    await work('grep -q "b + a" sum.mjs && echo mended > mended.txt');
    const { outcome: came, result: done } = await jobOf(mended);
    expect({ came, head: await place.forge.branch('ann', 'tool', branch) }).toEqual({
      came: 'pr_updated',
      head: done?.head_sha,
    });
    expect(done?.notices.join('\n')).toContain(`what ${still} left unpublished does not fit`);

    git('-C', path, 'fetch', '-q', 'origin');
    git('-C', path, 'reset', '-q', '--hard', `origin/${branch}`);
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

  it('is refused where the pull request was closed, and told once where its process died', async () => {
    token = TOKEN;
    const root = await first();
    const branch = String(root.branch);
    const killed = await submit(root, 'Say two');
    const dying = { ...env('echo two > two.txt'), AGENT_RUNNER_FAIL_AT: 'branch-pushed' };
    await place.bench.run(['worker', '--once'], dying);
    await work('echo two > two.txt');
    const job = await jobOf(killed);
    expect(job).toMatchObject({ outcome: 'pr_updated', result: { resumed_from_checkpoint: true } });
    const log = git('-C', place.forge.folder('bot', 'tool'), 'rev-list', `${root.base_sha}..${branch}`);
    expect(log.split('\n')).toEqual([job.result?.head_sha, root.head_sha]);
    expect(sayings()).toHaveLength(1);

    await place.asOwner('PATCH', '/repos/ann/tool/pulls/1', { state: 'closed' });
    const late = await submit(root, 'Say three');
    await work('echo three > three.txt');
    const { outcome, result } = await jobOf(late);
    expect({ outcome, turns: result?.turns }).toEqual({ outcome: 'refused', turns: 0 });
    expect(result?.error?.message).toContain('ann/tool#1 was closed');
    expect(await place.forge.branch('bot', 'tool', branch)).toBe(job.result?.head_sha);
    expect(pulls()).toHaveLength(1);
  });
});

describe('self-heal --pr', () => {
  async function heal(name: string, command: string, ...more: readonly string[]): Promise<Ran> {
    return place.bench.run(
      ['self-heal', '--pr', name, '--agent', 'command', '--json', ...more],
      env(command),
    );
  }
  async function fail(sha: string | null): Promise<void> {
    const said = { state: 'failure', context: 'ci', description: 'sum is wrong' };
    await place.asOwner('POST', `/repos/ann/tool/statuses/${String(sha)}`, said);
  }

  it('is a turn on a pull request of ours, and nothing where nothing failed', async () => {
    const root = await first();
    const nothing = await heal('ann/tool#1', 'true');
    expect({ code: nothing.code, said: JSON.parse(nothing.stdout) as unknown }).toMatchObject({
      code: 0,
      said: { outcome: 'no_change' },
    });
    await fail(root.head_sha);
    const ran = await heal(String(root.pr_url), 'echo mended > ci.txt');
    const result = JSON.parse(ran.stdout) as JobResult;
    expect(result, ran.stderr).toMatchObject({ outcome: 'pr_updated', pr_url: root.pr_url });
    expect((await jobOf(result.job_id)).request).toMatchObject({
      session_id: root.job_id,
      turn: { kinds: ['checks'], by: [], sha: root.head_sha },
    });
    const title = git(
      '-C',
      place.forge.folder('ann', 'tool'),
      'log',
      '-1',
      '--format=%s%n%b',
      String(root.branch),
    );
    expect(title).toMatch(/^Mend failing checks: ci\n.*For ann\/tool#1, after its checks failed/);
    expect(sayings()).toHaveLength(1);

    // One count with what a dispatcher begins: by its settings, and however the repository is spelt.
    await fail(result.head_sha);
    const settings = join(place.bench.root, 'config/agent-runner');
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'config.yml'), 'triggers: { fixes_per_pull: 1 }\n');
    const third = await heal('Ann/Tool#1', 'echo again > ci.txt');
    expect({ code: third.code, said: JSON.parse(third.stdout) as unknown }, third.stderr).toMatchObject({
      code: 2,
      said: { outcome: 'gave_up', message: expect.stringContaining('triggers.fixes_per_pull') as unknown },
    });
  });

  it('proposes onto the branch of somebody else, and pushes there only where it is told to', async () => {
    const folder = place.forge.folder('ann', 'tool');
    const start = git('-C', folder, 'rev-parse', 'main');
    const sha = git('-C', folder, 'commit-tree', '-p', start, '-m', 'Hers', `${start}^{tree}`);
    git('-C', folder, 'branch', 'feature', sha);
    const asked = { title: 'Hers', body: 'My own words', head: 'feature', base: 'main' };
    await place.asOwner('POST', '/repos/ann/tool/pulls', asked);
    await fail(sha);
    const check = ['--check', 'ci=ls ./*.txt'];
    const first = await heal('ann/tool#1', 'echo mended > ci.txt', ...check);
    const result = JSON.parse(first.stdout) as JobResult;
    expect(result, first.stderr).toMatchObject({ outcome: 'pr_opened', base: 'feature', base_sha: sha });
    expect(pulls()).toMatchObject([{ baseRef: 'main' }, { baseRef: 'feature' }]);
    expect(await place.forge.branch('ann', 'tool', 'feature')).toBe(sha);

    const other = await heal('ann/tool#1', 'echo other > other.txt', '--push');
    expect(JSON.parse(other.stdout), other.stderr).toMatchObject({ outcome: 'refused' });
    expect(await place.forge.branch('ann', 'tool', 'feature')).toBe(sha);

    const second = await heal('ann/tool#1', 'echo pushed > ci.txt', '--push', ...check);
    const pushed = JSON.parse(second.stdout) as JobResult;
    expect(pushed, second.stderr).toMatchObject({ outcome: 'pr_updated', branch: 'feature' });
    expect(await place.forge.branch('ann', 'tool', 'feature')).toBe(pushed.head_sha);
    expect(git('-C', folder, 'rev-parse', 'feature^')).toBe(sha);
    expect(pulls()).toHaveLength(2);
    expect(pulls()[0]).toMatchObject({ title: 'Hers', body: 'My own words' });
  });
});
