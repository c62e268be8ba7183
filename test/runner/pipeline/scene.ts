/** A home with a repository and an agent that does what its task says, for runs of pipelines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../../src/config.ts';
import type { Job, JobEvent } from '../../../src/job/job.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { createLog } from '../../../src/log.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { RunSubmitOptions } from '../../../src/runner/pipeline/pipelines.ts';
import type { WorkerSummary } from '../../../src/runner/queue/worker.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';

/** Does what stands behind `RUN:` in its task. */
export const AGENT = 'eval "$(sed -n \'s/^.*RUN: //p\' {prompt_file} | head -n 1)"';

/** A step as tests write it. */
export type Step = Readonly<Record<string, unknown>> & { readonly name: string };

export interface RunScene {
  readonly root: string;
  readonly repo: string;
  readonly runner: Runner;
  /** Submits a pipeline of these steps. */
  submit(
    steps: readonly Step[],
    over?: Readonly<Record<string, unknown>>,
    options?: RunSubmitOptions,
  ): Promise<Job>;
  /** Works until nothing is left that may be taken. */
  work(): Promise<WorkerSummary>;
  /** Works until told to stop, which the returned function does. */
  loop(): () => Promise<WorkerSummary>;
  view(job: Pick<Job, 'job_id'>): Promise<RunView>;
  /** How the steps stand, by name. */
  steps(job: Pick<Job, 'job_id'>): Promise<Readonly<Record<string, string>>>;
  events(job: Pick<Job, 'job_id'>): Promise<readonly JobEvent[]>;
  /** Resolves when something holds; the last error is thrown after 30 s. */
  until<T>(look: () => Promise<T | null | false>): Promise<T>;
  /** What the log tells of steps, in order. */
  told(job: Pick<Job, 'job_id'>): Promise<readonly string[]>;
  touch(path: string): void;
  git(...args: string[]): string;
  close(): Promise<void>;
}

/** Opens one. @param settings by name, as flags give them */
export async function openRunScene(
  settings: Readonly<Record<string, unknown>> = {},
  files: Readonly<Record<string, string>> = { 'a.txt': 'one\n' },
): Promise<RunScene> {
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-runs-'));
  const repo = makeRepository(join(root, 'repo'), files);
  const config = await resolveConfig({
    flags: { home: join(root, 'home'), min_free_bytes: 0, agent: 'command', sandbox: 'host', ...settings },
    env: { PATH: process.env['PATH'], HOME: root, AGENT_CMD: AGENT },
    cwd: root,
    projectFile: null,
  });
  const runner = await openRunner(config);
  const log = createLog({ level: 'error', format: 'json', write() {} });
  const scene: RunScene = {
    root,
    repo,
    runner,
    async submit(steps, over = {}, options = {}) {
      const pipeline = parsePipeline({ name: 'test', ...over, steps });
      return (await runner.pipelines.submit({ pipeline, repo, allowHost: true }, options)).job;
    },
    work: () => runner.work({ mode: 'once', pollMs: 50, stop: new AbortController().signal, log }),
    loop() {
      const stop = new AbortController();
      const working = runner.work({ mode: 'loop', pollMs: 50, stop: stop.signal, log });
      return () => {
        stop.abort();
        return working;
      };
    },
    view: ({ job_id: id }) => runner.pipelines.view(id),
    async steps(job) {
      const { steps } = await scene.view(job);
      return Object.fromEntries(steps.map(({ name, status }) => [name, status]));
    },
    events: ({ job_id: id }) => runner.store.readEvents(id, 0, 1000),
    async until(look) {
      for (let tries = 0; tries < 600; tries++) {
        const found = await look();
        if (found !== null && found !== false) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error('it did not come to that');
    },
    async told(job) {
      const { definition } = (await runner.store.getJob(job.job_id))?.request.pipeline ?? {};
      const names = new Set(definition?.steps.map(({ name }) => name));
      const data = (await scene.events(job)).filter(({ type }) => type === 'phase').map((one) => one.data);
      return data
        .filter(({ step }) => names.has(String(step)))
        .map(({ step, state, status, outcome }) => [step, status ?? state, outcome].join(' ').trim());
    },
    touch: (path) => writeFileSync(path, ''),
    git: (...args) => sh(repo, ...args),
    async close() {
      await runner.close();
      // The last ring for other processes is on its way, and would make its folder anew.
      await new Promise((resolve) => setTimeout(resolve, 50));
      rmSync(root, { recursive: true, force: true });
    },
  };
  return scene;
}
