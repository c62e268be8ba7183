/**
 * Counts the tokens of one answer as it passes by, however it is cut into pieces, and gives out what the client
 * shall see of it: the same bytes, but for what only we asked for.
 */
import type { ModelDialect } from '../../job/model/call.ts';
import { errorText } from '../dialects.ts';
import { at, listAt, parseJson } from '../../job/text/json.ts';
import { createSseSplitter, type SseEvent } from './sse.ts';
import { mergeUsage, usageOf, type Reported } from './usage.ts';

/** What is known of an answer. */
export interface Metered {
  /** `null` where the answer did not say. */
  readonly usage: Reported | null;
  /** What a stream that was cut off told at its start of what it had read. */
  readonly begun: Reported | null;
  /** Characters of text, reasoning and tool calls that were seen: what an estimate is made of. */
  readonly outputChars: number;
  /** What the provider said was wrong within an answer that began well. */
  readonly error: string | null;
}

/** Reads one answer. */
export interface Meter {
  /** Takes a piece; returns what the client gets. */
  push(chunk: Buffer): readonly Buffer[];
  /** What was held back. */
  end(): readonly Buffer[];
  result(): Metered;
}

/** Bytes of an answer without a stream that are read; more pass by unread, and are estimated. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const OUTPUT =
  /"(?:content|text|partial_json|thinking|reasoning|reasoning_content|arguments|delta)":\s*"((?:[^"\\]|\\.)*)"/g;

function charsIn(data: string): number {
  let chars = 0;
  OUTPUT.lastIndex = 0;
  for (let match = OUTPUT.exec(data); match !== null; match = OUTPUT.exec(data))
    chars += match[1]?.length ?? 0;
  return chars;
}

/** Which of a stream's events say usage; the last of each sort counts, because counts are sums so far. */
function mayHoldUsage(dialect: ModelDialect, data: string): boolean {
  switch (dialect) {
    case 'openai-chat':
      return data.includes('"usage"') && !/"usage":\s*null/.test(data);
    case 'openai-responses':
      return data.includes('"usage"') && /"type":\s*"response\.(?:completed|incomplete|failed)"/.test(data);
    case 'anthropic':
      return data.includes('"usage"') && /"type":\s*"message_delta"/.test(data);
    case 'gemini':
      return data.includes('"usageMetadata"');
  }
}

interface StreamNotes {
  start: string | null;
  usage: string | null;
  error: string | null;
  chars: number;
}

function note(dialect: ModelDialect, { data }: SseEvent, notes: StreamNotes): void {
  if (data === '' || data === '[DONE]') return;
  if (dialect === 'anthropic' && notes.start === null && /"type":\s*"message_start"/.test(data))
    notes.start = data;
  if (mayHoldUsage(dialect, data)) notes.usage = data;
  else notes.chars += charsIn(data);
  if (data.includes('"error"')) {
    const parsed = parseJson(data);
    notes.error = errorText(parsed) ?? errorText(at(parsed, 'response')) ?? notes.error;
  }
}

function readNotes(dialect: ModelDialect, notes: StreamNotes): Metered {
  const said = notes.usage === null ? undefined : parseJson(notes.usage);
  const start = notes.start === null ? undefined : parseJson(notes.start);
  const whole =
    dialect === 'anthropic' && said !== undefined ? mergeUsage(start, said) : usageOf(dialect, said);
  return { usage: whole, begun: usageOf(dialect, start), outputChars: notes.chars, error: notes.error };
}

/** The event that only we asked for: no choices, nothing but usage. */
function isUsageOnly(data: string): boolean {
  if (!data.includes('"usage"')) return false;
  const parsed = parseJson(data);
  return (
    at(parsed, 'choices') !== undefined &&
    listAt(parsed, 'choices').length === 0 &&
    at(parsed, 'usage') != null
  );
}

/** What a client that asked for no usage sees of an event of chat completions. */
function withoutUsage(event: SseEvent): Buffer | null {
  if (isUsageOnly(event.data)) return null;
  if (!/"usage":\s*null/.test(event.data)) return event.bytes;
  // Within a JSON text every quote is escaped, so a comma before a bare quote can't be a part of one.
  return Buffer.from(event.bytes.toString('utf8').replace(/,\s*"usage":\s*null/, ''));
}

function createStreamMeter(dialect: ModelDialect, hidesUsage: boolean): Meter {
  const splitter = createSseSplitter();
  const notes: StreamNotes = { start: null, usage: null, error: null, chars: 0 };
  const shown = (event: SseEvent): readonly Buffer[] => {
    const bytes = withoutUsage(event);
    return bytes === null ? [] : [bytes];
  };
  return {
    push(chunk) {
      const events = splitter.push(chunk);
      for (const event of events) note(dialect, event, notes);
      return hidesUsage ? events.flatMap(shown) : [chunk];
    },
    end() {
      const rest = splitter.end();
      if (rest !== null) note(dialect, rest, notes);
      return rest === null || !hidesUsage ? [] : shown(rest);
    },
    result: () => readNotes(dialect, notes),
  };
}

function createWholeMeter(dialect: ModelDialect): Meter {
  let chunks: Buffer[] = [];
  let bytes = 0;
  return {
    push(chunk) {
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      else chunks = [];
      return [chunk];
    },
    end: () => [],
    result() {
      const text = Buffer.concat(chunks).toString('utf8');
      const answer = parseJson(text);
      // Gemini streams a list of answers where server-sent events were not asked for.
      const last: unknown = Array.isArray(answer)
        ? answer.findLast((one) => at(one, 'usageMetadata') !== undefined)
        : answer;
      const outputChars = charsIn(text) || bytes;
      return { usage: usageOf(dialect, last), begun: null, outputChars, error: errorText(answer) };
    },
  };
}

/**
 * Makes the meter of one answer.
 *
 * @param hidesUsage whether the client asked for no usage in its stream, and only we did
 */
export function createMeter(dialect: ModelDialect, isStream: boolean, hidesUsage: boolean): Meter {
  return isStream ? createStreamMeter(dialect, hidesUsage) : createWholeMeter(dialect);
}
