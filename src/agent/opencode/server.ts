/** An OpenCode server in a sandbox: started behind a password, reached over its loopback, ended with all it started. */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import type { Dial, ExecResult, LiveInput, Sandbox } from '../../sandbox/sandbox.ts';
import { createLines } from '../claims/lines.ts';
import type { Notes } from '../handover.ts';
import { createClient, type Client } from './client.ts';
import { createNoteBox, planNotes, type NoteWord } from './notes.ts';

/** Bytes of stdout and stderr that are kept in memory, and of the log file. */
const KEPT_BYTES = 64 * 1024;
const LOG_BYTES = 64 * 1024 * 1024;
/** Longest life of a server; a turn has bounds of its own. */
const LIFE_MS = 24 * 3600 * 1000;
const MAX_LINE_CHARS = 192 * 1024;
const LISTENING = /listening on https?:\/\/127\.0\.0\.1:(\d{1,5})\b/;

/** How a server is started. */
export interface ServerLaunch {
  /** Run by `sh`, in the workspace; it says on standard output where it listens. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server that runs. */
export interface Server {
  readonly launch: ServerLaunch;
  /** Resolves when it listens; rejects where it ended first, or what it names is no port. */
  readonly client: Promise<Client>;
  readonly ended: Promise<ExecResult>;
  hasEnded(): boolean;
  /** The notes of a turn; none where it has ended. */
  notes(word: NoteWord): Promise<Notes>;
  /** Who hears what it prints on standard error: the turn that runs. */
  onStderr: (text: string) => void;
  /** Ends it, if it has not ended, and waits for that. */
  stop(): Promise<ExecResult>;
}

/** The port in a line of output; `null` where it names none. */
function portIn(line: string): number | null {
  const port = Number(LISTENING.exec(line)?.[1] ?? 0);
  return port > 0 && port < 65_536 ? port : null;
}

/**
 * Starts a server.
 *
 * @param logPath file on the host for what it prints
 * @throws JobError `bad_configuration` where the sandbox can't be reached into
 */
export function startServer(sandbox: Sandbox, launch: ServerLaunch, logPath: string): Server {
  const serve = sandbox.serve?.bind(sandbox);
  if (serve === undefined) {
    throw new JobError('bad_configuration', `sandbox: ${sandbox.adapter} can't reach servers in it`, {
      hint: 'use another sandbox, or another agent',
    });
  }
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const reached = Promise.withResolvers<Dial>();
  const password = randomBytes(24).toString('hex');
  const place = planNotes(sandbox.homePath);
  const lines = createLines(MAX_LINE_CHARS);
  let input: LiveInput | null = null;
  const box = createNoteBox();
  let isOver = false;

  const takeLine = (line: string): void => {
    box.take(line);
    const port = portIn(line);
    if (port !== null) listening.resolve(port);
  };
  const running = serve(place.begin(launch.command), {
    env: { ...launch.env, OPENCODE_SERVER_PASSWORD: password, AGENT_RUNNER_OUT: place.outDir },
    timeoutMs: LIFE_MS,
    maxBytes: KEPT_BYTES,
    logPath,
    maxLogBytes: LOG_BYTES,
    signal: stop.signal,
    onDial: (dial) => reached.resolve(dial),
    onInput: (given) => {
      input = given;
    },
    onOutput: (stream, text) => {
      if (stream === 'stderr') return server.onStderr(text);
      for (const line of lines.push(text)) takeLine(line);
    },
  });
  const ended = running.finally(() => {
    isOver = true;
    listening.reject(new Error('it ended before it listened'));
    box.end();
  });
  const client = Promise.all([reached.promise, listening.promise]).then(([dial, port]) =>
    createClient(dial, port, password),
  );
  // Whoever waits for them hears it; nobody else needs to.
  client.catch(() => {});
  ended.catch(() => {});

  const server: Server = {
    launch,
    client,
    ended,
    hasEnded: () => isOver,
    notes: (word) => box.ask(input, word),
    onStderr: () => {},
    stop() {
      stop.abort();
      return ended;
    },
  };
  return server;
}
