/** Jobs of a server that is nobody on the forge, each with a token of its own. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentRunner } from '../../../src/index.ts';
import { startUp, type Started } from '../server/started.ts';
import { openForgePlace, TOKEN, type ForgePlace } from './place.ts';

let place: ForgePlace;
let server: Started;
beforeEach(async () => {
  place = await openForgePlace();
  server = await startUp(place.bench, { GITHUB_SERVER_URL: place.forge.url });
});
afterEach(async () => {
  await server.kill();
  await place.close();
});

function post(body: unknown): Promise<Response> {
  return fetch(`${server.url}/api/jobs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

it('are done as its account, which is then forgotten, and the token is nowhere', async () => {
  const { bench, forge } = place;
  const refused = await post({ repo: 'ann/tool', task: 'x', agent: 'simulated' });
  expect(refused.status).toBe(400);
  const elsewhere = await post({ repo: 'https://elsewhere.test/a/b', task: 'x', github_token: TOKEN });
  expect([elsewhere.status, await elsewhere.text()]).toEqual([400, expect.stringContaining('github_token')]);
  const broken = await post({ issue: 'ann/tool#1', agent: 'simulated', github_token: `${TOKEN}\nx` });
  expect([broken.status, (await broken.text()).includes(TOKEN)]).toEqual([400, false]);
  const misspelt = await post({ repo: 'ann/tool', task: 'x', githubToken: TOKEN });
  expect([misspelt.status, (await misspelt.text()).includes(TOKEN)]).toEqual([400, false]);

  await using runner = new AgentRunner({ url: server.url, token: server.key, botToken: TOKEN });
  const { jobId } = await runner.submitJob({
    upstreamRepo: 'ann/tool',
    prompt: 'Write it down',
    agent: 'simulated',
    fork: 'always',
    labels: ['bot'],
    reviewers: ['ann'],
  });
  const job = await runner.waitForJob(jobId, { timeoutMs: 60_000 });
  expect(job).toMatchObject({ outcome: 'pr_opened', upstreamRepo: 'ann/tool', forkRepo: 'bot/tool' });
  const [pull] = forge.repo('ann', 'tool').pulls;
  expect(pull?.login).toBe('bot');
  // Who only may read sets neither; that is said, and no reason to fail.
  expect((await runner.getResult(jobId)).notices.map((one) => one.split(' ')[0])).toEqual([
    'labels',
    'reviewers',
  ]);

  const retried = await fetch(`${server.url}/api/jobs/${jobId}/retry`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.key}` },
  });
  expect([retried.status, await retried.text()]).toEqual([409, expect.stringContaining('token of its own')]);

  for (const form of [TOKEN, Buffer.from(`x-access-token:${TOKEN}`).toString('base64')]) {
    const found = execFileSync('sh', ['-c', 'grep -rlaF -e "$1" "$2" || true', 'sh', form, bench.root]);
    expect(found.toString('utf8')).toBe('');
  }
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  expect(stdout).not.toContain(TOKEN);
});
