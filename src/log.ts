/** Structured log lines, and the masks that keep secrets out of everything that is written down. */

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
/** What is known beside the message: ids, counts, errors. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one line a call and never throws. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  /** Receives each line with its newline. */
  readonly write: (line: string) => void;
  /** Who speaks; `agent-runner` when absent. */
  readonly name?: string;
  /** Masks secrets in the finished line. */
  readonly mask?: (text: string) => string;
  /** The clock, for tests. */
  readonly now?: () => Date;
}

const MAX_MESSAGE_CHARS = 4000;
const MAX_FIELD_CHARS = 2000;
const MAX_FIELDS = 50;

/** Creates a log. JSON lines hold `time, level, name, message` and the fields; text is `time - name - LEVEL - message`. */
export function createLog(options: LogOptions): Log {
  const {
    level,
    format,
    write,
    name = 'agent-runner',
    mask = (text) => text,
    now = () => new Date(),
  } = options;
  const least = LOG_LEVELS.indexOf(level);

  // Masked before it is cut: half a secret at the end of a cut would not be found any more.
  const clean = (text: string, maxChars: number): string =>
    cut(mask(text.slice(0, 2 * maxChars + 10_000)), maxChars);

  function line(at: LogLevel, message: string, fields: LogFields): void {
    if (LOG_LEVELS.indexOf(at) < least) return;
    try {
      const time = now().toISOString();
      const said = clean(message, MAX_MESSAGE_CHARS);
      const known = boundedFields(fields, clean);
      const text =
        format === 'json'
          ? JSON.stringify({ ...Object.fromEntries(known), time, level: at, name, message: said })
          : oneLine(
              `${time} - ${name} - ${at.toUpperCase()} - ${said}${known.map(([key, value]) => ` ${key}=${value}`).join('')}`,
            );
      write(`${mask(text)}\n`);
    } catch {
      // A log that can't be written must not end the work it tells about.
    }
  }
  return {
    debug: (message, fields = {}) => line('debug', message, fields),
    info: (message, fields = {}) => line('info', message, fields),
    warn: (message, fields = {}) => line('warn', message, fields),
    error: (message, fields = {}) => line('error', message, fields),
  };
}

