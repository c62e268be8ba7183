/**
 * When a page needs its connection: while somebody sees it. A browser has six to a server for all its tabs (HTTP/1.1), and
 * a connection that a sleeping machine or a lost network left behind looks like one on which nothing happens.
 */

/** How long a tab that nobody sees keeps its connection, in milliseconds: who only looks elsewhere comes back. */
const REST_MS = 5000;
const BEAT_MS = 5000;
/** A beat that comes so late, in milliseconds, comes after a sleep. */
const SLEPT_MS = 30_000;

/**
 * Connects while the page is seen.
 *
 * @param connect makes a connection, in the place of one that is there
 * @param rest lets it go
 * @returns ends both
 */
export function whileSeen(connect: () => void, rest: () => void): () => void {
  let isResting = true;
  let resting: ReturnType<typeof setTimeout> | null = null;
  let beatMs = Date.now();
  const wake = (): void => {
    isResting = false;
    connect();
  };
  const leave = (): void => {
    isResting = true;
    rest();
  };
  const look = (): void => {
    if (resting !== null) clearTimeout(resting);
    resting = null;
    if (document.visibilityState === 'hidden') resting = isResting ? null : setTimeout(leave, REST_MS);
    else if (isResting) wake();
  };
  const again = (): void => {
    if (!isResting) connect();
  };
  const beat = setInterval(() => {
    const hasSlept = Date.now() - beatMs > BEAT_MS + SLEPT_MS;
    beatMs = Date.now();
    if (hasSlept) again();
  }, BEAT_MS);
  document.addEventListener('visibilitychange', look);
  addEventListener('online', again);
  look();
  return () => {
    clearInterval(beat);
    if (resting !== null) clearTimeout(resting);
    document.removeEventListener('visibilitychange', look);
    removeEventListener('online', again);
    if (!isResting) leave();
  };
}
