/** A forge for tests, a server that it tells what happens, and a dispatcher that is called by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../../src/config.ts';
import type { Job } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { ForgeEvent } from '../../../src/job/trigger/event.ts';
import type { TriggerView } from '../../../src/job/trigger/record.ts';
import { createLog } from '../../../src/log.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import type { Dispatcher } from '../../../src/runner/triggers/dispatch.ts';
import { openServer, type Server } from '../../../src/server/server.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { run } from '../../forge/clients.ts';
import { sampleJob, sampleRequest } from '../../store/sample.ts';

export const SECRET = '0123456789abcdef0123456789abcdef';
const TOKENS = { ann: 'ghp_ann', bot: 'ghp_bot', eve: 'ghp_eve', 'ci-bot': 'ghp_ci' } as const;
export type Person = keyof typeof TOKENS;

/** A pull request that a job of the store opened. */
export interface Opened {
  readonly job: Job;
  readonly number: number;
  readonly sha: string;
}

export interface TriggerScene {
  readonly forge: TestForge;
  readonly runner: Runner;
  readonly server: Server;
  readonly dispatcher: Dispatcher;
  readonly logged: readonly string[];
  /** The dispatcher's clock. */
  readonly clock: { ms: number };
  /** Calls the forge as somebody. */
  readonly as: (
    who: Person,
    method: string,
    path: string,
    body?: unknown,
  ) => Promise<Record<string, unknown>>;
  /** Opens an issue of `eve`, and returns its number. */
  readonly issue: (title?: string, text?: string) => Promise<number>;
  readonly comment: (who: Person, number: number, text: string) => Promise<void>;
  /** A branch of the repository with a commit of its own. */
  readonly branch: (name: string, who?: Person) => Promise<string>;
  /** A pull request of ours, on an issue or by itself. */
  readonly ownPull: (issue?: number) => Promise<Opened>;
  /** Waits until the forge has told all, and decides once. */
  readonly settle: () => Promise<void>;
  /** Ends a job that is played. */
  readonly end: (jobId: string, result?: Partial<JobResult>) => Promise<void>;
  readonly jobs: () => Promise<readonly Job[]>;
  readonly triggers: () => Promise<readonly TriggerView[]>;
  /** What is said of each event, the oldest first: its action or state, and why. */
  readonly told: () => Promise<readonly string[]>;
  /** Who answered by which sign, on issues, pull requests and comments. */
  readonly reactions: () => readonly string[];
  /** What is said in comments. */
  readonly said: () => readonly string[];
  readonly add: (...events: readonly ForgeEvent[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens one. @param settings by name, as flags give them */
export async function openScene(
  settings: Readonly<Record<string, unknown>> = {},
  options: { readonly hook?: boolean } = {},
): Promise<TriggerScene> {
  const forge = await startTestForge({
    users: [
      ...(['ann', 'bot', 'eve'] as const).map((login) => ({ login, token: TOKENS[login] })),
      { login: 'ci-bot', token: TOKENS['ci-bot'], type: 'Bot' },
    ],
  });
  await forge.addRepository({
    owner: 'ann',
    name: 'tool',
    from: { 'README.md': '# Tool\n' },
    collaborators: { bot: 'write', 'ci-bot': 'write' },
  });
  const home = mkdtempSync(join(tmpdir(), 'agent-runner-triggers-'));
  const config = await resolveConfig({
    flags: {
      home,
      port: 0,
      agent: 'simulated',
      min_free_bytes: 0,
      requests_per_minute: 0,
      github_url: forge.url,
      github_api_url: forge.apiUrl,
      github_pace_ms: 0,
      'triggers.poll_s': 0,
      ...settings,
    },
    env: { PATH: process.env['PATH'], BOT_TOKEN: TOKENS.bot, GITHUB_WEBHOOK_SECRET: SECRET },
    cwd: home,
    projectFile: null,
  });
  const runner = await openRunner(config);
  const logged: string[] = [];
  const log = createLog({ level: 'debug', format: 'json', write: (line) => logged.push(line) });
  const server = await openServer({ runner, version: '1', log, auth: false, worker: () => 'none' });
  if (options.hook !== false)
    forge.addHook('ann', 'tool', { url: `${server.url}/webhooks/github`, secret: SECRET });
  const clock = { ms: Date.now() };
  const dispatcher = runner.triggers.dispatcher(log, () => new Date(clock.ms));
  if (dispatcher === null) throw new Error('there is no dispatcher');
  const { store } = runner;

  const scene: TriggerScene = {
    forge,
    runner,
    server,
    dispatcher,
    logged,
    clock,
    async as(who, method, path, body) {
      const answer = await fetch(`${forge.apiUrl}/repos/ann/tool${path}`, {
        method,
        headers: { authorization: `token ${TOKENS[who]}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as Record<string, unknown>;
    },
    async issue(title = 'Round prices', text = 'They are not rounded.') {
      return Number((await scene.as('eve', 'POST', '/issues', { title, body: text }))['number']);
    },
    async comment(who, number, text) {
      await scene.as(who, 'POST', `/issues/${number}/comments`, { body: text });
    },
    async branch(name, who = 'bot') {
      const path = join(home, `clone-${name.replaceAll('/', '-')}`);
      await run('git', ['clone', '-q', forge.gitUrl('ann', 'tool', TOKENS[who]), path]);
      await run('git', ['-C', path, 'commit', '-q', '--allow-empty', '-m', name]);
      await run('git', ['-C', path, 'push', '-q', 'origin', `HEAD:refs/heads/${name}`]);
      return (await forge.branch('ann', 'tool', name)) ?? '';
    },
    async ownPull(issue) {
      const jobId = `job-${String((await scene.jobs()).length + 1).padStart(12, '0')}`;
      const sha = await scene.branch(`bot/${jobId}`);
      const made = await scene.as('bot', 'POST', '/pulls', {
        title: 'x',
        head: `bot/${jobId}`,
        base: 'main',
      });
      const request = sampleRequest({
        repo: `${forge.url}/ann/tool`,
        agent: 'simulated',
        ...(issue === undefined ? {} : { issue: `ann/tool#${issue}` }),
      });
      await store.createJob(sampleJob(jobId, { request }));
      await scene.end(jobId, {
        pr_url: String(made['html_url']),
        branch: `bot/${jobId}`,
        head_sha: sha,
      });
      const job = await store.getJob(jobId);
      if (job === null) throw new Error('no job');
      return { job, number: Number(made['number']), sha };
    },
    async settle() {
      const failed = (await forge.deliveries()).find(({ status }) => status !== 200 && status !== 202);
      if (failed !== undefined)
        throw new Error(`a delivery was answered ${JSON.stringify(failed).slice(0, 500)}`);
      clock.ms = Math.max(clock.ms, Date.now());
      await dispatcher.round();
    },
    async end(jobId, result) {
      const lease = await store.acquireLease(jobId, 'player', 60_000, new Date());
      if (lease === null) throw new Error(`${jobId} is held`);
      await store.updateJob(lease, { status: 'running' });
      const full = {
        base_sha: null,
        wip_ref: null,
        phases: [],
        gate: { verdict: null, runs: [] },
        ...result,
      };
      const ended =
        result === undefined ? { outcome: 'no_change' as const } : { outcome: 'pr_opened' as const };
      await store.updateJob(lease, { status: 'completed', ...ended, result: full as unknown as JobResult });
      await store.releaseLease(lease);
    },
    jobs: () => store.listJobs({ limit: 1000 }),
    triggers: () => runner.triggers.list({ limit: 2000 }),
    async told() {
      const all = await scene.triggers();
      return all.toReversed().map(({ action, state, reason }) => action ?? `${state}: ${reason ?? ''}`);
    },
    reactions() {
      const { issues, comments } = forge.repo('ann', 'tool');
      return [...issues, ...comments].flatMap((one) =>
        one.reactions.map(({ login, content }) => `${login} ${content}`),
      );
    },
    said: () => forge.repo('ann', 'tool').comments.map(({ body }) => body),
    async add(...events) {
      await store.addTriggers(events, { delivery: null, now: new Date(clock.ms) });
    },
    async close() {
      await server.close();
      await runner.close();
      rmSync(home, { recursive: true, force: true });
      await forge.close();
    },
  };
  return scene;
}
