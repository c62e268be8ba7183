/**
 * Conditions of steps: a small language without loops, calls and assignments, so that a condition always ends and
 * changes nothing.
 *
 * `a == b`, `!=`, `<`, `<=`, `>`, `>=`, `&&` or `and`, `||` or `or`, `!` or `not`, parentheses, texts in either quotes,
 * numbers, `true`, `false`, `null`, `contains(a, b)`, and references to steps: `steps.<name>.output.<key>`,
 * `steps.<name>.status`, `steps.<name>.outcome`, each also in `{{ }}`. `not` binds closest, then comparisons, `and`, `or`.
 *
 * Two values of different types are never equal, and neither is less than the other: comparing them is no error. Numbers
 * are ordered as numbers and texts by their code units; nothing else has an order. Lists and objects are equal where
 * their contents are. `contains` looks for a part of a text, an element of a list, or a key of an object. As a whole,
 * `false`, `null`, 0 and the empty text do not hold; everything else does.
 */
import { isFields } from '../../text/json.ts';
import { dottedAt, readReference, type Reference } from '../reference.ts';
import type { Json } from '../run.ts';

/** Longest condition, in characters, and how deep its parts may lie in each other. */
export const MAX_CONDITION_CHARS = 2000;
const MAX_NESTING = 50;

type Operator = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A condition that was read. */
export type Condition =
  | { readonly kind: 'value'; readonly value: Json }
  | { readonly kind: 'reference'; readonly reference: Reference }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'and' | 'or' | 'contains'; readonly left: Condition; readonly right: Condition }
  | {
      readonly kind: 'compare';
      readonly operator: Operator;
      readonly left: Condition;
      readonly right: Condition;
    };

/** What was read: a condition, or why it is none and where that is, in characters from 0. */
export type ConditionRead =
  | { readonly ok: true; readonly condition: Condition; readonly references: readonly Reference[] }
  | { readonly ok: false; readonly message: string; readonly hint: string; readonly at: number };

type Token =
  | { readonly kind: 'value'; readonly value: Json; readonly at: number }
  | { readonly kind: 'reference'; readonly reference: Reference; readonly at: number }
  | { readonly kind: 'sign'; readonly sign: string; readonly at: number };

/** Ends the reading of a condition; never leaves this file. */
class Unreadable extends Error {
  readonly at: number;
  readonly hint: string;
  constructor(at: number, message: string, hint: string) {
    super(message);
    this.at = at;
    this.hint = hint;
  }
}

const SIGNS = /(?:==|!=|<=|>=|&&|\|\||[<>!(),])/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?(?![\w.])/y;
const TEXT = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/y;
const WORDS: Readonly<Record<string, string>> = { and: '&&', or: '||', not: '!', contains: 'contains' };
const VALUES: Readonly<Record<string, Json>> = { true: true, false: false, null: null };
const ALLOWED =
  'allowed are ==, !=, <, <=, >, >=, and, or, not, contains(a, b), parentheses, "texts", numbers, true, false, null and steps.<name>.output.<key>, .status or .outcome';

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function referenceAt(word: string, at: number): Token {
  const read = readReference(word, at);
  if (!read.ok) throw new Unreadable(at, read.message, read.hint);
  return { kind: 'reference', reference: read.reference, at };
}

/** A reference in double braces, and where it ends. */
function bracedAt(text: string, at: number): { readonly token: Token; readonly end: number } {
  const close = text.indexOf('}}', at);
  if (close < 0) throw new Unreadable(at, 'a {{ is not closed', 'close it by }}, or leave the braces out');
  const inner = text.slice(at + 2, close);
  return { token: referenceAt(inner.trim(), at), end: close + 2 };
}

function wordToken(word: string, at: number): Token {
  const sign = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
  if (sign !== undefined) return { kind: 'sign', sign, at };
  if (Object.hasOwn(VALUES, word)) return { kind: 'value', value: VALUES[word] ?? null, at };
  if (word.includes('.') || word === 'steps') return referenceAt(word, at);
  throw new Unreadable(
    at,
    `${JSON.stringify(word.slice(0, 100))} is unknown`,
    `a text needs quotes: "${word.slice(0, 100)}"; ${ALLOWED}`,
  );
}

