/** Starting one process: its streams, its descriptors, and what the system says when it can't be started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, statSync } from 'node:fs';
import { Server, Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { codeOf } from '../../job/error.ts';
import { listKernelDirectory, readKernelFile } from './groups.ts';
import type { LiveInput } from '../sandbox.ts';
import { openInput, returnPipe, takePipe, type Pipe } from './pipes.ts';

/** Highest inherited descriptor that is looked for, and the flag of those that children do not get. */
const MAX_DESCRIPTOR = 4_096;
const O_CLOEXEC = 0o2000000;

/** What a process is started with. */
export interface SpawnRequest {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: string | Uint8Array | undefined;
  /** Whether standard input stays open, as `Started.input`; `stdin` is not read then. */
  readonly isInputLive: boolean;
  /** Whether it gets the descriptors 3 (it reads) and 4 (it writes). */
  readonly hasControl: boolean;
  /** Takes the listening socket that it hands over on the descriptor after those; absent: there is none. */
  readonly onServer?: ((server: Server) => void) | undefined;
}

/** How a process ended; `error` is why it could not be started. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly error: Error | null;
}

/** A started process and its streams. */
export interface Started {
  /** Leader of its group; `undefined` where it could not be started, which `exited` tells. */
  readonly pid: number | undefined;
  readonly exited: Promise<Exit>;
  readonly input: LiveInput | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly controlInput: Writable | null;
  readonly controlOutput: Readable | null;
  /** Lets this process end although that one still runs. */
  unref(): void;
  /** Lets go of every stream; `isClosed` says that the other ends are closed. */
  release(isClosed: boolean): void;
}

let inherited: { readonly descriptors: readonly number[]; readonly nullFd: number } | null = null;

/**
 * Descriptors from 3 on that whoever started the runner left open: every child would have them, in a sandbox
 * too. Node opens its own with close-on-exec, so the list is made once.
 */
function inheritedDescriptors(): { readonly descriptors: readonly number[]; readonly nullFd: number } {
  if (inherited !== null) return inherited;
  const names = listKernelDirectory('/proc/self/fdinfo').filter((name) => {
    const flags = /^flags:\s*([0-7]+)/m.exec(readKernelFile(`/proc/self/fdinfo/${name}`))?.[1];
    const isPassedOn = flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
    return isPassedOn && Number(name) > 2 && Number(name) <= MAX_DESCRIPTOR;
  });
  const descriptors = names.map(Number).sort((a, b) => a - b);
  inherited = { descriptors, nullFd: descriptors.length === 0 ? -1 : openSync('/dev/null', 'r+') };
  return inherited;
}

/** What Node is told about each descriptor: ours first, then /dev/null over those that must not be passed on. */
function descriptorsOf(
  input: number | 'pipe' | 'ignore',
  pipes: readonly (Pipe | 'pipe')[],
  hasControl: boolean,
  hasChannel: boolean,
): (number | 'pipe' | 'ignore' | 'ipc')[] {
  const stdio: (number | 'pipe' | 'ignore' | 'ipc')[] = [
    input,
    ...pipes.map((pipe) => (pipe === 'pipe' ? pipe : pipe.childFd)),
  ];
  if (hasControl) stdio.push('pipe', 'pipe');
  if (hasChannel) stdio.push('ipc');
  const { descriptors, nullFd } = inheritedDescriptors();
  for (const fd of descriptors) {
    while (stdio.length < fd) stdio.push('ignore');
    if (stdio.length === fd) stdio.push(nullFd);
  }
  return stdio;
}

/** Our end of a pipe. */
export function readerOf(pipe: Pipe): Socket {
  return new Socket({ fd: pipe.ourFd, readable: true, writable: false });
}

/** Our end of an output: of our pipe, or of Node's. */
function reader(pipe: Pipe | 'pipe', own: Readable | null): Readable {
  if (pipe !== 'pipe') return readerOf(pipe);
  if (own === null) throw new Error('bug: a spawn without output');
  return own;
}

function isDuplex(stream: Writable | Readable | null | undefined): stream is Duplex {
  return stream != null && 'end' in stream && 'read' in stream;
}

