/** The JSON streams that command lines of known agents print: what they say of a turn, line by line. */
import { asAmount, type Fields } from '../../../job/text/json.ts';

/** Something that a line of a stream tells. */
export type Told =
  /** The session, as soon as it is known. */
  | { readonly what: 'session'; readonly id: string }
  /** Words of the agent; `whole` when the text is a message of its own, else it goes on with the last. */
  | { readonly what: 'text'; readonly text: string; readonly whole: boolean }
  | { readonly what: 'call'; readonly id: string; readonly title: string; readonly input: string }
  /** What one model call, one turn or, with `total`, the whole session has taken so far. */
  | { readonly what: 'spent'; readonly spent: Spent; readonly total: boolean }
  /** The turn failed, in the agent's words. */
  | { readonly what: 'error'; readonly message: string };

/** Tokens and dollars; cached tokens are part of what went in. Money may count otherwise than tokens do. */
export interface Spent {
  readonly input: number | null;
  readonly output: number | null;
  /** Dollars; 0 from an agent that knows no price is no price. */
  readonly costUsd: number | null;
}

/** One known command line. */
export interface CommandStream {
  /** Basename of its programme. */
  readonly programme: string;
  /** What a line tells; nothing for lines that do not matter. */
  read(line: Fields): readonly Told[];
  /** The words that `{resume}` stands for: in a session of `id`, or in a new one. */
  resume(id: string | null): readonly string[];
}

/** A sum of counts; `null` where none is known. */
export function sum(...parts: readonly unknown[]): number | null {
  const known = parts.map(asAmount).filter((part) => part !== null);
  return known.length === 0 ? null : known.reduce((all, part) => all + part, 0);
}

/** JSON of a tool's input, for comparing and showing. */
export function inputText(value: unknown): string {
  return value === undefined ? '' : (JSON.stringify(value) ?? '');
}
