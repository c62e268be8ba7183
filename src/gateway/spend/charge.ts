/** What a call may cost at most, and what it did cost: as its answer said, or as estimated where it did not. */
import { randomBytes } from 'node:crypto';
import type { ModelCall } from '../../job/model/call.ts';
import type { Grant } from '../account.ts';
import type { Asked, Route } from '../dialects.ts';
import type { Metered } from '../meter/meter.ts';
import type { Amount } from './budget.ts';
import { costOf, PICO_USD, tokensIn, toUsd, type Price, type Tokens } from './prices.ts';

/** Tokens an answer is taken to have at most where neither request nor price table says. */
const DEFAULT_MAX_OUTPUT = 32_768;
/** Bytes a token has on average in text and code, for estimates; at least it has one. */
const BYTES_PER_TOKEN = 4;
const MAX_ERROR_CHARS = 2000;
/** A call that may run. */
export interface Call {
  readonly grant: Grant;
  readonly route: Route;
  readonly asked: Asked;
  readonly model: string;
  readonly price: Price | null;
  readonly body: Buffer;
  readonly startedAt: number;
}

/** How a call went. */
export interface Course {
  status: number | null;
  firstByteAt: number | null;
  aborted: boolean;
  error: string | null;
  metered: Metered | null;
}

/** The most a call can cost: every byte of the request read as tokens, every token that may be written. */
export function mostOf({ body, price, asked }: Call): Amount {
  const input = body.length;
  const output = asked.maxOutput ?? price?.max_output ?? DEFAULT_MAX_OUTPUT;
  const rates = price === null ? null : [price, ...(price.above ?? [])];
  const pico = Math.max(
    0,
    ...(rates ?? []).map((one) =>
      Math.ceil((input * Math.max(one.input, one.cache_write ?? 0) + output * one.output) * 1e6),
    ),
  );
  return { pico, tokens: input + output };
}

/** Tokens of a call whose answer did not say them: what is known of its start, and characters for the rest. */
function estimate(call: Call, metered: Metered): Tokens {
  const input = Math.ceil(call.body.length / BYTES_PER_TOKEN);
  const begun = metered.begun ?? {
    input,
    cacheRead: 0,
    cacheWrite: 0,
    cacheWriteLong: 0,
    output: 0,
    reasoning: 0,
  };
  return { ...begun, output: Math.max(begun.output, Math.ceil(metered.outputChars / BYTES_PER_TOKEN)) };
}

const NO_TOKENS: Tokens = {
  input: 0,
  cacheRead: 0,
  cacheWrite: 0,
  cacheWriteLong: 0,
  output: 0,
  reasoning: 0,
};

/** Counts a call: as the answer said, as estimated where it did not, nothing where the provider refused. */
export function account(call: Call, course: Course): { readonly usage: ModelCall; readonly amount: Amount } {
  const { grant, model, price, route } = call;
  const { metered, status } = course;
  const wasServed = status !== null && status < 400 && metered !== null;
  const said = wasServed ? metered.usage : null;
  const estimated = wasServed && said === null;
  const tokens = said ?? (estimated ? estimate(call, metered) : NO_TOKENS);
  const reported = said?.costUsd ?? null;
  const pico =
    price !== null
      ? costOf(price, tokens)
      : reported !== null
        ? Math.round(reported * PICO_USD)
        : wasServed
          ? null
          : 0;
  const usage: ModelCall = {
    call_id: `call-${randomBytes(8).toString('hex')}`,
    provider: grant.ref.provider.name,
    model,
    dialect: route.dialect,
    status,
    tokens_in: tokensIn(tokens),
    tokens_out: tokens.output,
    tokens_cache_read: tokens.cacheRead,
    tokens_cache_write: tokens.cacheWrite,
    tokens_reasoning: tokens.reasoning,
    cost_usd: pico === null ? null : toUsd(pico),
    estimated,
    aborted: course.aborted,
    first_byte_ms: course.firstByteAt === null ? null : Math.round(course.firstByteAt - call.startedAt),
    duration_ms: Math.round(performance.now() - call.startedAt),
    error: (course.error ?? metered?.error ?? null)?.slice(0, MAX_ERROR_CHARS) ?? null,
  };
  return { usage, amount: { pico: pico ?? 0, tokens: tokensIn(tokens) + tokens.output } };
}
