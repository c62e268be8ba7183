/** A server and a worker in this process whose jobs are executed by the workflow of `bot/runner` on a test forge. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { resolveConfig } from '../../../src/config.ts';
import type { Job } from '../../../src/job/job.ts';
import { createLog } from '../../../src/log.ts';
import { webhookHeaders } from '../../../src/notify/sign.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { createKey } from '../../../src/server/access/keys.ts';
import { openServer, type Server } from '../../../src/server/server.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import type { Repository, WorkflowRun } from '../../forge/state/model.ts';

export const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** As `.github/workflows/run.yml` takes it, without what it does: the test plays that. */
export const WORKFLOW = `name: agent-runner
run-name: agent-runner \${{ inputs.job_id }}
on:
  workflow_dispatch:
    inputs:
      fork_repo: { required: true, type: string }
      upstream_repo: { required: true, type: string }
      prompt: { required: true, type: string }
      job_id: { required: true, type: string }
      callback_url: { required: false, type: string }
jobs: {}
`;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

export interface Place {
  readonly forge: TestForge;
  readonly home: string;
  readonly runner: Runner;
  readonly server: Server;
  readonly logged: readonly string[];
  /** Runs of `bot/runner`, live. */
  runs(): readonly WorkflowRun[];
  /** Asks for a job over HTTP. */
  submit(body?: Readonly<Record<string, unknown>>): Promise<Response>;
  /** Sends a callback, signed unless headers are given. */
  call(body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** Pushes the branch of a job to its fork and opens its pull request, as the workflow does. @returns its URL */
  propose(jobId: string): Promise<string>;
  /** Waits until a job is as wished, a minute at most. */
  until(jobId: string, isSo: (job: Job) => boolean): Promise<Job>;
  ended(jobId: string): Promise<Job>;
  /** Ends server and worker, and opens others on the same home. */
  reopen(settings?: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

interface Opened {
  readonly runner: Runner;
  readonly server: Server;
  readonly key: string;
  close(): Promise<void>;
}

async function open(
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  logged: string[],
): Promise<Opened> {
  const home = String(flags['home']);
  const config = await resolveConfig({ flags, env, cwd: home, projectFile: null });
  const runner = await openRunner(config);
  const log = createLog({ level: 'debug', format: 'json', write: (line) => logged.push(line) });
  const made = await createKey(runner.store, { name: 'test', role: 'admin' });
  const server = await openServer({ runner, version: '1', log, auth: true, worker: () => 'working' });
  const stop = new AbortController();
  const working = runner.work({ mode: 'loop', pollMs: 50, stop: stop.signal, log });
  return {
    runner,
    server,
    key: made?.secret ?? '',
    async close() {
      stop.abort();
      await working;
      await server.close();
      await runner.close();
    },
  };
}

// Not synchronous: the forge that it talks to is in this process.
async function git(cwd: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)('git', ['-c', 'user.name=bot', '-c', 'user.email=b@x', ...args], { cwd });
}

/** Opens one; `ann/tool` is there. */
export async function openPlace(settings: Readonly<Record<string, unknown>> = {}): Promise<Place> {
  const home = mkdtempSync(join(tmpdir(), 'agent-runner-dispatch-'));
  const forge = await startTestForge({
    users: [
      { login: 'ann', token: 'ghp_annannannannannannannannannannannann' },
      { login: 'bot', token: TOKEN },
    ],
  });
  await forge.addRepository({ owner: 'ann', name: 'tool', from: { 'README.md': '# Tool\n' } });
  const from = { '.github/workflows/run.yml': WORKFLOW };
  await forge.addRepository({ owner: 'bot', name: 'runner', from });
  const port = await freePort();
  const flags = {
    home,
    port,
    public_url: `http://127.0.0.1:${port}`,
    github_url: forge.url,
    runner_repo: 'bot/runner',
    github_pace_ms: 0,
    fork_poll_s: 0.02,
    run_poll_s: 1,
    min_free_bytes: 0,
    requests_per_minute: 0,
    'retry.base_ms': 0,
    webhook_allow: ['127.0.0.1'],
    ...settings,
  };
  const env = { PATH: process.env['PATH'], BOT_TOKEN: TOKEN, WEBHOOK_SECRET: SECRET };
  const logged: string[] = [];
  let opened = await open(flags, env, logged);
  const until: Place['until'] = async (jobId, isSo) => {
    for (let waitedMs = 0; ; waitedMs += 20) {
      const job = await opened.runner.store.getJob(jobId);
      if (job !== null && isSo(job)) return job;
      if (waitedMs > 60_000) throw new Error(`${jobId} is ${job?.status}`);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
  };
  return {
    forge,
    home,
    get runner() {
      return opened.runner;
    },
    get server() {
      return opened.server;
    },
    logged,
    runs: () => forge.repo('bot', 'runner').runs,
    submit: (body = {}) =>
      fetch(`${opened.server.url}/api/jobs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${opened.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ repo: 'ann/tool', task: 'Say more in the README', ...body }),
      }),
    call(body, headers) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return fetch(`${opened.server.url}/webhook/agent-runner`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(headers ?? webhookHeaders(SECRET, 'msg_1', new Date(), text)),
        },
        body: text,
      });
    },
    async propose(jobId) {
      const clone = mkdtempSync(join(tmpdir(), 'agent-runner-fork-'));
      try {
        await git(clone, 'clone', '-q', forge.gitUrl('bot', 'tool', TOKEN), '.');
        await git(clone, 'checkout', '-q', '-b', `bot/${jobId}`);
        await git(clone, 'commit', '-q', '--allow-empty', '-m', `Change of ${jobId}`);
        await git(clone, 'push', '-q', 'origin', `bot/${jobId}`);
      } finally {
        rmSync(clone, { recursive: true, force: true });
      }
      const answer = await fetch(`${forge.apiUrl}/repos/ann/tool/pulls`, {
        method: 'POST',
        headers: { authorization: `token ${TOKEN}`, 'content-type': 'application/json' },
        body: JSON.stringify({ title: 'More', head: `bot:bot/${jobId}`, base: 'main', body: `Job ${jobId}` }),
      });
      return ((await answer.json()) as { html_url: string }).html_url;
    },
    until,
    ended: (jobId) => until(jobId, ({ outcome }) => outcome !== null),
    async reopen(more = {}) {
      await opened.close();
      opened = await open({ ...flags, ...more }, env, logged);
    },
    async close() {
      await opened.close();
      rmSync(home, { recursive: true, force: true });
      await forge.close();
    },
  };
}

/** The job of a run. */
export function jobIdOf({ inputs }: Pick<WorkflowRun, 'inputs'>): string {
  return String(inputs['job_id']);
}

export type { Repository, WorkflowRun };
