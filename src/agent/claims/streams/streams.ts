/** Which stream a command line prints, and what a whole one says of a turn. */
import { basename } from 'node:path';
import type { EventType } from '../../../job/job.ts';
import { splitWords } from '../../../sandbox/toolchains/words.ts';
import { parseObject } from '../../../job/text/json.ts';
import { createLines } from '../lines.ts';
import { claudeStream, qwenStream } from './claude.ts';
import { codexStream } from './codex.ts';
import { geminiStream } from './gemini.ts';
import { gooseStream } from './goose.ts';
import { opencodeStream } from './opencode.ts';
import { piStream } from './pi.ts';
import type { CommandStream, Spent, Told } from './stream.ts';

/** Every command line whose stream is known. */
export const STREAMS: readonly CommandStream[] = [
  claudeStream,
  codexStream,
  geminiStream,
  gooseStream,
  opencodeStream,
  piStream,
  qwenStream,
];

/** Longest line, in characters: a tool's output is in one line. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 64 * 1024;
const MAX_SHOWN_CHARS = 2_000;
const MAX_EVENTS = 10_000;
/** What may be a session's id: it becomes a word of the next command line. */
const SESSION_ID = /^[\w][\w.:-]{0,199}$/;

/** The stream of the first known programme in a command line; `null` where there is none. */
export function streamOf(command: string): CommandStream | null {
  const programmes = splitWords(command).flatMap(({ text, isProgram }) =>
    isProgram ? [basename(text)] : [],
  );
  return STREAMS.find(({ programme }) => programmes.includes(programme)) ?? null;
}

/** What a stream has said so far. */
export interface StreamReader {
  push(text: string): void;
  /** Reads the last line, where it does not end with a newline. */
  end(): void;
  /** Whether any line was of the stream: a command may print plain text after all. */
  isKnown(): boolean;
  sessionId(): string | null;
  /** What the agent said last. */
  message(): string;
  error(): string | null;
  hasWorked(): boolean;
  /** What was spent in this turn, and what the session has taken in all, where only that is told. */
  spent(): { readonly turn: Spent; readonly total: Spent };
}

export interface StreamListener {
  readonly onSession: (id: string) => void;
  readonly onCall: (title: string, input: string) => void;
  readonly emit: (type: EventType, data: Readonly<Record<string, unknown>>) => void;
}

const NOTHING: Spent = { input: null, output: null, costUsd: null };

function plus(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : a + b;
}

function add(a: Spent, b: Spent): Spent {
  return {
    input: plus(a.input, b.input),
    output: plus(a.output, b.output),
    costUsd: plus(a.costUsd, b.costUsd),
  };
}

/** What is told last counts; what is not told stays. */
function replace(a: Spent, b: Spent): Spent {
  return { input: b.input ?? a.input, output: b.output ?? a.output, costUsd: b.costUsd ?? a.costUsd };
}

/** Reads the stream of one turn. */
export function createStreamReader(stream: CommandStream, listener: StreamListener): StreamReader {
  const lines = createLines(MAX_LINE_CHARS);
  let [isKnown, hasWorked, events, message] = [false, false, 0, ''];
  let [session, error]: [string | null, string | null] = [null, null];
  let [turn, total] = [NOTHING, NOTHING];
  const emit: StreamListener['emit'] = (type, data) => {
    if (++events <= MAX_EVENTS) listener.emit(type, data);
  };

  const take = (told: Told): void => {
    switch (told.what) {
      case 'session':
        if (session === told.id || !SESSION_ID.test(told.id)) return;
        session = told.id;
        return listener.onSession(told.id);
      case 'text':
        message = (told.whole ? told.text : message + told.text).slice(-MAX_MESSAGE_CHARS);
        return emit('message', { role: 'agent', text: told.text });
      case 'call': {
        const { id, title, input } = told;
        [hasWorked, message] = [true, ''];
        emit('tool_call', {
          id,
          title: title.slice(0, 300),
          kind: 'other',
          status: 'completed',
          input: input.slice(0, MAX_SHOWN_CHARS),
        });
        return listener.onCall(title, input);
      }
      case 'spent':
        if (told.total) total = replace(total, told.spent);
        else turn = add(turn, told.spent);
        return;
      case 'error':
        error = told.message;
    }
  };
  const takeLine = (line: string): void => {
    const fields = parseObject(line);
    if (fields === null || typeof fields['type'] !== 'string') return;
    isKnown = true;
    for (const told of stream.read(fields)) take(told);
  };

  return {
    push(text) {
      for (const line of lines.push(text)) takeLine(line);
    },
    end: () => takeLine(lines.rest()),
    isKnown: () => isKnown,
    sessionId: () => session,
    message: () => message,
    error: () => error,
    hasWorked: () => hasWorked,
    spent: () => ({ turn, total }),
  };
}
