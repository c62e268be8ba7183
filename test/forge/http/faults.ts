/** Faults by rule: which requests, how often, and what goes wrong. */

export type FaultKind =
  /** The effect happens, then the connection breaks. For a push: the refs moved, and the client isn't told. */
  | 'lost_answer'
  /** Nothing happens, and the connection breaks. */
  | 'lost_request'
  | 'bad_gateway'
  | 'server_error'
  | 'secondary_limit'
  | 'primary_limit'
  | 'too_many_requests'
  | 'unprocessable'
  | 'slow';

export interface FaultRule {
  readonly kind: FaultKind;
  /** Of the request; all unless told. A push is `GIT /owner/name.git/git-receive-pack`, a fetch `…/git-upload-pack`. */
  readonly method?: string;
  /** Must match the path, which begins with `/repos`, `/user` and so on. */
  readonly path?: RegExp;
  /** Between 0 and 1; always unless told. */
  readonly probability?: number;
  /** How often at most; without end unless told. */
  readonly times?: number;
  /** How many requests that match go well first. */
  readonly after?: number;
  /** Of `secondary_limit` and `too_many_requests`; without it the header is left out. */
  readonly retryAfterSeconds?: number;
  /** Of `slow`. */
  readonly delayMs?: number;
}

/** A fault as it may stand in JSON, for a forge in another process. */
export type FaultRuleJson = Omit<FaultRule, 'path'> & { readonly path?: string };

/** Numbers between 0 and 1 that follow from the seed alone (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface Faults {
  add(rule: FaultRule): void;
  clear(): void;
  /** The fault that this request meets; asking counts. */
  next(method: string, path: string): FaultRule | null;
}

/** The rules, first match wins; the same seed and requests give the same faults. */
export function createFaults(seed: number): Faults {
  const random = createRandom(seed);
  const rules: { readonly rule: FaultRule; skip: number; left: number }[] = [];
  return {
    add(rule) {
      rules.push({ rule, skip: rule.after ?? 0, left: rule.times ?? Number.POSITIVE_INFINITY });
    },
    clear() {
      rules.length = 0;
    },
    next(method, path) {
      for (const one of rules) {
        if (one.left <= 0) continue;
        if (one.rule.method !== undefined && one.rule.method !== method) continue;
        if (one.rule.path !== undefined && !one.rule.path.test(path)) continue;
        if (one.skip > 0) {
          one.skip -= 1;
          continue;
        }
        if (random() >= (one.rule.probability ?? 1)) continue;
        one.left -= 1;
        return one.rule;
      }
      return null;
    },
  };
}
