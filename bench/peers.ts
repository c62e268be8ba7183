/** Other job queues, installed for the bench alone and run beside ours: on PostgreSQL, with its flush to the disk on. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { readEnvironment } from '../src/config.ts';

/** One queue under measurement. */
export interface Peer {
  readonly name: string;
  /** Seconds until all jobs were accepted, and then until all of them had ended. */
  run(
    jobs: number,
    callers: number,
    atOnce: number,
  ): Promise<{ readonly submitS: number; readonly workS: number }>;
  close(): Promise<void>;
}

const PACKAGES = ['graphile-worker@0.18.0', 'pg-boss@12.35.0'];
const PORT = 54_329;
const READY_TRIES = 100;

function binaries(): string | null {
  const root = '/usr/lib/postgresql';
  const version = existsSync(root)
    ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a))[0]
    : undefined;
  return version === undefined ? null : join(root, version, 'bin');
}

/** PostgreSQL refuses to run as root. */
function asServer(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function startPostgres(bin: string, folder: string): Promise<() => void> {
  const as = asServer();
  mkdirSync(folder, { recursive: true });
  if (as !== undefined) execFileSync('chown', [`${as.uid}:${as.gid}`, folder]);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'bench', '--auth=trust'], {
    ...as,
    stdio: 'ignore',
    cwd: '/',
  });
  const args = ['-D', data, '-p', String(PORT), '-k', folder, '-h', '127.0.0.1'];
  const server = spawn(join(bin, 'postgres'), args, { ...as, stdio: 'ignore', cwd: '/' });
  for (let tries = 0; ; tries++) {
    try {
      execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(PORT)], { stdio: 'ignore' });
      break;
    } catch (error) {
      if (tries === READY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  execFileSync(join(bin, 'createdb'), ['-h', '127.0.0.1', '-p', String(PORT), '-U', 'bench', 'queue']);
  return () => void server.kill('SIGINT');
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

async function lanes(count: number, atOnce: number, one: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** Resolves once it was called so often. */
function countdown(from: number): { readonly done: Promise<void>; one(): void } {
  const all = Promise.withResolvers<void>();
  let left = from;
  return {
    done: all.promise,
    one() {
      if (--left === 0) all.resolve();
    },
  };
}

interface GraphileWorker {
  readonly Logger: new (factory: () => () => void) => object;
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>;
    addJob(name: string, payload: object): Promise<unknown>;
    release(): Promise<void>;
  }>;
  run(options: object): Promise<{ stop(): Promise<void> }>;
}

interface Boss {
  on(event: string, listener: (error: unknown) => void): void;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  send(name: string, data: object): Promise<unknown>;
  fetch(name: string, options: object): Promise<readonly { readonly id: string }[]>;
  complete(name: string, id: string): Promise<unknown>;
  stop(options: object): Promise<void>;
}

const URL_OF_SERVER = `postgres://bench@127.0.0.1:${PORT}/queue`;

async function graphileWorker(load: (name: string) => Promise<unknown>): Promise<Peer> {
  const graphile = (await load('graphile-worker')) as GraphileWorker;
  const quiet = { connectionString: URL_OF_SERVER, logger: new graphile.Logger(() => () => {}) };
  const utils = await graphile.makeWorkerUtils(quiet);
  await utils.migrate();
  return {
    name: 'graphile-worker',
    async run(jobs, callers, atOnce) {
      const submitS = await seconds(() => lanes(jobs, callers, (at) => utils.addJob('nothing', { at })));
      const left = countdown(jobs);
      let runner: { stop(): Promise<void> } | null = null;
      const workS = await seconds(async () => {
        const taskList = { nothing: async (): Promise<void> => left.one() };
        runner = await graphile.run({
          ...quiet,
          concurrency: atOnce,
          noHandleSignals: true,
          taskList,
          pollInterval: 1000,
        });
        await left.done;
      });
      await (runner as { stop(): Promise<void> } | null)?.stop();
      return { submitS, workS };
    },
    close: () => utils.release(),
  };
}

async function pgBoss(load: (name: string) => Promise<unknown>): Promise<Peer> {
  const { PgBoss } = (await load('pg-boss')) as { PgBoss: new (url: string) => Boss };
  const boss = new PgBoss(URL_OF_SERVER);
  boss.on('error', () => {});
  await boss.start();
  await boss.createQueue('nothing');
  return {
    name: 'pg-boss',
    async run(jobs, callers, atOnce) {
      const submitS = await seconds(() => lanes(jobs, callers, (at) => boss.send('nothing', { at })));
      // Its own loop polls: what is compared is a claim and its end, as often as there are jobs.
      const workS = await seconds(() =>
        lanes(jobs, atOnce, async () => {
          const [job] = await boss.fetch('nothing', { batchSize: 1 });
          if (job !== undefined) await boss.complete('nothing', job.id);
        }),
      );
      return { submitS, workS };
    },
    close: () => boss.stop({ graceful: false }),
  };
}

/** Starts PostgreSQL and the queues on it; none where PostgreSQL or the registry is not there, and says so. */
export async function startPeers(folder: string): Promise<readonly Peer[]> {
  const bin = binaries();
  if (bin === null) {
    console.log('no peers: PostgreSQL is not here (apt-get install postgresql)');
    return [];
  }
  const packages = join(folder, 'packages');
  mkdirSync(packages, { recursive: true });
  writeFileSync(join(packages, 'package.json'), '{"private":true}');
  const stop = await startPostgres(bin, join(folder, 'postgres'));
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent', ...PACKAGES], {
      cwd: packages,
      env: readEnvironment(),
      stdio: 'ignore',
    });
    const require = createRequire(join(packages, 'package.json'));
    const load = async (name: string): Promise<unknown> =>
      (await import(pathToFileURL(require.resolve(name)).href)) as unknown;
    const peers = [await graphileWorker(load), await pgBoss(load)];
    const [last] = peers.splice(-1);
    if (last === undefined) return peers;
    return [
      ...peers,
      {
        ...last,
        async close() {
          await last.close();
          stop();
        },
      },
    ];
  } catch (error) {
    stop();
    console.log(`no peers: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    return [];
  }
}
