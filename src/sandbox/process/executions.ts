/** The commands that run in one sandbox: closing it ends them all. */
import { posix } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { ExecResult } from '../sandbox.ts';

/** Commands of one sandbox. */
export interface Executions {
  /** Runs a command with a signal that the caller's signal and `close` both abort. */
  run(
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<ExecResult>,
  ): Promise<ExecResult>;
  /** Ends what runs and waits for it. Further commands are refused. */
  close(): Promise<void>;
}

/** Creates the list of commands of a new sandbox. */
export function createExecutions(): Executions {
  const running = new Map<Promise<ExecResult>, AbortController>();
  let isClosed = false;
  return {
    async run(signal, start) {
      if (isClosed) throw new JobError('bug', 'exec: the sandbox is closed');
      const controller = new AbortController();
      const forward = (): void => controller.abort();
      if (signal?.aborted === true) forward();
      signal?.addEventListener('abort', forward, { once: true });
      const command = start(controller.signal);
      running.set(command, controller);
      try {
        return await command;
      } finally {
        signal?.removeEventListener('abort', forward);
        running.delete(command);
      }
    },
    async close() {
      isClosed = true;
      for (const controller of running.values()) controller.abort();
      await Promise.allSettled(running.keys());
    },
  };
}

/**
 * The directory that a command starts in. Throws `bad_configuration` when `cwd` leads out of the workspace,
 * because it can come from a file of the repository.
 */
export function resolveCwd(workspacePath: string, cwd: string | undefined): string {
  const path = posix.resolve(workspacePath, cwd ?? '.');
  if (path === workspacePath || path.startsWith(`${workspacePath}/`)) return path;
  throw new JobError('bad_configuration', `cwd: ${cwd} leaves the workspace (allowed: a path inside it)`);
}