/** One token, and where it ends. */
function tokenAt(text: string, at: number): { readonly token: Token; readonly end: number } {
  if (text.startsWith('{{', at)) return bracedAt(text, at);
  const sign = matchAt(SIGNS, text, at);
  if (sign !== null) return { token: { kind: 'sign', sign, at }, end: at + sign.length };
  const number = matchAt(NUMBER, text, at);
  if (number !== null)
    return { token: { kind: 'value', value: Number(number), at }, end: at + number.length };
  const quoted = matchAt(TEXT, text, at);
  if (quoted !== null) {
    const value = quoted.slice(1, -1).replace(/\\(.)/gs, '$1');
    return { token: { kind: 'value', value, at }, end: at + quoted.length };
  }
  const word = dottedAt(text, at);
  if (word !== '') return { token: wordToken(word, at), end: at + word.length };
  const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
  if (char === '"' || char === "'") throw new Unreadable(at, 'a text is not closed', `close it by ${char}`);
  if (char === '=') throw new Unreadable(at, 'a single = compares nothing', 'write ==');
  throw new Unreadable(at, `${JSON.stringify(char)} means nothing here`, ALLOWED);
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] ?? '')) {
      at++;
      continue;
    }
    const { token, end } = tokenAt(text, at);
    tokens.push(token);
    at = end;
  }
  return tokens;
}

function isComparison(sign: string): sign is Operator {
  return ['==', '!=', '<', '<=', '>', '>='].includes(sign);
}

/** Where the reading stands among the tokens. */
interface Cursor {
  /** The token that comes; `undefined` at the end. */
  token(): Token | undefined;
  next(): void;
  /** Goes past a sign, if it is the one that comes. */
  take(sign: string): boolean;
  need(sign: string): void;
  /** Where it stands, in characters. */
  at(): number;
  fail(wanted: string): never;
}

function createCursor(tokens: readonly Token[], length: number): Cursor {
  let place = 0;
  const at = (): number => tokens[place]?.at ?? length;
  const fail = (wanted: string): never => {
    const token = tokens[place];
    const came = token?.kind === 'sign' ? `${token.sign} came` : 'a value came';
    const what = token === undefined ? 'the condition ends' : came;
    throw new Unreadable(at(), `${what} where ${wanted} is needed`, ALLOWED);
  };
  const take = (sign: string): boolean => {
    const token = tokens[place];
    if (token?.kind !== 'sign' || token.sign !== sign) return false;
    place++;
    return true;
  };
  return {
    token: () => tokens[place],
    next() {
      place++;
    },
    take,
    need(sign) {
      if (!take(sign)) fail(`a ${sign}`);
    },
    at,
    fail,
  };
}

/** The sign of a comparison, where one comes. */
function operatorAt(cursor: Cursor): Operator | null {
  const came = cursor.token();
  return came?.kind === 'sign' && isComparison(came.sign) ? came.sign : null;
}

/** Reads by recursive descent; `depth` bounds the stack. */
function readEither(cursor: Cursor, depth: number): Condition {
  if (depth > MAX_NESTING)
    throw new Unreadable(cursor.at(), `it is nested deeper than ${MAX_NESTING}`, 'make it simpler');
  let left = readBoth(cursor, depth);
  while (cursor.take('||')) left = { kind: 'or', left, right: readBoth(cursor, depth) };
  return left;
}

function readBoth(cursor: Cursor, depth: number): Condition {
  let left = readComparison(cursor, depth);
  while (cursor.take('&&')) left = { kind: 'and', left, right: readComparison(cursor, depth) };
  return left;
}

function readComparison(cursor: Cursor, depth: number): Condition {
  const left = readNegation(cursor, depth);
  const operator = operatorAt(cursor);
  if (operator === null) return left;
  cursor.next();
  const right = readNegation(cursor, depth);
  if (operatorAt(cursor) === null) return { kind: 'compare', operator, left, right };
  throw new Unreadable(cursor.at(), 'comparisons do not chain', 'write a < b and b < c');
}

function readNegation(cursor: Cursor, depth: number): Condition {
  // The depth is refused where it is counted.
  if (depth > MAX_NESTING) return readEither(cursor, depth);
  return cursor.take('!') ? { kind: 'not', of: readNegation(cursor, depth + 1) } : readOperand(cursor, depth);
}

function readOperand(cursor: Cursor, depth: number): Condition {
  const token = cursor.token();
  if (token !== undefined && token.kind !== 'sign') {
    cursor.next();
    if (token.kind === 'value') return { kind: 'value', value: token.value };
    return { kind: 'reference', reference: token.reference };
  }
  if (cursor.take('contains')) {
    cursor.need('(');
    const left = readEither(cursor, depth + 1);
    cursor.need(',');
    const right = readEither(cursor, depth + 1);
    cursor.need(')');
    return { kind: 'contains', left, right };
  }
  if (!cursor.take('(')) return cursor.fail('a value');
  const inner = readEither(cursor, depth + 1);
  cursor.need(')');
  return inner;
}

