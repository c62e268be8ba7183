/** `up`: the HTTP API and a worker in one process, until it is stopped. */
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLog, type Log } from '../../log.ts';
import type { Runner } from '../../runner/runner.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { action, asCalled, printJson, programVersion, type CliCommand, type Io } from '../command.ts';
import { withTidyRunner } from '../reading.ts';

interface Options extends Record<string, unknown> {
  readonly host?: string;
  readonly port?: string;
  /** `false` where `--no-auth` was given. */
  readonly auth: boolean;
  readonly worker: boolean;
  readonly json?: boolean;
}

/** Where the build writes the dashboard: the same place seen from the sources and from the bundle. */
const DASHBOARD: string = fileURLToPath(new URL('../../../dist/dashboard', import.meta.url));
/** How often the queue is looked at where nothing rings, in milliseconds. */
const POLL_MS = 5000;
/** How often it is looked whether the daily clean-up is due, in milliseconds. */
const TIDY_MS = 3_600_000;

/** How the worker of this process is; `none`: there is none. */
interface Working {
  readonly state: () => 'working' | 'none' | 'stopped';
  /** Resolves when nothing is in work any more. */
  readonly done: Promise<void>;
}

function startWorker(runner: Runner, isWanted: boolean, stop: AbortSignal, log: Log): Working {
  if (!isWanted || !runner.config.worker.enabled) return { state: () => 'none', done: Promise.resolve() };
  let state: ReturnType<Working['state']> = 'working';
  const work = runner.work({
    mode: 'loop',
    pollMs: POLL_MS,
    stop,
    log,
  });
  const done = work
    .then(() => undefined)
    .catch((error: unknown) => log.error('the worker stopped', { error }))
    .finally(() => {
      state = 'stopped';
    });
  return { state: () => state, done };
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Gives back what starting needed, which the engine keeps until memory is short: 15 MB of 110. It takes 40 ms, so it is done
 * before anybody can be waiting.
 */
function giveBack(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (how: { type: 'major'; flavor: 'last-resort' }) => void;
  collect({ type: 'major', flavor: 'last-resort' });
}

/** What of a server a person is told of. */
interface Opened {
  readonly url: string;
  readonly loginUrl: string | null;
  readonly hasDashboard: boolean;
}

/** What a person is told who started it: how to get in, and why there may be no pages. */
function greet(io: Io, { url, loginUrl, hasDashboard }: Opened, auth: boolean): void {
  if (loginUrl !== null) io.err('the link logs you in; it is shown this once, and so is the key in it\n');
  else if (auth)
    io.err(
      asCalled(
        io,
        'a browser that logged in before is let in; another needs a key: `agent-runner keys create --name <who> --role admin` makes one\n',
      ),
    );
  else io.err('nobody is asked for a key: whoever is on this machine is let in\n');
  if (!hasDashboard)
    io.err(
      `the dashboard is not built, so there is the API alone (${url}/docs): \`npm run build:dashboard\`, then start again\n`,
    );
}

async function serve(io: Io, runner: Runner, options: Options, log: Log): Promise<void> {
  // Loaded here, so that no other command waits for what a server is made of.
  const { openServer } = await import('../../server/server.ts');
  // Begins when nothing stands in the way of the server any more: jobs are not begun by what ends at once.
  let worker: Working = { state: () => 'none', done: Promise.resolve() };
  const { auth } = options;
  const server = await openServer({
    runner,
    version: programVersion(),
    log,
    auth,
    worker: () => worker.state(),
    dashboardFolder: DASHBOARD,
  });
  giveBack();
  worker = startWorker(runner, options.worker, io.signal, log);
  const { url, loginUrl } = server;
  if (options.json === true) printJson(io, { url, login_url: loginUrl });
  else io.out(`${loginUrl ?? `${url}/`}\n`);
  greet(io, server, auth);
  io.err(`ready: ${url} takes requests${worker.state() === 'none' ? '' : ' and runs jobs'}\n`);
  const tidy = setInterval(() => void runner.tidyDaily(), TIDY_MS);
  await stopped(io.signal);
  clearInterval(tidy);
  await Promise.all([server.close(), worker.done]);
}

async function up(io: Io, options: Options): Promise<number> {
  const { host, port } = options;
  const config = await io.resolve({
    ...settingsOf(options),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port }),
  });
  const log = createLog({ ...config.log, write: (line) => io.err(line) });
  const work = async (runner: Runner): Promise<number> => {
    await serve(io, runner, options, log);
    return 0;
  };
  return withTidyRunner(config, work, { lasts: true });
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program)
      .option('--host <address>', 'listen here; 127.0.0.1 by default')
      .option('--port <n>', 'listen on this port; 8000 by default, 0 is any that is free')
      .option('--no-worker', 'take requests and run no jobs')
      .option('--no-auth', 'ask nobody for a key; only on loopback')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => up(io, options)));
  },
  examples: ['up', 'up --port 0 --no-auth --agent simulated'],
};
