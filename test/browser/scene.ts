/**
 * The dashboard as people meet it: built from the sources, served over HTTP by a server with a worker, in a real
 * browser without a window. Jobs are real, their agents a script and the simulated one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { build } from 'vite';
import { resolveConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { openRunner } from '../../src/runner/open.ts';
import type { Runner } from '../../src/runner/runner.ts';
import { createKey } from '../../src/server/access/keys.ts';
import { openServer, type Server } from '../../src/server/server.ts';
import { QUICK_PROJECT } from '../e2e/project.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Where a browser is installed; `null` where none is, unless all parts are required. */
export const browserPath: string | null =
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path)) ?? null;

/** What a suite is called, with the way to the missing browser; without one it is skipped, or fails where all is required. */
export const label = browserPath === null ? 'the dashboard (apt-get install chromium)' : 'the dashboard';
/** Whether the suite runs: where all parts are required, it fails instead of being skipped. */
export const works: boolean = browserPath !== null || process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1';

/** An agent that does what a word in its task says. */
const AGENT = String.raw`prompt=$(cat)
case $prompt in
  *'The answer of the person'*) echo blue > colour.txt; echo 'It is blue.' > "$AGENT_RUNNER_OUT/summary.md" ;;
  *'Ask me'*) echo 'Which colour shall it be?' > "$AGENT_RUNNER_OUT/question.md" ;;
  *'Be slow'*) i=0; while [ $i -lt 900 ]; do i=$((i+1)); echo "still at it $i"; sleep 0.1; done ;;
  *'Be large'*) mkdir -p big; i=0; while [ $i -lt 500 ]; do i=$((i+1)); d=big/part$((i % 20)); mkdir -p $d; seq 1 100 | sed "s/^/const line$i = /" > $d/file$i.js; done ;;
  *'Be hostile'*)
    printf '\033[31mred\033[0m and <img src=x onerror="document.title=1"> and \033]0;title\007 and \342\200\256desrever\n'
    head -c 1000000 /dev/zero | tr '\0' x; echo
    printf '<script>document.title="owned"</script>\n\342\200\256right to left\n' > '<b>bold<.js'
    head -c 200000 /dev/zero | tr '\0' y > long.txt
    printf '<img src=x onerror="document.title=2"> \033[1mdone\033[0m' > "$AGENT_RUNNER_OUT/summary.md" ;;
  *) echo '// Remarks are worked in.' >> src/add.js; echo 'Worked in.' > "$AGENT_RUNNER_OUT/summary.md" ;;
esac
`;

/** What a person has before them. */
export interface Scene {
  readonly runner: Runner;
  readonly url: string;
  /** Logs a browser in that sees no window. */
  readonly token: string;
  /** A repository whose only check reads one line. */
  readonly repo: string;
  readonly browser: Browser;
  /** Where the pages were built to. */
  readonly built: string;
  /** A fresh browser that is logged in; what its pages complain of is collected. */
  visit(options?: Parameters<Browser['newContext']>[0]): Promise<Visit>;
  /** Asks for a job over HTTP. */
  ask(task: string, body?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Waits until a job stands so. */
  until(jobId: string, ...statuses: readonly string[]): Promise<void>;
  /** Stops the server and opens it again on the same port; `meanwhile` happens while it is away. */
  restart(meanwhile?: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

/** Somebody at the dashboard. */
export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors of scripts and of the policy, and requests that left the origin. */
  readonly troubles: readonly string[];
}

async function builtDashboard(folder: string): Promise<void> {
  await build({
    configFile: join(ROOT, 'dashboard/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
}

function makeRepository(folder: string): void {
  const git = (...args: readonly string[]): void => {
    const names = ['-c', 'user.name=Ann', '-c', 'user.email=ann@example.org'];
    execFileSync('git', [...names, '-C', folder, ...args], { stdio: 'ignore' });
  };
  for (const [path, text] of Object.entries(QUICK_PROJECT)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  git('init', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--message', 'A small project');
}

async function visitOf(browser: Browser, url: string, token: string, options: object): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(`thrown: ${error.message}`));
  page.on('console', (message) => {
    // A browser tells of every answer that is an error; what the pages make of those is another matter.
    if (
      message.type() === 'error' &&
      !/Failed to load resource|ERR_CONNECTION|ERR_INCOMPLETE/.test(message.text())
    )
      troubles.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:'))
      troubles.push(`left: ${request.url()}`);
  });
  page.setDefaultTimeout(20_000);
  await page.goto(`${url}/login?token=${token}`);
  return { context, page, troubles };
}

/**
 * Opens one.
 *
 * @param settings by name, as flags give them
 * @param folder where everything of it lies; removed at its end
 * @param more variables besides
 */
export async function openScene(
  settings: Readonly<Record<string, unknown>> = {},
  folder: string = mkdtempSync(join(tmpdir(), 'agent-runner-browser-')),
  more: Readonly<Record<string, string>> = {},
): Promise<Scene> {
  if (browserPath === null) throw new Error('no browser: apt-get install chromium');
  const [home, repo, built] = [join(folder, 'home'), join(folder, 'shop'), join(folder, 'built')];
  for (const path of [home, repo]) mkdirSync(path, { recursive: true });
  makeRepository(repo);
  const script = join(folder, 'agent.sh');
  writeFileSync(script, AGENT);
  const flags = {
    home,
    port: 0,
    agent_cmd: `sh ${script}`,
    min_free_bytes: 0,
    requests_per_minute: 0,
    ...settings,
  };
  const env = { PATH: process.env['PATH'], WEBHOOK_SECRET: 'secret-of-the-test', ...more };
  const config = await resolveConfig({ flags, env, cwd: folder, projectFile: null });
  const runner = await openRunner(config);
  const log = createLog({ level: 'error', format: 'json', write: (line) => process.stderr.write(line) });
  const stop = new AbortController();
  const work = runner.work({ mode: 'loop', pollMs: 200, stop: stop.signal, log });
  const [made] = await Promise.all([
    createKey(runner.store, { name: 'Ann', role: 'admin' }),
    builtDashboard(built),
  ]);
  if (made === null) throw new Error('no key was made');
  const token = made.secret;
  const open = (port: number): Promise<Server> =>
    openServer({
      runner: { ...runner, config: { ...config, server: { ...config.server, port } } },
      version: '1.2.3',
      log,
      auth: true,
      worker: () => 'working',
      dashboardFolder: built,
    });
  let server = await open(0);
  const { url, port } = server;
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
  const contexts: BrowserContext[] = [];
  return {
    runner,
    url,
    token,
    repo,
    browser,
    built,
    async visit(options = {}) {
      const visit = await visitOf(browser, url, token, options);
      contexts.push(visit.context);
      return visit;
    },
    async ask(task, body = {}) {
      const response = await fetch(`${url}/api/jobs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ repo, task, ...body }),
      });
      const answer = (await response.json()) as { job_id?: string };
      if (answer.job_id === undefined) throw new Error(JSON.stringify(answer));
      return answer.job_id;
    },
    async until(jobId, ...statuses) {
      for await (const events of runner.follow(jobId, { after: 0, signal: AbortSignal.timeout(50_000) })) {
        if (events.some(({ type, data }) => type === 'status' && statuses.includes(String(data['status']))))
          return;
      }
      throw new Error(`${jobId} did not become ${statuses.join(' or ')}`);
    },
    async restart(meanwhile) {
      await server.close();
      await meanwhile?.();
      server = await open(port);
    },
    async close() {
      await browser.close();
      stop.abort();
      await server.close();
      await work;
      await runner.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
