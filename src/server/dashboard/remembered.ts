/** Answers that are dear to find, and hold for a moment. */

/**
 * Asks again only when what was answered is old; those who ask meanwhile share the answer.
 *
 * @param holdMs how long an answer holds, in milliseconds
 */
export function remembered<T>(holdMs: number, look: () => Promise<T>): () => Promise<T> {
  let asked: { readonly atMs: number; readonly answer: Promise<T> } | null = null;
  return () => {
    const atMs = performance.now();
    if (asked === null || atMs - asked.atMs > holdMs) {
      const answer = look();
      asked = { atMs, answer };
      answer.catch(() => {
        asked = null;
      });
    }
    return asked.answer;
  };
}
