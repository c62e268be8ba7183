/**
 * Answers that are asked for again and again, remembered with their tags: GitHub counts no request whose answer is that
 * nothing changed, so that looking at an idle repository costs almost nothing.
 */
import { statusOf } from '../client.ts';

interface Tagged<T> {
  readonly headers: { readonly etag?: string | undefined };
  readonly data: T;
}

/** Asks, with these headers, what may be remembered. */
type Question<T> = (headers: Readonly<Record<string, string>>) => Promise<Tagged<T>>;

export interface Memory {
  /**
   * What comes of an answer; of the last one where it is still the same.
   *
   * @param key names who asks and what
   * @param reduce keeps what counts of the answer, as JSON
   */
  recall<T, R>(key: string, ask: Question<T>, reduce: (data: T) => R): Promise<R>;
}

/** Answers that are kept; the one that was asked for longest ago is forgotten. */
const MAX_KEPT = 500;
/** Longest that is kept of one answer, as JSON; a longer one is asked for anew. */
const MAX_KEPT_CHARS = 128 * 1024;

/** Remembers nothing yet. */
export function createMemory(): Memory {
  const known = new Map<string, { readonly etag: string; readonly json: string }>();
  return {
    async recall<T, R>(key: string, ask: Question<T>, reduce: (data: T) => R): Promise<R> {
      const old = known.get(key);
      try {
        const { headers, data } = await ask(old === undefined ? {} : { 'if-none-match': old.etag });
        const value = reduce(data);
        const json = JSON.stringify(value);
        known.delete(key);
        if (headers.etag !== undefined && json.length <= MAX_KEPT_CHARS) {
          known.set(key, { etag: headers.etag, json });
          const [oldest] = known.keys();
          if (known.size > MAX_KEPT && oldest !== undefined) known.delete(oldest);
        }
        return value;
      } catch (error) {
        if (old === undefined || statusOf(error) !== 304) throw error;
        known.delete(key);
        known.set(key, old);
        return JSON.parse(old.json) as R;
      }
    },
  };
}
