/**
 * Streams on which nothing comes. What a server sends to show life is a comment, of which a browser tells a page nothing, so
 * a connection that hangs looks like one on which nothing happens. Where nothing came for a while it is made anew, which
 * costs a request, and whether that is answered tells the two apart.
 */

/** How long nothing may come before a stream is made anew, in milliseconds. */
const SILENCE_MS = 25_000;
/** How long a new one may wait for its answer, in milliseconds. */
export const ANSWER_MS = 10_000;

/** Watches the streams of one place, of which there is one at a time. */
export interface Ear {
  /** One was asked for. */
  readonly asked: () => void;
  /** It was opened, or something came. */
  readonly heard: () => void;
  /** There is none. */
  readonly rest: () => void;
}

/**
 * Makes one.
 *
 * @param again makes the stream anew, and says so by `asked`
 * @param lost is told where nobody answers, before it is made anew
 */
export function createEar(again: () => void, lost: () => void): Ear {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const rest = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    rest,
    asked() {
      rest();
      timer = setTimeout(() => {
        lost();
        again();
      }, ANSWER_MS);
    },
    heard() {
      rest();
      timer = setTimeout(again, SILENCE_MS);
    },
  };
}
