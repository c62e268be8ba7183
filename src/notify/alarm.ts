/** A wait that can be ended early: what loops over a queue sleep on. */

/** Rung while nobody waits, it ends the next wait at once. */
export interface Alarm {
  ring(): void;
  /** Resolves after so many milliseconds, or as soon as it is rung. One caller waits at a time. */
  wait(timeoutMs: number): Promise<void>;
}

/** Makes an alarm. */
export function createAlarm(): Alarm {
  let rung = false;
  let waiting: (() => void) | null = null;
  return {
    ring() {
      rung = true;
      waiting?.();
    },
    async wait(timeoutMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          waiting = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      waiting = null;
      rung = false;
    },
  };
}
