/** Opens where jobs are kept: a server's client, or a home folder of this machine with a worker in this process. */
import type { JobClient } from '../client/client.ts';
import type { Said } from '../job/elsewhere/ending.ts';
import { readEnvironment, resolveConfig } from '../config.ts';
import { createLog } from '../log.ts';
import type { ResolvedOptions } from './options.ts';

/** How often the worker looks at the queue where nothing rings, in milliseconds. */
const POLL_MS = 5000;

/** What is open, and how it is put away. */
export interface Opened {
  readonly client: JobClient;
  /** Ends a job that a workflow executes; `null` where a server does. */
  readonly end: ((jobId: string, said: Said) => Promise<void>) | null;
  /** Resolves when nothing is at work any more, and all is closed. */
  close(): Promise<void>;
}

async function openHere({ embedded, webhookSecret }: ResolvedOptions): Promise<Opened> {
  // A server's client needs none of this, so it is loaded here.
  const { openRunner } = await import('../runner/open.ts');
  const { createLocalClient } = await import('../client/local.ts');
  const env = readEnvironment();
  const config = await resolveConfig({
    flags: embedded.settings,
    env: {
      ...env,
      ...(webhookSecret === null ? {} : { WEBHOOK_SECRET: webhookSecret }),
      ...(embedded.botToken === null ? {} : { BOT_TOKEN: embedded.botToken }),
    },
    cwd: process.cwd(),
    // What the repository says that the program happens to stand in is none of its business.
    projectFile: null,
  });
  const write = embedded.onLog ?? ((line: string) => void process.stderr.write(line));
  const log = createLog({ ...config.log, ...(embedded.onLog === null ? { level: 'warn' } : {}), write });
  const runner = await openRunner(config);
  const stop = new AbortController();
  const works = embedded.worker && config.worker.enabled;
  const working = works
    ? runner.work({ mode: 'loop', pollMs: POLL_MS, stop: stop.signal, log }).then(
        () => undefined,
        (error: unknown) => log.error('the worker stopped', { error }),
      )
    : Promise.resolve();
  const sweeping = runner.sweep();
  return {
    client: createLocalClient(runner),
    async end(jobId, said) {
      await runner.endElsewhere(jobId, { kind: 'said', said });
    },
    async close() {
      stop.abort();
      await Promise.all([working, sweeping]);
      await runner.close();
    },
  };
}

/** Opens it. */
export async function openJobs(options: ResolvedOptions): Promise<Opened> {
  if (options.place === null) return openHere(options);
  const { createRemoteClient } = await import('../client/remote.ts');
  const client = createRemoteClient(options.place);
  return { client, end: null, close: () => client.close() };
}
