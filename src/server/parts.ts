/** What the endpoints work with. */
import type { Config } from '../config.ts';
import type { Runner } from '../runner/runner.ts';
import type { Logins } from './access/login.ts';
import type { Dashboard } from './dashboard/files.ts';
import type { createDefine } from './endpoint.ts';
import type { Streams } from './live/streams.ts';

/** Makes an endpoint. */
export type Define = ReturnType<typeof createDefine>;

/** Whether the worker of this process is at work; `none` where it has none. */
export type WorkerState = 'working' | 'none' | 'stopped';

/** The parts of a server. */
export interface Parts {
  readonly runner: Runner;
  readonly config: Config;
  readonly version: string;
  readonly logins: Logins;
  readonly streams: Streams;
  /** The pages for people; `null` where they were not built. */
  readonly dashboard: Dashboard | null;
  /** Whether requests need a key. */
  readonly auth: boolean;
  readonly worker: () => WorkerState;
}