function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}… (cut)`;
}

type Plain = string | number | boolean | null;
type Clean = (text: string, maxChars: number) => string;

function boundedFields(fields: LogFields, clean: Clean): readonly (readonly [string, Plain])[] {
  return Object.keys(fields)
    .slice(0, MAX_FIELDS)
    .map((key) => {
      try {
        return [cut(key, 100), plain(fields[key], clean)] as const;
      } catch {
        return [cut(key, 100), '(unreadable)'] as const;
      }
    });
}

function plain(value: unknown, clean: Clean): Plain {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return clean(value, MAX_FIELD_CHARS);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (value instanceof Error) return clean(value.stack ?? `${value.name}: ${value.message}`, MAX_FIELD_CHARS);
  return clean(JSON.stringify(value) ?? typeof value, MAX_FIELD_CHARS);
}

/** Escapes what would break a line, or make a terminal do something. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What stands where a secret stood. */
export const MASK = '***';
/** Shorter values are too common as words to be masked. */
const MIN_SECRET_CHARS = 8;
/** Lines of a secret, such as a key file's, that are masked on their own too. */
const MIN_SECRET_LINE_CHARS = 16;

/**
 * Creates a mask for values of 8 characters and more, in plain, JSON-escaped, URL-encoded and base64 form, the
 * last also inside a longer encoded text (`user:secret`).
 */
export function createMask(secrets: readonly string[]): (text: string) => string {
  const forms = formsOf(secrets);
  return (text) => render(text, matches(text, forms), 0, text.length);
}

/** A mask for text that comes in pieces: what could be the beginning of a secret is held back until it is known. */
export interface StreamMask {
  /** Takes a piece and returns what is safe to show. */
  push(text: string): string;
  /** Returns what was held back. */
  end(): string;
}

/** Creates a mask for a stream; the pieces together are what `createMask` makes of the whole. */
export function createStreamMask(secrets: readonly string[]): StreamMask {
  const forms = formsOf(secrets);
  let held = '';
  // Characters at the beginning of `held` that belong to a secret whose mask was given out already.
  let covered = 0;

  function give(text: string, upTo: number): string {
    const spans = matches(text, forms);
    if (covered > 0) spans.unshift({ from: 0, to: covered });
    const merged = merge(spans);
    const shown = render(text, merged, covered, upTo);
    // The span whose mask is out but whose end is still held: cut here, or begun before what was held.
    const crossing = merged.find((span) => span.from < Math.max(upTo, covered) && span.to > upTo);
    covered = crossing === undefined ? 0 : crossing.to - upTo;
    held = text.slice(upTo);
    return shown;
  }
  return {
    push(text) {
      const all = held + text;
      return give(all, Math.min(...forms.map((form) => possibleStart(all, form)), all.length));
    },
    end: () => give(held, held.length),
  };
}

/** Where the longest end of `text` begins that `form` could go on from; the text's length when there is none. */
function possibleStart(text: string, form: string): number {
  const first = form.charAt(0);
  for (
    let at = text.indexOf(first, Math.max(0, text.length - form.length + 1));
    at >= 0;
    at = text.indexOf(first, at + 1)
  ) {
    if (form.startsWith(text.slice(at))) return at;
  }
  return text.length;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** Every place where a form stands, overlapping ones made one. */
function matches(text: string, forms: readonly string[]): Span[] {
  const spans: Span[] = [];
  for (const form of forms) {
    for (let at = text.indexOf(form); at >= 0; at = text.indexOf(form, at + 1)) {
      const last = spans.at(-1);
      const to = at + form.length;
      // Keeps a text of one repeated character from making a span for each.
      if (last !== undefined && last.from <= at && at < last.to) {
        spans[spans.length - 1] = { from: last.from, to: Math.max(last.to, to) };
      } else spans.push({ from: at, to });
    }
  }
  return merge(spans);
}

function merge(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last === undefined || span.from >= last.to) merged.push(span);
    else if (span.to > last.to) merged[merged.length - 1] = { from: last.from, to: span.to };
  }
  return merged;
}

/** The text up to `upTo` with a mask for each span; a span that begins before `covered` has its mask already. */
function render(text: string, spans: readonly Span[], covered: number, upTo: number): string {
  let shown = '';
  let at = 0;
  for (const span of spans) {
    if (span.from >= upTo) break;
    shown += text.slice(at, span.from);
    if (span.from >= covered || covered === 0) shown += MASK;
    at = span.to;
  }
  return at >= upTo ? shown : shown + text.slice(at, upTo);
}

/** Every form of every secret, without doubles. */
function formsOf(secrets: readonly string[]): readonly string[] {
  const values = secrets.flatMap((secret) => {
    const lines = secret.split(/\r?\n/).map((line) => line.trim());
    const telling =
      lines.length === 1
        ? []
        : lines.filter((l) => l.length >= MIN_SECRET_LINE_CHARS && !l.startsWith('-----'));
    return [secret, secret.trim(), ...telling];
  });
  const long = values.filter((value) => value.length >= MIN_SECRET_CHARS);
  return [
    ...new Set(long.flatMap((value) => [value, ...urlForms(value), ...base64Forms(value), jsonForm(value)])),
  ];
}

function jsonForm(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

function urlForms(value: string): readonly string[] {
  const encoded = encodeURIComponent(value.toWellFormed());
  const strict = encoded.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  return [encoded, strict].flatMap((form) => {
    const lower = form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
    return [form, lower, form.replaceAll('%20', '+'), lower.replaceAll('%20', '+')];
  });
}

/**
 * Base64 packs three bytes into four characters, so a value looks different at each of three offsets; only the
 * characters that its own bytes decide are kept.
 */
function base64Forms(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    const whole = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [whole, whole.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
