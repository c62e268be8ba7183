/** `npm start` in a clone, as a newcomer runs it: the pages are built, and the link that it prints leads into them. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ROOT } from '../cli.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'agent-runner-start-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

it('leads from its link to the first page, and ends by Ctrl-C', async () => {
  const { npm_config_cache: cache, PATH } = process.env;
  const child = spawn('npm', ['start', '--silent', '--', '--port', '0'], {
    cwd: ROOT,
    env: {
      PATH,
      HOME: home,
      AGENT_RUNNER_HOME: home,
      ...(cache === undefined ? {} : { npm_config_cache: cache }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A terminal sends Ctrl-C to all of its processes: npm's, and ours below it.
    detached: true,
  });
  try {
    let [stdout, stderr] = ['', ''];
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await expect.poll(() => `${stdout}${stderr}`, { timeout: 60_000 }).toMatch(/ready: http/);
    const link = new URL(/^http\S+$/m.exec(stdout)?.[0] ?? '');
    const login = await fetch(link, { redirect: 'manual' });
    expect([login.status, login.headers.get('location')]).toEqual([303, '/']);
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    const page = await (await fetch(link.origin, { headers: { cookie, accept: 'text/html' } })).text();
    const script = /<script type="module"[^>]* src="([^"]+)"/.exec(page)?.[1] ?? '';
    expect((await fetch(link.origin + script)).headers.get('content-type')).toContain('javascript');
    const who = await fetch(`${link.origin}/api/who`, { headers: { cookie } });
    expect(await who.json()).toMatchObject({ name: 'first', role: 'admin' });
    const ended = new Promise((resolve) => child.on('close', resolve));
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
    expect(stderr).toContain('the link logs you in');
    await expect(fetch(link.origin)).rejects.toThrow();
  } finally {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL');
  }
});
