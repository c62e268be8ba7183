/** The time as pages tell it: one clock for all that counts up, and it is the server's, whose times these are. */
import { useSyncExternalStore } from 'react';

const BEAT_MS = 1000;
/** Less than this a clock may be wrong before it is corrected, in milliseconds: a server tells its time in seconds. */
const MAX_WRONG_MS = 3000;
const listeners = new Set<() => void>();
let wrongMs = 0;
let nowMs = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
let isAsked = false;

/**
 * By how much the server's clock is ahead of this one, in milliseconds.
 *
 * @param date as a server's answer tells it, cut to seconds; `null` where it does not
 * @param atMs when it was answered, by this clock
 */
export function aheadMs(date: string | null, atMs: number): number {
  const ms = Date.parse(date ?? '') + BEAT_MS / 2 - atMs;
  return Math.abs(ms) > MAX_WRONG_MS ? ms : 0;
}

function beat(): void {
  nowMs = Date.now() + wrongMs;
  for (const tell of listeners) tell();
}

/** Asks once for the server's time; where nobody answers, this clock is all there is. */
async function ask(): Promise<void> {
  const sentMs = Date.now();
  const answer = await fetch('/mark.svg', { method: 'HEAD', cache: 'no-store' }).catch(() => null);
  if (answer === null) return;
  wrongMs = aheadMs(answer.headers.get('date'), (sentMs + Date.now()) / 2);
  beat();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(beat, BEAT_MS);
  if (!isAsked) {
    isAsked = true;
    void ask();
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Now, in milliseconds since 1970, to the second. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}
