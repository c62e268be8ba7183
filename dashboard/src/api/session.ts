/** Whether the server still knows the browser: a login ends in the middle of work, and what was typed stays. */
import { useSyncExternalStore } from 'react';

let isOut = false;
const listeners = new Set<() => void>();

/** Notes that the server asked for a login, or that there is one again. */
export function noteLogin(isIn: boolean): void {
  if (isOut === !isIn) return;
  isOut = !isIn;
  for (const tell of listeners) tell();
}

/** Whether a login has ended. */
export function useLoggedOut(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => isOut,
  );
}
