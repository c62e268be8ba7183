/** Answers that are dear to find, and hold for a moment. */

/** How long what was found of this machine holds, in milliseconds: to look starts programmes. */
const FOUND_MS = 10_000;

/** Asks again only when what was answered is old; those who ask meanwhile share the answer. */
export function remembered<T>(look: () => Promise<T>): () => Promise<T> {
  let asked: { readonly atMs: number; readonly answer: Promise<T> } | null = null;
  return () => {
    const atMs = performance.now();
    if (asked === null || atMs - asked.atMs > FOUND_MS) {
      const answer = look();
      asked = { atMs, answer };
      answer.catch(() => {
        asked = null;
      });
    }
    return asked.answer;
  };
}
