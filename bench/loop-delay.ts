/**
 * Loaded into a server by `--import`: says on request how long its event loop stood still since the last request, and
 * how long it did so inside SQLite, which the machine's other users have less of a hand in.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DatabaseSync, StatementSync } from 'node:sqlite';

/** Milliseconds. */
export interface LoopDelay {
  /** The longest stop, whatever the reason. */
  readonly maxMs: number;
  /** The longest call of SQLite in the thread of the event loop, and all of them. */
  readonly sqliteMaxMs: number;
  readonly sqliteMs: number;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
let [longest, whole] = [0, 0];

type Method = (this: unknown, ...values: unknown[]) => unknown;

/** Takes the time of a method that every object of a class shares. */
function time(methods: Record<string, unknown>, name: string): void {
  const method = methods[name] as Method;
  methods[name] = function timed(this: unknown, ...values: unknown[]): unknown {
    const started = performance.now();
    try {
      return method.apply(this, values);
    } finally {
      const took = performance.now() - started;
      longest = Math.max(longest, took);
      whole += took;
    }
  };
}

for (const name of ['get', 'all', 'run'])
  time(StatementSync.prototype as unknown as Record<string, unknown>, name);
time(DatabaseSync.prototype as unknown as Record<string, unknown>, 'exec');

process.on('message', () => {
  const said: LoopDelay = { maxMs: delay.max / 1e6, sqliteMaxMs: longest, sqliteMs: whole };
  process.send?.(said);
  delay.reset();
  [longest, whole] = [0, 0];
});
process.channel?.unref();
