/** The example apps: they compile, ask for a job, and take only the callback that is signed. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_BUBBLEWRAP, openBench, ROOT, userPath, type Bench } from '../cli.ts';
import { exampleApps, install, missing } from '../docs/installed.ts';
import { makeTarget, startUp, type Started } from '../server/started.ts';

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  hono: ['hono', '@hono/node-server', '@types/node'],
  express: ['express', '@types/express', '@types/node'],
};
const SECRET = 'a secret that both sides know';
const AGENT = 'echo two > a.txt';
const WEBHOOKS = { WEBHOOK_SECRET: SECRET, WEBHOOK_ALLOW: '127.0.0.1', ALLOW_INSECURE_WEBHOOKS: '1' };

const LACKING = exampleApps().flatMap((name) => missing(PACKAGES[name] ?? []));
if (LACKING.length > 0 && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
  throw new Error(`${LACKING.join(', ')} missing: npm install`);
const APPS = exampleApps().filter((name) => missing(PACKAGES[name] ?? []).length === 0);

if (LACKING.length > 0) it.skip(`${LACKING.join(', ')} missing (npm install)`, () => {});

it('every example has packages that are known', () => {
  expect(exampleApps().toSorted()).toEqual(Object.keys(PACKAGES).toSorted());
});

let bench: Bench;
let repo: string;
beforeAll(() => {
  bench = openBench();
  repo = makeTarget(bench);
});
afterAll(() => bench.remove());

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

interface App {
  readonly url: string;
  readonly child: ChildProcess;
  /** Waits until it has printed something. */
  printed(text: RegExp): Promise<string>;
}

async function startApp(name: string, env: Readonly<Record<string, string>>): Promise<App> {
  const folder = join(bench.root, `app-${name}`);
  mkdirSync(folder);
  install(folder, PACKAGES[name]);
  for (const file of ['app.ts', 'package.json'])
    copyFileSync(join(ROOT, 'examples', name, file), join(folder, file));
  const port = String(await freePort());
  const child = spawn(process.execPath, ['app.ts'], {
    cwd: folder,
    env: { PATH: userPath(), HOME: folder, PORT: port, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const printed: App['printed'] = async (wanted) => {
    for (let waited = 0; waited < 30_000; waited += 20) {
      const found = wanted.exec(text);
      if (found !== null) return found[0];
      if (child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`never printed ${String(wanted)}: ${text}`);
  };
  return { url: await printed(/http:\S+/), child, printed };
}

it.each(APPS)(
  '%s compiles under every strict flag',
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'agent-runner-example-'));
    install(folder, PACKAGES[name]);
    copyFileSync(join(ROOT, 'examples', name, 'app.ts'), join(folder, 'app.ts'));
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2025', 'esnext.disposable'],
      module: 'nodenext',
      types: ['node'],
      noEmit: true,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: true,
      erasableSyntaxOnly: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    };
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const { stdout } = await promisify(execFile)(tsc, ['-p', folder]).catch(
      (error: unknown) => error as { stdout: string },
    );
    rmSync(folder, { recursive: true, force: true });
    expect(stdout).toBe('');
  },
  60_000,
);

describe.skipIf(!HAS_BUBBLEWRAP).each(APPS)('examples/%s (apt-get install bubblewrap)', (name) => {
  let server: Started | null = null;
  let app: App;
  beforeAll(async () => {
    // One runs its jobs itself, the other has a server do that.
    if (name === 'express') server = await startUp(bench, { AGENT_CMD: AGENT, ...WEBHOOKS });
    const own = { AGENT_RUNNER_HOME: join(bench.root, 'own'), AGENT_CMD: AGENT, ...WEBHOOKS };
    const remote = (at: Started): Record<string, string> => ({
      AGENT_RUNNER_URL: at.url,
      AGENT_RUNNER_TOKEN: at.key,
      WEBHOOK_SECRET: SECRET,
    });
    app = await startApp(name, server === null ? own : remote(server));
  });
  afterAll(async () => {
    app.child.kill('SIGTERM');
    await once(app.child, 'exit');
    await server?.kill();
  });

  it('asks for a job and hears, signed, how it ended', async () => {
    const asked = await fetch(`${app.url}/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ repo, task: 'Write two' }),
    });
    const job = (await asked.json()) as { job_id: string };
    expect([asked.status, job]).toMatchObject([202, { status: 'queued', upstream_repo: repo }]);
    expect(await app.printed(/job-\w+ ended: \w+/)).toBe(`${job.job_id} ended: proposed`);
    const shown = await fetch(`${app.url}/tasks/${job.job_id}`);
    expect(await shown.json()).toMatchObject({ status: 'completed', outcome: 'proposed' });
  });

  it('believes nobody else', async () => {
    const forged = await fetch(`${app.url}/hook`, {
      method: 'POST',
      body: '{"job_id":"x","status":"failed"}',
    });
    expect(forged.status).toBe(401);
    const unknown = await fetch(`${app.url}/tasks/job-000000000000`);
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { hint: expect.any(String) as string },
    ]);
  });
});
