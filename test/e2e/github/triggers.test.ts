/** The whole story of a pull request, found by looking alone: a label, a review, red checks, and nobody at a keyboard. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { sh } from '../../workspace/scene.ts';
import { openBench, type Bench, type Ran } from '../cli.ts';

const TOKENS = { ann: 'ghp_ann', bot: 'ghp_bot', eve: 'ghp_eve' } as const;
const RULES = 'gate:\n  checks:\n    - name: check\n      command: "true"\n';

let bench: Bench;
let forge: TestForge;
beforeEach(async () => {
  bench = openBench();
  const folder = join(bench.root, 'config', 'agent-runner');
  mkdirSync(folder, { recursive: true });
  const triggers = '{ repositories: [ann/tool], poll_s: 1 }';
  writeFileSync(
    join(folder, 'config.yml'),
    `github_pace_ms: 0\nretry: { base_ms: 0 }\ntriggers: ${triggers}\n`,
  );
  forge = await startTestForge({
    users: (['ann', 'bot', 'eve'] as const).map((login) => ({ login, token: TOKENS[login] })),
  });
  await forge.addRepository({
    owner: 'ann',
    name: 'tool',
    from: { 'README.md': '# Tool\n', '.agent-runner.yml': RULES },
    collaborators: { bot: 'write' },
  });
  await as('eve', 'POST', '/issues', { title: 'Take notes', body: 'Nobody does.' });
});
afterEach(async () => {
  bench.remove();
  await forge.close();
});

async function as(who: keyof typeof TOKENS, method: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${forge.apiUrl}/repos/ann/tool${path}`, {
    method,
    headers: { authorization: `token ${TOKENS[who]}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

/** A worker that takes what there is; a look at a repository is due once a second. */
async function work(env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  return bench.run(['worker', '--once'], {
    BOT_TOKEN: TOKENS.bot,
    GITHUB_SERVER_URL: forge.url,
    AGENT_CMD: 'date +%s%N >> notes.txt',
    ...env,
  });
}

function jobs(): Promise<readonly Job[]> {
  return bench.read((store) => store.listJobs({ limit: 20 }));
}

describe('what happens on the forge', () => {
  it('becomes a pull request, and new commits on it, of those who may write alone', async () => {
    await as('ann', 'POST', '/issues/1/labels', { labels: ['agent'] });
    await work();
    const [first] = await jobs();
    expect(first).toMatchObject({ outcome: 'pr_opened', request: { issue: 'ann/tool#1' } });
    const { branch } = first ?? { branch: '' };
    const opened = await forge.branch('ann', 'tool', branch);

    await as('eve', 'POST', '/issues/2/comments', { body: '/agent delete all' });
    await as('ann', 'POST', '/pulls/2/reviews', {
      event: 'REQUEST_CHANGES',
      comments: [{ path: 'notes.txt', line: 1, side: 'RIGHT', body: 'Which time is it?' }],
    });
    await work();
    const [second, ...before] = await jobs();
    expect(before).toHaveLength(1);
    expect(second).toMatchObject({ outcome: 'pr_updated', request: { session_id: first?.job_id } });
    expect(second?.request.task).toContain('Which time is it?');
    expect(second?.request.task).not.toContain('delete all');
    const reviewed = await forge.branch('ann', 'tool', branch);
    expect(reviewed).not.toBe(opened);

    await as('ann', 'POST', `/statuses/${reviewed}`, { state: 'failure', context: 'ci', description: 'red' });
    await work();
    const [third] = await jobs();
    expect(third).toMatchObject({ outcome: 'pr_updated', request: { turn: { kinds: ['checks'] } } });
    expect(await forge.branch('ann', 'tool', branch)).not.toBe(reviewed);
    expect(forge.repo('ann', 'tool').pulls).toHaveLength(1);

    const listed = await bench.run(['triggers', '--repo', 'ann/tool'], {});
    expect(listed.stdout).toMatch(/ann\/tool#2 +comment +eve +ignored +eve may not write to the repository/);
    expect(listed.stdout).toContain(third?.job_id);

    // A person's pull request is answered where it was asked: what comes of it is another one.
    execFileSync('git', ['-C', forge.folder('ann', 'tool'), 'branch', 'mine', branch]);
    await as('ann', 'POST', '/pulls', { title: 'Mine', head: 'mine', base: 'main' });
    const { pulls, comments } = forge.repo('ann', 'tool');
    const number = pulls.at(-1)?.number ?? 0;
    await as('ann', 'POST', `/issues/${number}/comments`, { body: '/agent say when' });
    await work();
    const said = comments.filter(({ issue }) => issue === number).map(({ body }) => body);
    expect(said).toEqual([
      '/agent say when',
      expect.stringMatching(/A pull request was opened: .*\/pull\/\d/),
    ]);
    const stacked = forge.repo('ann', 'tool').pulls.at(-1);
    expect(stacked).toMatchObject({ title: 'say when', baseRef: 'mine' });
    expect(stacked?.body).toMatch(new RegExp(`^For ann/tool#${number}\n\n\`say when\`\n`));
    const message = sh(forge.folder('ann', 'tool'), 'log', '-1', '--format=%B', String(stacked?.headSha));
    expect(`${stacked?.body}${message}`).not.toContain('<<<DATA');
  }, 120_000);

  it('becomes one job, wherever the process between them dies', async () => {
    await as('ann', 'POST', '/issues/1/labels', { labels: ['agent'] });
    expect((await work({ AGENT_RUNNER_FAIL_AT: 'job-accepting' })).signal).toBe('SIGKILL');
    expect(await jobs()).toEqual([]);
    // As it ends by itself, half a minute later.
    await bench.read((store) => store.releaseTriggers({ repo: 'ann/tool', token: 1 }));
    expect((await work({ AGENT_RUNNER_FAIL_AT: 'job-accepted' })).signal).toBe('SIGKILL');
    expect(await jobs()).toHaveLength(1);
    await bench.read((store) => store.releaseTriggers({ repo: 'ann/tool', token: 2 }));
    await work();
    expect((await jobs()).map(({ outcome }) => outcome)).toEqual(['pr_opened']);
    expect(forge.repo('ann', 'tool').pulls).toHaveLength(1);
  }, 120_000);
});