function parse(tokens: readonly Token[], length: number): Condition {
  const cursor = createCursor(tokens, length);
  const whole = readEither(cursor, 0);
  return cursor.token() === undefined ? whole : cursor.fail('an operator');
}

/** Reads a condition. Never throws. */
export function readCondition(text: string): ConditionRead {
  if (text.length > MAX_CONDITION_CHARS) {
    const message = `${text.length} characters are too long (at most ${MAX_CONDITION_CHARS})`;
    return { ok: false, message, hint: 'make it simpler', at: MAX_CONDITION_CHARS };
  }
  if (text.trim() === '')
    return { ok: false, message: 'it is empty', hint: 'leave it out: then the step always runs', at: 0 };
  try {
    const tokens = tokensOf(text);
    const references = tokens.flatMap((token) => (token.kind === 'reference' ? [token.reference] : []));
    return { ok: true, condition: parse(tokens, text.length), references };
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown;
    return { ok: false, message: thrown.message, hint: thrown.hint, at: thrown.at };
  }
}

/** Whether two values are the same, contents and all; what lies deeper than the bound counts as different. */
function isEqual(a: Json, b: Json, depth = 0): boolean {
  if (a === b) return true;
  if (depth > MAX_NESTING) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return (
      a.length === b.length &&
      a.every((one: Json, at) => isEqual(one, (b as readonly Json[])[at] ?? null, depth + 1))
    );
  if (!isFields(a) || !isFields(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key] as Json, b[key] as Json, depth + 1))
  );
}

/** -1, 0 or 1; `null` for values without an order. */
function order(a: Json, b: Json): number | null {
  const isOrdered =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string');
  if (!isOrdered) return null;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compare(operator: Operator, a: Json, b: Json): boolean {
  if (operator === '==') return isEqual(a, b);
  if (operator === '!=') return !isEqual(a, b);
  const which = order(a, b);
  if (which === null) return false;
  if (operator === '<') return which < 0;
  if (operator === '<=') return which <= 0;
  return operator === '>' ? which > 0 : which >= 0;
}

function contains(whole: Json, part: Json): boolean {
  if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part);
  if (Array.isArray(whole)) return whole.some((one: Json) => isEqual(one, part));
  return isFields(whole) && typeof part === 'string' && Object.hasOwn(whole, part);
}

function holds(value: Json): boolean {
  return value !== false && value !== null && value !== 0 && value !== '';
}

function valueOf(condition: Condition, look: (reference: Reference) => Json): Json {
  switch (condition.kind) {
    case 'value':
      return condition.value;
    case 'reference':
      return look(condition.reference);
    case 'not':
      return !holds(valueOf(condition.of, look));
    case 'and':
      return holds(valueOf(condition.left, look)) && holds(valueOf(condition.right, look));
    case 'or':
      return holds(valueOf(condition.left, look)) || holds(valueOf(condition.right, look));
    case 'contains':
      return contains(valueOf(condition.left, look), valueOf(condition.right, look));
    case 'compare':
      return compare(condition.operator, valueOf(condition.left, look), valueOf(condition.right, look));
  }
}

/**
 * Whether a condition holds. The right side of `and` and `or` is looked at only where it matters.
 *
 * @param look the value of a reference; what it throws is thrown
 */
export function isTrue(condition: Condition, look: (reference: Reference) => Json): boolean {
  return holds(valueOf(condition, look));
}

/** Compared values with a reference on one side, for checks of what a step's status can be. */
export function comparedTexts(
  condition: Condition,
): readonly { readonly reference: Reference; readonly text: string }[] {
  switch (condition.kind) {
    case 'value':
    case 'reference':
      return [];
    case 'not':
      return comparedTexts(condition.of);
    case 'and':
    case 'or':
    case 'contains':
      return [...comparedTexts(condition.left), ...comparedTexts(condition.right)];
    case 'compare': {
      const { left, right } = condition;
      const [one, other] = left.kind === 'reference' ? [left, right] : [right, left];
      if (one.kind !== 'reference' || other.kind !== 'value' || typeof other.value !== 'string')
        return [...comparedTexts(left), ...comparedTexts(right)];
      return [{ reference: one.reference, text: other.value }];
    }
  }
}
