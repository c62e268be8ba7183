/**
 * After a crash: results that are stored are heard before anything new begins. Each comes back at its own time, so
 * without this a step could begin before the failure that stops the run is heard again, though it was known already.
 */
import type { Begun } from '../run.ts';

/** Keeps what is new back until all that is stored was heard. */
export interface Replay {
  /** Waits before an effect of a step that may be new. At once where its result is stored, or all is heard. */
  pass(name: string): Promise<void>;
  /** Whether results of a step are stored that were not heard yet: it goes on to where it was, whatever else happened. */
  isBehind(name: string): boolean;
  /** A result for a step was heard. */
  heard(name: string): void;
  /** A step has ended: nothing more will be heard of it. */
  ended(name: string): void;
  /** Steps that wait here now. */
  waiting(): number;
  /** Lets all go on. */
  release(): void;
}

/** Makes it from what is stored; with nothing stored, nothing waits. */
export function createReplay(stored: readonly Begun[]): Replay {
  const left = new Map(
    stored.filter(({ results }) => results > 0).map(({ name, results }) => [name, results]),
  );
  const all = Promise.withResolvers<void>();
  let waiting = 0;
  const drop = (name: string): void => {
    if (left.delete(name) && left.size === 0) all.resolve();
  };
  if (left.size === 0) all.resolve();
  return {
    async pass(name) {
      if (left.size === 0 || left.has(name)) return;
      waiting++;
      await all.promise;
      waiting--;
    },
    isBehind: (name) => left.has(name),
    heard(name) {
      const count = left.get(name) ?? 0;
      if (count > 1) left.set(name, count - 1);
      else drop(name);
    },
    ended: drop,
    waiting: () => waiting,
    release() {
      left.clear();
      all.resolve();
    },
  };
}