/** Bytes of a live input that may wait for a command that does not read. */
export const MAX_PENDING_INPUT_BYTES: number = 16 * 1024 * 1024;

function liveInput(stream: Writable): LiveInput {
  let isOpen = true;
  const close = (): void => {
    isOpen = false;
  };
  stream.on('error', close).on('close', close); // EPIPE: the command has closed its input
  return {
    write(text) {
      isOpen &&=
        !stream.destroyed && stream.writableLength + Buffer.byteLength(text) <= MAX_PENDING_INPUT_BYTES;
      if (isOpen) stream.write(text);
      return isOpen;
    },
    end() {
      close();
      stream.end();
    },
  };
}

function writeInput(stream: Writable, text: string | Uint8Array): void {
  stream.on('error', () => undefined); // EPIPE: the command does not read its input, which is its right
  stream.end(text);
}

function inputOf({ stdin, isInputLive }: SpawnRequest): number | 'pipe' | 'ignore' {
  if (isInputLive) return 'pipe';
  return stdin === undefined ? 'ignore' : (openInput(stdin) ?? 'pipe');
}

/** Takes one listening socket from a process, then closes the channel: what runs there later can send nothing. */
function takeServer(child: ChildProcess, onServer: (server: Server) => void): void {
  child.once('message', (_message, handle) => {
    if (child.connected) child.disconnect();
    if (handle instanceof Server) onServer(handle);
  });
}

function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal, error: null }));
  });
}

/** Starts a process in a session and group of its own. Throws what Node throws at once (E2BIG, NUL in a word). */
export function startProcess(request: SpawnRequest): Started {
  const input = inputOf(request);
  const pipes = [takePipe() ?? 'pipe', takePipe() ?? 'pipe'] as const;
  const taken = pipes.filter((pipe) => pipe !== 'pipe');
  let child: ChildProcess;
  try {
    const [program, ...words] = request.argv;
    const stdio = descriptorsOf(input, pipes, request.hasControl, request.onServer !== undefined);
    child = spawn(program, words, { cwd: request.cwd, env: request.env, stdio, detached: true });
  } catch (error) {
    for (const { ourFd, anchor } of taken) {
      closeSync(ourFd);
      returnPipe(anchor, false);
    }
    throw error;
  } finally {
    for (const { childFd } of taken) closeSync(childFd);
    if (typeof input === 'number') closeSync(input);
  }
  if (request.onServer !== undefined) takeServer(child, request.onServer);
  const live = child.stdin !== null && request.isInputLive ? liveInput(child.stdin) : null;
  if (child.stdin !== null && live === null && request.stdin !== undefined)
    writeInput(child.stdin, request.stdin);
  const [stdout, stderr] = [reader(pipes[0], child.stdout), reader(pipes[1], child.stderr)];
  const [third, fourth] = [child.stdio[3], child.stdio[4]];
  const controlInput = request.hasControl && isDuplex(third) ? third : null;
  const controlOutput = request.hasControl && isDuplex(fourth) ? fourth : null;
  return {
    pid: child.pid,
    exited: exitOf(child),
    input: live,
    stdout,
    stderr,
    controlInput,
    controlOutput,
    unref() {
      child.unref();
      for (const stream of [child.stdin, stdout, stderr]) if (stream instanceof Socket) stream.unref();
    },
    release(isClosed) {
      for (const stream of [child.stdin, stdout, stderr, controlInput, controlOutput]) stream?.destroy();
      for (const { anchor } of taken) returnPipe(anchor, isClosed);
      child.unref();
    },
  };
}

/** What the system said, in words: ENOENT alone does not say whether the program or the directory is missing. */
export function describeSpawnError(error: unknown, program: string, cwd: string): string {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const isDirectory = statSync(cwd, { throwIfNoEntry: false })?.isDirectory() ?? false;
    return isDirectory ? `${program}: not found (${code})` : `${cwd}: no such directory (${code})`;
  }
  if (code === 'EACCES') return `${program}: not executable, or its directory can't be entered (EACCES)`;
  if (code === 'E2BIG') return `${program}: arguments and environment are too long for the system (E2BIG)`;
  return `${program}: ${error instanceof Error ? error.message : String(error)}`;
}
