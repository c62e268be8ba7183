/** Loops that no budget stops in time: too many calls a minute, the same tool call again and again, only failures. */
import type { Asked } from './dialects.ts';

/** How much of each is too much. */
export interface GuardLimits {
  readonly maxCallsPerMinute: number;
  /** The same tool call, or the same request although it was answered, so often in a row. */
  readonly maxIdenticalCalls: number;
  /** Calls that failed, so often in a row. */
  readonly maxFailedCalls: number;
}

/** Watches the calls of one agent. */
export interface Guard {
  /** Notes that a call came; why it must not go on, or `null`. */
  check(asked: Asked, bodyHash: string): string | null;
  /** Notes how a call ended: `null`, or what was wrong. */
  ended(error: string | null): void;
}

const MINUTE_MS = 60_000;

/** Makes the guard of one agent's turn. `now` is a clock in milliseconds. */
export function createGuard(limits: GuardLimits, now: () => number = () => performance.now()): Guard {
  let times: number[] = [];
  let last: { readonly mark: string; readonly bodyHash: string } | null = null;
  let identical = 0;
  let failures = 0;
  let lastFailed = false;
  let lastError = '';

  return {
    check(asked, bodyHash) {
      const start = now() - MINUTE_MS;
      times = times.filter((time) => time > start);
      times.push(now());
      if (times.length > limits.maxCallsPerMinute)
        return `more than ${limits.maxCallsPerMinute} calls to the model within a minute`;
      if (failures >= limits.maxFailedCalls)
        return `${failures} calls to the model failed in a row, the last with: ${lastError}`;
      // A try again after a failure is the same request for a good reason.
      const isRetry = last?.bodyHash === bodyHash && lastFailed;
      if (isRetry) return null;
      const mark = asked.toolCalls ?? `body ${bodyHash}`;
      identical = last?.mark === mark ? identical + 1 : 1;
      last = { mark, bodyHash };
      if (identical < limits.maxIdenticalCalls) return null;
      const what = asked.toolCalls === null ? 'request' : `tool call (${asked.toolNames})`;
      return `the model made the same ${what} ${identical} times in a row`;
    },
    ended(error) {
      lastFailed = error !== null;
      failures = lastFailed ? failures + 1 : 0;
      lastError = error ?? lastError;
    },
  };
}
