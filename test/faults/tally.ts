/** Counts what was tried and what held, for the closing line of a suite. */

/** A count of attempts; `close` prints `<suite>: N tried, N held`. */
export interface Tally {
  /** Counts an attempt; it held when it does not throw. */
  attempt(run: () => Promise<void> | void): Promise<void>;
  close(): void;
}

/** Starts counting. */
export function createTally(suite: string): Tally {
  let tried = 0;
  let held = 0;
  return {
    async attempt(run) {
      tried++;
      await run();
      held++;
    },
    close() {
      console.log(`${suite}: ${tried} tried, ${held} held`);
    },
  };
}
