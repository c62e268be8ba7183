/**
 * A sandbox that stays open from one turn of an agent to the next, where the agent is quicker for it: a server that
 * runs need not be started again. It holds the working copy, so there is one at most, and it is closed before anything
 * else is mounted there or written to it.
 */
import type { Agent } from '../agent/agent.ts';
import type { Sandbox } from '../sandbox/sandbox.ts';

/** What a sandbox was opened for: the same again is the same sandbox. */
export interface LastingKey {
  readonly agent: Agent;
  /** Everything that another sandbox could be opened with, as text. */
  readonly options: string;
}

/** The sandbox that a job keeps. */
export interface Lasting {
  /**
   * The kept sandbox where it was opened for the same, else a new one; any other is closed first.
   *
   * @param key `null`: this one will not be kept
   */
  take(key: LastingKey | null, open: () => Promise<Sandbox>): Promise<Sandbox>;
  /** Ends a turn: its sandbox is kept where it was taken with a key and the turn ended well, else closed. */
  release(sandbox: Sandbox, endedWell: boolean): Promise<void>;
  /** Closes what is kept. */
  close(): Promise<void>;
}

/**
 * Makes the place for a job's kept sandbox, which is empty.
 *
 * @param touched called when what is kept may have written to the working copy
 */
export function createLasting(touched: () => void): Lasting {
  let kept: { readonly key: LastingKey; readonly sandbox: Sandbox } | null = null;
  const close = async (): Promise<void> => {
    const last = kept;
    kept = null;
    if (last === null) return;
    await last.sandbox.close();
    touched();
  };
  return {
    async take(key, open) {
      if (kept !== null && key !== null && kept.key.agent === key.agent && kept.key.options === key.options) {
        touched();
        return kept.sandbox;
      }
      await close();
      const sandbox = await open();
      if (key !== null) kept = { key, sandbox };
      return sandbox;
    },
    async release(sandbox, endedWell) {
      if (kept?.sandbox !== sandbox) return sandbox.close();
      if (!endedWell) await close();
    },
    close,
  };
}
