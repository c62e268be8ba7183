/**
 * HTTP to an OpenCode server in a sandbox: a connection a request, each answer bounded, and the stream of its
 * events. Spoken here rather than by the SDK of its makers: that one takes a `fetch`, which can't be given a
 * connection, reads answers and events of any length, and changes with every release, for six addresses.
 */
import type { IncomingMessage } from 'node:http';
import type { Dial } from '../../sandbox/sandbox.ts';
import { fieldsOf, parseObject, textAt, type Fields } from '../../job/text/json.ts';
import { createLines } from '../claims/lines.ts';

/** Longest answer, in bytes: a message with whole files in it. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Longest event, in characters: a tool call carries whole files, twice; and the events of one turn. */
const MAX_LINE_CHARS = 32 * 1024 * 1024;
const MAX_TOTAL_CHARS = 512 * 1024 * 1024;
/** Lines of the stream that are no event before it counts as garbage. */
const MAX_NOISE_LINES = 1_000;

/** One answer of the server. */
export interface Answer {
  readonly status: number;
  /** The body where it is a JSON object, else nothing. */
  readonly body: Fields | null;
  readonly text: string;
}

/** What the server is asked. */
export interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: Fields;
  readonly signal: AbortSignal;
}

/** What the stream of events tells. */
export interface EventListener {
  onEvent(event: Fields, line: string): void;
  /** The stream broke a bound, or is none; it is not read any more. */
  readonly onBreach: (why: string) => void;
  /** The stream ended, and the signal did not end it. Called once, and not after a breach. */
  readonly onEnd: (why: string) => void;
}

/** A client of one server. */
export interface Client {
  /** Rejects where no answer comes, or more than an answer may be. */
  ask(question: Question): Promise<Answer>;
  /** Resolves when the stream is open; it is read until the signal ends it. */
  listen(listener: EventListener, signal: AbortSignal): Promise<void>;
}

/** An answer's error in words: those of OpenCode are `{name, data: {message}}`. */
export function wordsOf(answer: Answer): string {
  const { body } = answer;
  const said = textAt(body, 'data', 'message') ?? textAt(body, 'message') ?? textAt(body, 'error');
  return `HTTP ${answer.status}${said === null ? (answer.text === '' ? '' : `: ${answer.text.slice(0, 300)}`) : `: ${said}`}`;
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      response.destroy();
      throw new Error(`it answered with more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Takes lines of server-sent events; each event of OpenCode is one line of JSON. */
function createReader(listener: EventListener): (text: string) => boolean {
  const lines = createLines(MAX_LINE_CHARS);
  let [total, noise] = [0, 0];
  const end = (why: string): false => {
    listener.onBreach(why);
    return false;
  };
  return (text) => {
    total += text.length;
    if (total > MAX_TOTAL_CHARS) return end(`it sent more than ${MAX_TOTAL_CHARS} characters in one turn`);
    for (const line of lines.push(text)) {
      if (line.trim() === '') continue;
      const data = line.startsWith('data:') ? line.slice('data:'.length) : '';
      const event = parseObject(data.trim());
      if (event !== null) listener.onEvent(event, data.trim());
      else if (++noise > MAX_NOISE_LINES) return end(`its events are none: ${line.slice(0, 300)}`);
    }
    return lines.tooLong() === 0 || end(`it sent an event longer than ${MAX_LINE_CHARS} characters`);
  };
}

/**
 * Makes the client of a server.
 *
 * @param password of its one user, `opencode`
 */
export function createClient(dial: Dial, port: number, password: string): Client {
  const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString('base64')}`;

  /** Sends a request over a connection of its own; resolves with the head of its answer. */
  async function send({ method, path, body, signal }: Question): Promise<IncomingMessage> {
    const socket = await dial(port);
    const text = body === undefined ? null : JSON.stringify(body);
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      host: `127.0.0.1:${port}`,
      authorization,
      connection: 'close',
      ...(text === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    };
    // Not imported: an import reads every export, `WebSocket` among them, which loads all of undici at every start.
    const http = process.getBuiltinModule('node:http');
    const request = http.request({ method, path, headers, signal, createConnection: () => socket });
    request.once('response', resolve).once('error', reject);
    // After an abort there is nobody left to tell.
    request.on('error', () => socket.destroy()).once('close', () => reject(new Error('it hung up')));
    request.end(text ?? undefined);
    return promise;
  }

  return {
    async ask(question) {
      const response = await send(question);
      const text = await readAll(response);
      return { status: response.statusCode ?? 0, body: parseObject(text), text };
    },
    async listen(listener, signal) {
      const response = await send({ method: 'GET', path: '/event', signal });
      const type = response.headers['content-type'] ?? '';
      if (response.statusCode !== 200 || !type.startsWith('text/event-stream')) {
        response.destroy();
        throw new Error(`it has no events (HTTP ${response.statusCode ?? 0}, ${type || 'no type'})`);
      }
      let isOver = false;
      const over = (tell: (why: string) => void, why: string): void => {
        if (!isOver && !signal.aborted) tell(why);
        isOver = true;
        response.destroy();
      };
      const end = (why: string): void => over(listener.onEnd, why);
      const read = createReader({ ...listener, onBreach: (why) => over(listener.onBreach, why) });
      response.setEncoding('utf8').on('data', (text: string) => {
        if (!isOver) read(text);
      });
      response.on('error', () => end('its events broke off')).on('close', () => end('its events ended'));
    },
  };
}

/** The properties of an event. */
export function propertiesOf(event: Fields): Fields {
  return fieldsOf(event['properties']) ?? {};
}
