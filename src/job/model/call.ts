/** Calls to a model: the wire formats they may come in, and what one call spent, as its usage event says it. */

/** Wire formats of models' APIs. The gateway translates none into another. */
export const MODEL_DIALECTS = ['openai-chat', 'openai-responses', 'anthropic', 'gemini'] as const;
export type ModelDialect = (typeof MODEL_DIALECTS)[number];

/**
 * One call to a model, as the gateway counted it on the wire: the data of a `usage` event. Tokens and money are
 * `null` where nobody knows them, never 0.
 */
export interface ModelCall {
  /** Random; the same call is never counted twice. */
  readonly call_id: string;
  readonly provider: string;
  readonly model: string;
  readonly dialect: ModelDialect;
  /** HTTP status of the provider; `null` where none came. */
  readonly status: number | null;
  /** All that was read: fresh, from the cache, and written to it. */
  readonly tokens_in: number | null;
  /** All that was written, reasoning included. */
  readonly tokens_out: number | null;
  readonly tokens_cache_read: number | null;
  readonly tokens_cache_write: number | null;
  readonly tokens_reasoning: number | null;
  readonly cost_usd: number | null;
  /** Whether tokens were estimated, because the answer ended before it said them. */
  readonly estimated: boolean;
  /** Whether the stream was cut off, by either side. */
  readonly aborted: boolean;
  /** Milliseconds to the first byte of the answer, and to its end. */
  readonly first_byte_ms: number | null;
  readonly duration_ms: number;
  /** What the provider said was wrong. */
  readonly error: string | null;
}
