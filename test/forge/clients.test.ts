/** The test forge as GitHub's own clients use it: Octokit's plugins, an App's tokens, webhooks, and `gh`. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { retry } from '@octokit/plugin-retry';
import { throttling } from '@octokit/plugin-throttling';
import { afterEach, describe, expect, it } from 'vitest';
import { checkout, octokit, run } from './clients.ts';
import { startTestForge, type Delivery, type TestForge } from './forge.ts';

const FILES = { 'README.md': '# Shop\n' };
const SHOP = { owner: 'ann', repo: 'shop' };
const open: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

async function forge(options: Parameters<typeof startTestForge>[0] = {}): Promise<TestForge> {
  const made = await startTestForge({
    users: [
      { login: 'ann', token: 'ann-token' },
      { login: 'bot', token: 'bot-token' },
    ],
    ...options,
  });
  open.push(() => made.close());
  await made.addRepository({ owner: 'ann', name: 'shop', from: FILES });
  return made;
}

async function statusOf(call: Promise<unknown>): Promise<number | string> {
  return call.then(
    () => 'ok',
    (error: { status: number }) => error.status,
  );
}

describe('a GitHub App', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  async function withApp(
    clock: () => number = Date.now,
  ): Promise<{ f: TestForge; auth: ReturnType<typeof createAppAuth>; installationId: number }> {
    const f = await forge({ clock });
    await f.addRepository({ owner: 'ann', name: 'safe', from: FILES, private: true });
    const { app, installations } = f.addApp({
      slug: 'runner',
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      permissions: { contents: 'write', pull_requests: 'write', checks: 'write' },
      installations: [{ account: 'ann' }],
    });
    const request = octokit(f.apiUrl).request;
    const auth = createAppAuth({ appId: app.id, privateKey: pem, request });
    return { f, auth, installationId: installations[0]?.id ?? 0 };
  }

  it('finds its installation and mints tokens for one repository with few permissions, which hold', async () => {
    const { f, auth, installationId } = await withApp();
    f.addHook('ann', 'shop', { url: 'http://127.0.0.1:1/', secret: 'x' });
    const asApp = octokit(f.apiUrl, (await auth({ type: 'app' })).token);
    expect((await asApp.rest.apps.getAuthenticated()).data?.slug).toBe('runner');
    expect((await asApp.rest.apps.getRepoInstallation(SHOP)).data.id).toBe(installationId);
    const ask = { type: 'installation' as const, installationId, repositoryNames: ['shop'] };
    const { token } = await auth({ ...ask, permissions: { contents: 'write', checks: 'write' } });
    const asShop = octokit(f.apiUrl, token);
    const { data: reach } = await asShop.rest.apps.listReposAccessibleToInstallation();
    expect(reach.repositories.map((one) => one.full_name)).toEqual(['ann/shop']);
    expect(await statusOf(asShop.rest.repos.get({ owner: 'ann', repo: 'safe' }))).toBe(404);
    expect(await statusOf(asShop.rest.issues.create({ ...SHOP, title: 'x' }))).toBe(403);
    expect(await statusOf(asShop.rest.users.getAuthenticated())).toBe(403);

    const work = await checkout(f.gitUrl('ann', 'shop', token));
    open.push(() => work.remove());
    const head_sha = await work.commit('x', 'a', '1');
    expect((await work.git('push', '-q', 'origin', 'x')).code).toBe(0);
    const elsewhere = await run('git', ['ls-remote', f.gitUrl('ann', 'safe', token)]);
    expect(elsewhere.out).toContain('not found');

    const { data: check } = await asShop.rest.checks.create({
      ...SHOP,
      name: 'gate',
      head_sha,
      status: 'in_progress',
    });
    const output = { title: 'Green', summary: 'all of it' };
    await asShop.rest.checks.update({
      ...SHOP,
      check_run_id: Number(check.id),
      conclusion: 'success',
      output,
    });
    const { data: checks } = await asShop.rest.checks.listForRef({ ...SHOP, ref: 'x' });
    expect(checks.check_runs.map((one) => [one.name, one.conclusion, one.app?.slug])).toEqual([
      ['gate', 'success', 'runner'],
    ]);
    const tooMuch = auth({ ...ask, permissions: { administration: 'write' } });
    expect(await statusOf(tooMuch)).toBe(422);
    expect(await statusOf(auth({ ...ask, repositoryNames: ['gone'] }))).toBe(422);
  });

  it('has tokens that expire after an hour, and JWTs that only its key signs', async () => {
    let at = Date.now();
    const { f, auth, installationId } = await withApp(() => at);
    const { token } = await auth({ type: 'installation', installationId });
    const mine = octokit(f.apiUrl, token);
    expect(await statusOf(mine.rest.repos.get({ owner: 'ann', repo: 'safe' }))).toBe('ok');
    const jwt = (await auth({ type: 'app' })).token;
    at += 3_600_001;
    expect(await statusOf(mine.rest.repos.get({ owner: 'ann', repo: 'safe' }))).toBe(401);
    expect(await statusOf(octokit(f.apiUrl, jwt).rest.apps.getAuthenticated())).toBe(401);
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const forged = createAppAuth({ appId: f.state().apps[0]?.id ?? 0, privateKey: other.toString() });
    at = Date.now();
    expect(
      await statusOf(octokit(f.apiUrl, (await forged({ type: 'app' })).token).rest.apps.getAuthenticated()),
    ).toBe(401);
  });
});

describe('faults', () => {
  it('lose answers of which the effect stays, for the API and for a push', async () => {
    const f = await forge();
    const bot = octokit(f.apiUrl, 'ann-token');
    f.setFault({ kind: 'lost_answer', method: 'POST', path: /\/issues$/, times: 1 });
    expect(await statusOf(bot.rest.issues.create({ ...SHOP, title: 'one' }))).toBe(500);
    expect(f.repo('ann', 'shop').issues.map((one) => one.title)).toEqual(['one']);
    f.setFault({ kind: 'lost_request', method: 'POST', path: /\/issues$/, times: 1 });
    expect(await statusOf(bot.rest.issues.create({ ...SHOP, title: 'two' }))).toBe(500);
    expect(f.repo('ann', 'shop').issues).toHaveLength(1);
    const work = await checkout(f.gitUrl('ann', 'shop', 'ann-token'));
    open.push(() => work.remove());
    const sha = await work.commit('x', 'a', '1');
    f.setFault({ kind: 'lost_answer', method: 'GIT', path: /receive-pack$/, times: 1 });
    expect((await work.git('push', '-q', 'origin', 'x')).code).not.toBe(0);
    expect(await f.branch('ann', 'shop', 'x')).toBe(sha);
    expect((await work.git('push', '-q', 'origin', 'x')).code).toBe(0);
    expect(
      f
        .requests()
        .filter((one) => one.fault !== null)
        .map((one) => one.fault),
    ).toEqual(['lost_answer', 'lost_request', 'lost_answer']);
  });

  it('are what Octokit retries and waits for: 502, and both rate limits as it knows them', async () => {
    const f = await forge();
    const seen: string[] = [];
    const Client = Octokit.plugin(retry, throttling);
    const again =
      (kind: string) => (retryAfter: number, _options: object, _client: object, count: number) => {
        seen.push(`${kind} ${retryAfter}`);
        return count < 1;
      };
    const client = new Client({
      baseUrl: f.apiUrl,
      auth: 'ann-token',
      log: { debug() {}, info() {}, warn() {}, error() {} },
      retry: { retryAfterBaseValue: 1 },
      throttle: {
        onRateLimit: again('primary'),
        onSecondaryRateLimit: again('secondary'),
        retryAfterBaseValue: 1,
      },
    });
    for (const kind of ['bad_gateway', 'secondary_limit', 'primary_limit'] as const) {
      f.setFault({ kind, times: 1, retryAfterSeconds: 7 });
      expect((await client.request('GET /repos/{owner}/{repo}', SHOP)).status).toBe(200);
    }
    expect(seen).toEqual(['secondary 7', expect.stringMatching(/^primary [789]$/)]);
    expect(f.requests().map((one) => one.status)).toEqual([502, 200, 403, 200, 403, 200]);
  });

  it('come by chance that the seed alone decides', async () => {
    const outcomes = async (seed: number): Promise<string> => {
      const f = await forge({ seed, faults: [{ kind: 'unprocessable', method: 'POST', probability: 0.3 }] });
      const ann = octokit(f.apiUrl, 'ann-token');
      let text = '';
      for (let at = 0; at < 12; at += 1)
        text += (await statusOf(ann.rest.issues.create({ ...SHOP, title: 'x' }))) === 'ok' ? '.' : 'x';
      return text;
    };
    const first = await outcomes(3);
    expect(first).toMatch(/x/);
    expect(first).toMatch(/\./);
    expect(await outcomes(3)).toBe(first);
    expect(await outcomes(4)).not.toBe(first);
  });

  it('come of too much content within a minute, and the log shows how much it was', async () => {
    let at = 1_800_000_000_000;
    const f = await forge({ clock: () => at, creationsPerMinute: 3 });
    const ann = octokit(f.apiUrl, 'ann-token');
    const create = async (): Promise<number | string> => {
      at += 10_000;
      return statusOf(ann.rest.issues.create({ ...SHOP, title: 'x' }));
    };
    expect([await create(), await create(), await create(), await create()]).toEqual(['ok', 'ok', 'ok', 403]);
    at += 30_001;
    expect(await create()).toBe('ok');
    expect(f.load()).toEqual({ creationsPerMinute: 4, creationsPerHour: 5, pointsPerMinute: 20 });
  });

  it('come of a limit that is used up, and answers that are unchanged cost nothing', async () => {
    const f = await forge({ rateLimit: 3 });
    const ann = octokit(f.apiUrl, 'ann-token');
    const { headers } = await ann.rest.repos.get(SHOP);
    expect(headers['x-ratelimit-remaining']).toBe('2');
    const same = { ...SHOP, headers: { 'if-none-match': headers.etag ?? '' } };
    expect(await statusOf(ann.rest.repos.get(same))).toBe(304);
    expect((await ann.rest.rateLimit.get()).data.rate.remaining).toBe(2);
    expect(await statusOf(ann.rest.repos.get(SHOP))).toBe('ok');
    expect(await statusOf(ann.rest.repos.get(SHOP))).toBe(403);
  });
});

describe('webhooks', () => {
  it('are signed, shaped and numbered as GitHub’s, and sent once even if nobody takes them', async () => {
    const f = await forge();
    const got: { event: string; id: string; good: boolean; body: Record<string, unknown> }[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks);
        const signature = `sha256=${createHmac('sha256', 'secret').update(text).digest('hex')}`;
        got.push({
          event: String(request.headers['x-github-event']),
          id: String(request.headers['x-github-delivery']),
          good: request.headers['x-hub-signature-256'] === signature,
          body: JSON.parse(text.toString('utf8')) as Record<string, unknown>,
        });
        response.writeHead(500).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => void server.close());
    f.addHook('ann', 'shop', {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      secret: 'secret',
    });
    const ann = octokit(f.apiUrl, 'ann-token');
    const work = await checkout(f.gitUrl('ann', 'shop', 'ann-token'));
    open.push(() => work.remove());
    const sha = await work.commit('x', 'README.md', '# New\n');
    await work.git('push', '-q', 'origin', 'x');
    await ann.rest.issues.create({ ...SHOP, title: 'x', labels: ['agent'], assignees: ['ann'] });
    await ann.rest.issues.createComment({ ...SHOP, issue_number: 1, body: '/agent go' });
    await ann.rest.pulls.create({ ...SHOP, title: 'x', head: 'x', base: 'main' });
    await ann.rest.pulls.createReview({
      ...SHOP,
      pull_number: 2,
      event: 'COMMENT',
      body: 'hm',
      comments: [{ path: 'README.md', line: 1, body: 'why' }],
    });
    await ann.rest.repos.createCommitStatus({ ...SHOP, sha, state: 'failure', context: 'ci' });
    await work.commit('x', 'README.md', '# Newer\n');
    await work.git('push', '-q', 'origin', 'x');
    const deliveries: readonly Delivery[] = await f.deliveries();
    expect(deliveries.map((one) => (one.action === null ? one.event : `${one.event} ${one.action}`))).toEqual(
      [
        'push',
        'issues opened',
        'issues labeled',
        'issues assigned',
        'issue_comment created',
        'pull_request opened',
        'pull_request_review submitted',
        'pull_request_review_comment created',
        'status',
        'push',
        'pull_request synchronize',
      ],
    );
    expect(got.map((one) => one.id)).toEqual(deliveries.map((one) => one.id));
    expect(got.every((one) => one.good)).toBe(true);
    expect(deliveries.every((one) => one.status === 500)).toBe(true);
    expect(got[4]?.body).toMatchObject({
      comment: { body: '/agent go', user: { login: 'ann' } },
      repository: { full_name: 'ann/shop' },
      sender: { login: 'ann', type: 'User' },
    });
    expect(got[0]?.body).toMatchObject({ ref: 'refs/heads/x', after: sha, created: true });
  });
});

describe('a forge of its own', () => {
  it('outlives being killed, with repositories, pull requests and tokens, and hears of faults from outside', async () => {
    const root = mkdtempSync(join(tmpdir(), 'forge-root-'));
    open.push(() => rmSync(root, { recursive: true, force: true }));
    const source = await forge();
    const start = async (): Promise<{ child: ChildProcess; url: string }> => {
      const args = [
        '--root',
        root,
        '--user',
        'ann:ann-token',
        '--repository',
        `ann/shop=${source.folder('ann', 'shop')}`,
      ];
      const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      open.push(() => void child.kill('SIGKILL'));
      const line = await new Promise<string>((resolve) =>
        child.stdout.once('data', (chunk: Buffer) => resolve(String(chunk))),
      );
      return { child, url: (JSON.parse(line) as { url: string }).url };
    };
    const first = await start();
    const work = await checkout(`${first.url.replace('://', '://ann:ann-token@')}/ann/shop.git`);
    open.push(() => work.remove());
    const sha = await work.commit('x', 'a', '1');
    expect((await work.git('push', '-q', 'origin', 'x')).code).toBe(0);
    const ask = { ...SHOP, title: 'x', head: 'x', base: 'main' };
    await octokit(`${first.url}/api/v3`, 'ann-token').rest.pulls.create(ask);
    first.child.kill('SIGKILL');
    const second = await start();
    const ann = octokit(`${second.url}/api/v3`, 'ann-token');
    expect((await ann.rest.pulls.get({ ...SHOP, pull_number: 1 })).data.head.sha).toBe(sha);
    expect(await statusOf(ann.rest.pulls.create(ask))).toBe(422);
    const fault = { kind: 'bad_gateway', path: '/pulls', times: 1 };
    await fetch(`${second.url}/_forge/faults`, { method: 'POST', body: JSON.stringify(fault) });
    expect(await statusOf(ann.rest.pulls.list(SHOP))).toBe(502);
    expect(await statusOf(ann.rest.pulls.list(SHOP))).toBe('ok');
    expect(await (await fetch(`${second.url}/_forge/violations`)).json()).toEqual([]);
  });
});

const HAS_GH = (await run('gh', ['--version'])).code === 0;
if (!HAS_GH && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
  throw new Error('gh is missing: apt-get install gh');

describe.skipIf(!HAS_GH)('gh (skipped without it: apt-get install gh)', () => {
  it('reads, forks, writes and pages through `gh api`, by a host name of its own', async () => {
    const f = await forge();
    // gh speaks plain HTTP to this one host alone, and finds it through the proxy, which is the forge.
    const env = {
      GH_HOST: 'github.localhost',
      GH_TOKEN: 'bot-token',
      HTTP_PROXY: f.url,
      GH_CONFIG_DIR: f.folder('ann', 'shop'),
    };
    const gh = async (...args: readonly string[]): Promise<string> => {
      const { code, out } = await run('gh', ['api', ...args], { env });
      return code === 0 ? out.trim() : `failed: ${out.trim()}`;
    };
    expect(await gh('user', '--jq', '.login')).toBe('bot');
    expect(
      await gh(
        '-X',
        'POST',
        'repos/ann/shop/forks',
        '-F',
        'default_branch_only=true',
        '--jq',
        '.parent.full_name',
      ),
    ).toBe('ann/shop');
    expect(await gh('repos/ann/shop/issues', '-f', 'title=From gh', '--jq', '.number')).toBe('1');
    for (const body of ['a', 'b', 'c']) await gh('repos/ann/shop/issues/1/comments', '-f', `body=${body}`);
    expect(await gh('--paginate', 'repos/ann/shop/issues/1/comments?per_page=2', '--jq', '.[].body')).toBe(
      'a\nb\nc',
    );
    expect(await gh('repos/ann/gone')).toContain('Not Found (HTTP 404)');
    expect(f.requests().every((one) => one.login === 'bot')).toBe(true);
  });
});
