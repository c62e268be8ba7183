/**
 * The wire of an Agent Client Protocol connection: lines of JSON over an agent's standard streams. Everything that
 * comes is bounded and looked at here first, so that the SDK only ever meets messages that it expects: what it
 * does not, it prints, and an agent would write to our terminal.
 */
import type { AnyMessage, Stream } from '@agentclientprotocol/sdk';
import type { LiveInput } from '../../sandbox/sandbox.ts';
import { fieldsOf, parseObject, type Fields } from '../../job/text/json.ts';
import { createLines } from '../claims/lines.ts';

/** Longest message, in characters: a tool call carries whole files, twice. */
const MAX_LINE_CHARS = 32 * 1024 * 1024;
/** Characters of one turn: a long session that is loaded again has some tens of MB. */
const MAX_TOTAL_CHARS = 512 * 1024 * 1024;
/** Lines that are no message (warnings, a banner), and their characters, before an agent counts as talking garbage. */
const MAX_NOISE_LINES = 1_000;
const MAX_NOISE_CHARS = 1024 * 1024;
/** Requests of the agent that may wait for their answer. */
const MAX_OPEN_REQUESTS = 100;
/** Characters of noise that are kept, to show what came instead of messages. */
const SHOWN_CHARS = 300;

/** What the wire tells its owner. */
export interface WireListener {
  /** A notification of the agent: `session/update`, or anything else it thinks of. */
  onNotification(method: string, params: Fields): void;
  /** The result of a request of ours, as it came: the SDK drops fields that it does not know. */
  onResult(method: string, result: Fields): void;
  /** The agent broke a bound; called once, and nothing is read after that. */
  onBreach(message: string): void;
}

/** One connection. */
export interface Wire {
  /** What the SDK connects to. */
  readonly stream: Stream;
  /** Gives the connection the agent's standard input; what was sent before waits for it. */
  attach(input: LiveInput): void;
  /** Takes the agent's standard output as it comes. */
  push(text: string): void;
  /** Whether anything came that is a message. */
  hasSpoken(): boolean;
  /** The first of what came that was no message, for people. */
  noise(): string;
  /** Ends the connection: requests that wait for an answer are rejected. */
  close(): void;
}

type Id = string | number | null;

function idOf(message: Fields): Id | undefined {
  const { id } = message;
  return typeof id === 'string' || typeof id === 'number' || id === null ? id : undefined;
}

/** Reads messages out of an agent's standard output, within bounds. */
interface Reader {
  push(text: string): void;
  hasSpoken(): boolean;
  noise(): string;
}

function createReader(
  take: (message: Fields) => void,
  breach: (why: string) => void,
  isOver: () => boolean,
): Reader {
  const lines = createLines(MAX_LINE_CHARS);
  let [total, noiseLines, noiseChars, noise, hasSpoken] = [0, 0, 0, '', false];

  const takeNoise = (line: string): void => {
    if (line.trim() === '') return;
    noiseLines++;
    noiseChars += line.length;
    if (noise.length < SHOWN_CHARS) noise += `${line.slice(0, SHOWN_CHARS - noise.length)}\n`;
    if (noiseLines > MAX_NOISE_LINES || noiseChars > MAX_NOISE_CHARS)
      breach(`it prints what is no message of the protocol: ${noise.trim()}`);
  };

  return {
    push(text) {
      total += text.length;
      if (total > MAX_TOTAL_CHARS) {
        breach(`it sent more than ${MAX_TOTAL_CHARS} characters in one turn`);
        return;
      }
      for (const line of lines.push(text)) {
        if (isOver()) return;
        const message = parseObject(line);
        if (message?.['jsonrpc'] === '2.0') {
          hasSpoken = true;
          take(message);
        } else takeNoise(line);
      }
      if (lines.tooLong() > 0) breach(`it sent a line longer than ${MAX_LINE_CHARS} characters`);
    },
    hasSpoken: () => hasSpoken,
    noise: () => noise.trim(),
  };
}

/** The requests of both sides: which wait for an answer, and what of a message the SDK may see. */
interface Ledger {
  /** Notes a message of ours. */
  sent(message: AnyMessage): void;
  /** Looks at a message of the agent; `null` where it is not for the SDK. */
  admit(message: Fields): AnyMessage | null;
}

function createLedger(listener: WireListener, breach: (why: string) => void): Ledger {
  /** Our requests by id, until they are answered. */
  const asked = new Map<Id, string>();
  /** The agent's requests that wait for our answer. */
  const open = new Set<Id>();

  const admitAnswer = (asker: string, message: Fields): AnyMessage | null => {
    const { result, error: raw, ...rest } = message;
    const error = fieldsOf(raw);
    if (typeof error?.['code'] === 'number' && typeof error['message'] === 'string')
      return { ...rest, error } as unknown as AnyMessage;
    if (!('result' in message)) {
      breach(`its answer to ${asker} has neither a result nor an error`);
      return null;
    }
    listener.onResult(asker, fieldsOf(result) ?? {});
    return { ...rest, result } as unknown as AnyMessage;
  };

  return {
    sent(message) {
      const fields = fieldsOf(message) ?? {};
      const id = idOf(fields);
      if (id === undefined) return;
      const { method } = fields;
      if (typeof method === 'string') asked.set(id, method);
      else open.delete(id);
    },
    admit(message) {
      const { method } = message;
      const id = idOf(message);
      if (typeof method === 'string' && id === undefined) {
        listener.onNotification(method, fieldsOf(message['params']) ?? {});
        return null;
      }
      if (typeof method === 'string' && id !== undefined) {
        open.add(id);
        if (open.size <= MAX_OPEN_REQUESTS) return message as unknown as AnyMessage;
        breach(`it has more than ${MAX_OPEN_REQUESTS} open requests`);
        return null;
      }
      // An answer to nothing that was asked is not worth a word.
      const asker = id === undefined ? undefined : asked.get(id);
      if (id === undefined || asker === undefined) return null;
      asked.delete(id);
      return admitAnswer(asker, message);
    },
  };
}

/** Makes the wire of one turn. */
export function createWire(listener: WireListener): Wire {
  const attached = Promise.withResolvers<LiveInput | null>();
  let isOver = false;
  let controller: ReadableStreamDefaultController<AnyMessage> | null = null;

  const end = (): void => {
    if (isOver) return;
    isOver = true;
    attached.resolve(null);
    controller?.close();
  };
  const breach = (message: string): void => {
    if (!isOver) listener.onBreach(message);
    end();
  };
  const ledger = createLedger(listener, breach);
  const take = (message: Fields): void => {
    const admitted = ledger.admit(message);
    if (admitted !== null && !isOver) controller?.enqueue(admitted);
  };
  const reader = createReader(take, breach, () => isOver);

  return {
    stream: {
      readable: new ReadableStream<AnyMessage>({
        start: (given) => {
          controller = given;
        },
        // The connection reads no more: it closes the stream by itself.
        cancel: () => {
          controller = null;
          end();
        },
      }),
      writable: new WritableStream<AnyMessage>({
        async write(message) {
          ledger.sent(message);
          const input = await attached.promise;
          if (input === null || isOver) return;
          // Not an error of the stream: how the agent ended says more than that it no longer reads.
          if (!input.write(`${JSON.stringify(message)}\n`)) end();
        },
      }),
    },
    attach: (input) => attached.resolve(input),
    push: (text) => {
      if (!isOver) reader.push(text);
    },
    hasSpoken: () => reader.hasSpoken(),
    noise: () => reader.noise(),
    close: end,
  };
}
