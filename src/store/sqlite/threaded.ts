/**
 * A store whose writes are made by a thread: neither a disk that is slow to flush, nor a checkpoint, nor a thousand
 * writes in one transaction stop the event loop. What is read stays in this thread, on a connection of its own: a
 * reader waits for nobody in a write-ahead log, and sees all that was committed.
 */
import { Worker } from 'node:worker_threads';
import { JobError, type ErrorInfo } from '../../job/error.ts';
import type { Store } from '../store.ts';

/** What the thread is started with. */
export interface ThreadOrder {
  readonly path: string;
}

/** One call of the store. */
export interface ThreadCall {
  readonly id: number;
  readonly method: ThreadMethod;
  readonly args: readonly unknown[];
}

/** What came of a call; of the opening where `id` is 0. */
export type ThreadAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: Pick<ErrorInfo, 'code' | 'message' | 'hint'> };

/** Where each method runs: what writes, or walks over all jobs, in the thread. */
const PLACES = {
  createJob: 'thread',
  importJob: 'thread',
  getJob: 'here',
  listJobs: 'here',
  listChanges: 'here',
  sumUsage: 'thread',
  updateJob: 'thread',
  acquireLease: 'thread',
  getLease: 'here',
  renewLease: 'thread',
  releaseLease: 'thread',
  claimNext: 'thread',
  listHeld: 'here',
  countQueue: 'here',
  requestCancel: 'thread',
  listCancelling: 'here',
  setPaused: 'thread',
  isPaused: 'here',
  takeTurn: 'thread',
  appendEvents: 'thread',
  readEvents: 'here',
  beginStep: 'thread',
  noteStep: 'thread',
  finishStep: 'thread',
  readSteps: 'here',
  clearSteps: 'thread',
  addMessage: 'thread',
  takeMessage: 'thread',
  countMessages: 'here',
  trimJobs: 'thread',
  claimDeliveries: 'thread',
  recordDeliveryTry: 'thread',
  listDeliveries: 'here',
  redeliver: 'thread',
  getSession: 'here',
  listSessions: 'here',
  listCosts: 'here',
  addTriggers: 'thread',
  claimTriggers: 'thread',
  settleTriggers: 'thread',
  releaseTriggers: 'thread',
  listTriggers: 'here',
  trimTriggers: 'thread',
  beginLook: 'thread',
  noteLook: 'thread',
  putPipeline: 'thread',
  getPipeline: 'here',
  listPipelines: 'here',
  deletePipeline: 'thread',
  decideApproval: 'thread',
  getApproval: 'here',
  createKey: 'thread',
  getKey: 'here',
  listKeys: 'here',
  revokeKey: 'thread',
  addAudit: 'thread',
  listAudit: 'here',
  readTallies: 'here',
  probe: 'thread',
  getBaseline: 'here',
  putBaseline: 'thread',
  close: 'thread',
} as const satisfies Record<keyof Store, 'thread' | 'here'>;

/** The methods that the thread runs. */
export type ThreadMethod = {
  [Name in keyof typeof PLACES]: (typeof PLACES)[Name] extends 'thread' ? Name : never;
}[keyof typeof PLACES];

/** More calls than this wait only while another process holds the lock for seconds; the thread bounds their bytes. */
const MAX_WAITING_CALLS = 100_000;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The thread, as this side sees it. */
interface Thread {
  /** Resolves when the thread has opened the database. @throws JobError what opening it throws */
  readonly opened: Promise<unknown>;
  call(method: ThreadMethod, args: readonly unknown[]): Promise<unknown>;
  /** Closes its store, and resolves when the thread has ended. */
  end(): Promise<void>;
}

// Run from source or from the built package: the thread's file lies beside this one, in the same form.
const THREAD: URL = import.meta.url.endsWith('.ts')
  ? new URL('./thread.ts', import.meta.url)
  : new URL('./thread.js', import.meta.url);

function startThread(path: string, file: URL): Thread {
  const order: ThreadOrder = { path };
  const worker = new Worker(file, { workerData: order, env: {}, execArgv: [] });
  const waiting = new Map<number, Waiting>();
  let failure: JobError | null = null;
  let count = 0;

  const expect = (id: number): Promise<unknown> => {
    // A process ends when nobody waits for a write any more, as if there were no thread.
    if (waiting.size === 0) worker.ref();
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
    });
  };
  const settle = (answer: ThreadAnswer): void => {
    const one = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker.unref();
    if ('value' in answer) {
      one?.resolve(answer.value);
      return;
    }
    const { code, message, hint } = answer.error;
    one?.reject(new JobError(code, message, hint === null ? {} : { hint }));
  };
  const fail = (thrown: unknown): void => {
    const said = thrown instanceof Error ? thrown.message : String(thrown);
    failure ??= new JobError('infra_failed', `the thread that writes the database ${path} ended: ${said}`, {
      hint: 'start agent-runner again; everything that was acknowledged is kept',
      cause: thrown,
    });
    for (const { reject } of waiting.values()) reject(failure);
    waiting.clear();
  };
  worker.on('message', settle);
  worker.on('messageerror', fail);
  worker.on('error', fail);
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', (code) => {
      fail(new Error(`it exited with ${code}`));
      resolve();
    });
  });
  const thread: Thread = {
    opened: expect(0),
    async end() {
      if (failure === null) await thread.call('close', []);
      worker.ref();
      await ended;
    },
    async call(method, args) {
      if (failure !== null) throw failure;
      if (waiting.size >= MAX_WAITING_CALLS) {
        throw new JobError('infra_failed', `${waiting.size} writes wait already for the database ${path}`, {
          hint: 'wait for earlier writes, and see whether another process holds its lock or the disk is slow',
        });
      }
      const id = ++count;
      const message: ThreadCall = { id, method, args };
      try {
        // Taken down as it is now, whatever the caller does with it afterwards.
        worker.postMessage(message, []);
      } catch (thrown) {
        throw new JobError('bug', `${method}: what it was given can't be stored`, { cause: thrown });
      }
      return expect(id);
    },
  };
  return thread;
}

type Calls = Pick<Store, Exclude<ThreadMethod, 'close'>>;

/** The methods that the thread runs, each a call. */
function threadMethods(thread: Thread): Calls {
  const names = Object.entries(PLACES).flatMap(([name, place]) =>
    place === 'thread' && name !== 'close' ? [name as ThreadMethod] : [],
  );
  // Every name with the same arguments and answer as the store's method of that name, which types can't follow.
  return Object.fromEntries(
    names.map((name) => [name, (...args: unknown[]) => thread.call(name, args)]),
  ) as unknown as Calls;
}

/**
 * Lets a thread make the writes of a store.
 *
 * @param path the store's file, absolute
 * @param local the store in this thread; closed with the other
 * @param file what the thread runs
 * @throws JobError as opening a store does
 */
export async function inThread(path: string, local: Store, file: URL = THREAD): Promise<Store> {
  const thread = startThread(path, file);
  await thread.opened;
  return {
    ...local,
    ...threadMethods(thread),
    async close() {
      await thread.end();
      await local.close();
    },
  };
}
