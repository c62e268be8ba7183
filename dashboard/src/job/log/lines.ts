/** A job's log as lines: each event becomes one line, or as many as its text has. */
import type { JobEvent } from '../../../../src/job/job.ts';
import { plain } from './terminal.ts';

/** A line. */
export interface LogLine {
  /** Names it in an address: the event's number, and the line's in it where there are several. */
  readonly id: string;
  readonly kind: 'out' | 'err' | 'step' | 'gate' | 'say' | 'tool' | 'bad';
  readonly time: string;
  readonly text: string;
}

/** Longest line that is kept, in characters: the rest of a longer one is counted. */
const MAX_LINE_CHARS = 20_000;
/** Lines of one event. */
const MAX_EVENT_LINES = 5000;

function words(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** What a line says of an event that is no output, and of which kind it is. */
function told({ type, data }: JobEvent): readonly [LogLine['kind'], string] {
  switch (type) {
    case 'log':
      return [data['stream'] === 'stderr' ? 'err' : 'out', words(data['text'])];
    case 'phase':
      return [
        data['state'] === 'failed' ? 'bad' : 'step',
        `${words(data['step'])} ${words(data['state'])} ${words(data['message'])}`,
      ];
    case 'gate': {
      if (typeof data['verdict'] === 'string')
        return ['gate', `gate ${words(data['run'])}: ${data['verdict']}`];
      if (typeof data['check'] !== 'string') return ['gate', `checks: ${words(data['sources'])}`];
      return ['gate', `${words(data['side'])} ${data['check']}: ${words(data['state'])}`];
    }
    case 'message':
      return [
        'say',
        words(data['text'] ?? data['notice'] ?? data['turn'] ?? data['branch'] ?? data['reason']),
      ];
    case 'tool_call':
      return ['tool', `${words(data['title'])} ${words(data['status'])}`];
    case 'error':
      return ['bad', words(data['message'])];
    case 'status':
      return ['step', `${words(data['status'])} ${words(data['outcome'])}`];
    case 'plan':
      return ['say', `plan ${words(data['subtasks'] ?? data['entries'])}`];
    case 'usage':
      return [
        'step',
        `usage ${words(data['cost_usd'])} USD, ${words(data['tokens_in'])} in, ${words(data['tokens_out'])} out`,
      ];
    case 'sandbox':
      return ['step', `sandbox ${words(data['adapter'] ?? data['setup'])} ${words(data['isolation'])}`];
    case 'delivery':
      return ['step', `callback ${words(data['status'])} ${words(data['error'])}`];
  }
}

function clipped(line: string): string {
  if (line.length <= MAX_LINE_CHARS) return line;
  return `${line.slice(0, MAX_LINE_CHARS)} … and ${(line.length - MAX_LINE_CHARS).toLocaleString('en')} more characters`;
}

/** The lines of one event. */
export function linesOf(event: JobEvent): readonly LogLine[] {
  const [kind, text] = told(event);
  const parts = text.replace(/\r?\n$/, '').split('\n');
  const more = parts.length - MAX_EVENT_LINES;
  const rest = more > 0 ? [`… and ${more.toLocaleString('en')} more lines, in the text of the log`] : [];
  return [...parts.slice(0, MAX_EVENT_LINES), ...rest].map((line, at) => ({
    id: parts.length === 1 ? String(event.seq) : `${event.seq}.${at + 1}`,
    kind,
    time: event.time,
    text: clipped(line),
  }));
}

/** Collects lines as events come; what was read is not read again. */
export function createLines(): (events: readonly JobEvent[]) => readonly LogLine[] {
  let [seen, lines]: [number, readonly LogLine[]] = [0, []];
  return (events) => {
    if (events.length < seen) [seen, lines] = [0, []];
    if (events.length > seen) {
      const fresh = events.slice(seen).flatMap(linesOf);
      [seen, lines] = [events.length, [...lines, ...fresh]];
    }
    return lines;
  };
}

/** What is looked through of lines: made when it is first looked for, because most logs are only read. */
const searched = new WeakMap<LogLine, string>();

function searchedOf(line: LogLine): string {
  const known = searched.get(line);
  if (known !== undefined) return known;
  const text = plain(line.text).toLowerCase();
  searched.set(line, text);
  return text;
}

/** Places of the lines that hold some words, in any case. */
export function found(lines: readonly LogLine[], words: string): readonly number[] {
  const wanted = words.trim().toLowerCase();
  if (wanted === '') return [];
  return lines.flatMap((line, at) => (searchedOf(line).includes(wanted) ? [at] : []));
}

/** What of a log is shown. */
export const SOURCES = {
  all: ['Everything', ['out', 'err', 'step', 'gate', 'say', 'tool', 'bad']],
  printed: ['What was printed', ['out', 'err']],
  agent: ['The agent', ['say', 'tool']],
  steps: ['Steps and gate', ['step', 'gate', 'bad']],
  errors: ['Errors and warnings', ['err', 'bad']],
} as const satisfies Record<string, readonly [name: string, kinds: readonly LogLine['kind'][]]>;
/** The name of a part of a log. */
export type Source = keyof typeof SOURCES;

/** The lines of a part of the log; they keep their names. */
export function fromSource(lines: readonly LogLine[], source: Source): readonly LogLine[] {
  if (source === 'all') return lines;
  const kinds: readonly LogLine['kind'][] = SOURCES[source][1];
  return lines.filter(({ kind }) => kinds.includes(kind));
}

/** The line that words like `:120` or `:120.3` name; `null` where they name none. */
export function namedLine(words: string): string | null {
  return /^:(\d+(?:\.\d+)?)$/.exec(words.trim())?.[1] ?? null;
}

/** Longest text that is copied, in characters: the end of a longer one. */
const MAX_COPIED_CHARS = 4_000_000;

/** Lines as text, without the colours of terminals. */
export function textOf(lines: readonly LogLine[]): string {
  return lines
    .map(({ text }) => plain(text))
    .join('\n')
    .slice(-MAX_COPIED_CHARS);
}
