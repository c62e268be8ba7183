/**
 * A small shell that starts the runner's own commands for it. Node starts a process by fork, which copies the page
 * tables of everything that the runner holds, while nothing else can happen here: measured 0.7 ms at 11 MB, 3.7 ms
 * at 73 MB and 6.8 ms at 134 MB. The shell has one megabyte: a command has ended after 1.9 ms, whatever we hold.
 *
 * What we tell it is a line of `sh` for each command, and what it answers a line when the command was begun and one
 * when it ended. Streams are FIFOs, which it opens by their descriptors of ours.
 */
import { accessSync, closeSync, constants, statSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { Socket } from 'node:net';
import { shellWord } from '../../job/text/shell.ts';
import { openInput, returnPipe, takePipe, type Pipe } from './pipes.ts';
import { readerOf, startProcess, type Exit, type SpawnRequest, type Started } from './spawn.ts';

/** Bytes of a line; what is longer is started without the launcher. The kernel's own bound is above that. */
const MAX_LINE_BYTES = 100_000;
/** Longest wait for the answer that a command was begun, before the launcher counts as lost. */
const BEGIN_TIMEOUT_MS = 10_000;
/** Exit codes from here on are `sh`'s way to tell a signal; git ends with 128 and 129 by itself. */
const FIRST_SIGNAL_CODE = 130;
const SYSTEM_PATH = '/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin';

const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(os.signals).map(([name, number]) => [number, name]),
);

/** Whether a command was begun: its process, `null` where it certainly was not, or an error where nobody can say. */
type Begun = number | null | Error;

/** A command that was asked for. */
interface Asked {
  readonly begun: (begun: Begun) => void;
  readonly ended: (exit: Exit) => void;
}

/** The shell and what it was asked for. */
interface Launcher {
  readonly started: Started;
  readonly setsid: string;
  readonly asked: Map<string, Asked>;
  count: number;
}

/** A launcher that was killed is started anew so often; then commands are started without one. */
const MAX_STARTS = 3;

let current: Launcher | null = null;
let startsLeft = process.platform === 'linux' ? MAX_STARTS : 0;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function findProgram(name: string, path: string): string | null {
  const folders = path.split(delimiter).filter(isAbsolute);
  const places = name.includes('/') ? [name] : folders.map((folder) => join(folder, name));
  return places.find((place) => isAbsolute(place) && isProgram(place)) ?? null;
}

function exitOf(code: number): Exit {
  const signal = code < FIRST_SIGNAL_CODE ? undefined : SIGNAL_NAMES.get(code - 128);
  return signal === undefined ? { code, signal: null, error: null } : { code: null, signal, error: null };
}

/** The shell and all that waited have ended: what was not begun never will be, what was counts as killed. */
function bury(launcher: Launcher): void {
  if (current === launcher) current = null;
  for (const { begun, ended } of launcher.asked.values()) {
    begun(null);
    ended({ code: null, signal: 'SIGKILL', error: null });
  }
  launcher.asked.clear();
  launcher.started.release(false);
}

/** `<id> s <pid>`: begun; `<id> e <code>`: ended; `<id> f 0`: its streams could not be opened. */
function take(launcher: Launcher, line: string): void {
  const [id = '', what, value] = line.split(' ');
  const one = launcher.asked.get(id);
  if (what === 's') return one?.begun(Number(value));
  launcher.asked.delete(id);
  if (what === 'e') one?.ended(exitOf(Number(value)));
  else one?.begun(null);
}

async function forgetWhenEnded(launcher: Launcher): Promise<void> {
  await launcher.started.exited;
  if (current === launcher) current = null;
}

function start(setsid: string): Launcher {
  const started = startProcess({
    argv: ['/bin/sh'],
    cwd: '/',
    env: {},
    stdin: undefined,
    isInputLive: true,
    hasControl: false,
  });
  const launcher: Launcher = { started, setsid, asked: new Map(), count: 0 };
  let rest = '';
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(launcher, line);
    hold(launcher);
  });
  started.stderr.resume();
  // The other end is closed when the shell and all that wait for a command have ended: then nothing is told any more.
  started.stdout.once('close', () => bury(launcher));
  started.stdout.on('error', () => undefined);
  started.stderr.on('error', () => undefined);
  void forgetWhenEnded(launcher);
  started.unref();
  started.input?.write('exec 3>&1 2>/dev/null\n');
  return launcher;
}

/** Keeps the process alive as long as an answer is awaited, and no longer. */
function hold({ started, asked }: Launcher): void {
  if (!(started.stdout instanceof Socket)) return;
  if (asked.size > 0) started.stdout.ref();
  else started.stdout.unref();
}

/** The launcher of this process, started with the first command. */
function ready(): Launcher | null {
  if (current !== null || startsLeft <= 0) return current;
  startsLeft--;
  const setsid = findProgram('setsid', SYSTEM_PATH);
  try {
    current = setsid === null ? null : start(setsid);
  } catch {
    // No shell, or no more processes: the command itself will say so.
  }
  return current;
}

/** The words of a command as `sh` has to be told them, or `null` where it can't be. */
function commandLine(setsid: string, { argv, cwd, env }: SpawnRequest): string | null {
  const [name, ...words] = argv;
  const program = findProgram(name, env['PATH'] ?? SYSTEM_PATH);
  if (program === null || statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) return null;
  const names = Object.keys(env);
  if (!names.every((one) => /^[A-Za-z_]\w*$/.test(one))) return null;
  const variables = Object.entries(env).map(([one, value]) => `${one}=${shellWord(value)}`);
  const line = [...variables, 'exec', setsid, shellWord(program), ...words.map(shellWord), '3>&- 5<&-'].join(
    ' ',
  );
  // A NUL is refused by whoever starts it otherwise, with the word that has it.
  // What `sh` sets by itself is none of the command's environment.
  return line.includes('\0') ? null : `cd ${shellWord(cwd)} && unset PWD OLDPWD SHLVL && ${line}`;
}

/** A descriptor of ours as a name for the launcher. */
function nameOf(fd: number): string {
  return `/proc/${process.pid}/fd/${fd}`;
}

interface Streams {
  readonly input: number | null;
  readonly stdout: Pipe;
  readonly stderr: Pipe;
}

/** What a command reads and writes, or `null` where it can't be had by name. */
function openStreams(stdin: SpawnRequest['stdin']): Streams | null {
  const input = stdin === undefined ? null : openInput(stdin);
  if (input === null && stdin !== undefined) return null;
  const [stdout, stderr] = [takePipe(), takePipe()];
  if (stdout !== null && stderr !== null) return { input, stdout, stderr };
  for (const pipe of [stdout, stderr]) {
    if (pipe === null) continue;
    closeSync(pipe.childFd);
    closeSync(pipe.ourFd);
    returnPipe(pipe.anchor, false);
  }
  if (input !== null) closeSync(input);
  return null;
}

/**
 * The line for one command. The waiting shell opens the streams before it says that the command is begun, so that
 * none of them looks ended before; and what it says itself goes nowhere.
 */
function lineOf(id: string, command: string, { input, stdout, stderr }: Streams): string {
  const from = input === null ? '/dev/null' : nameOf(input);
  // `sh` gives a command that it does not wait for at once an empty standard input, unless it is told otherwise.
  const wait = `exec 2>/dev/null; echo "${id} s $!" >&3; wait $!; echo "${id} e $?" >&3`;
  const group = `{ { ${command}; } <&5 & ${wait}; } 5<${from} >${nameOf(stdout.childFd)} 2>${nameOf(stderr.childFd)}`;
  return `{ ${group} || echo "${id} f 0" >&3; } &\n`;
}

/** Asks the launcher for a command. */
async function ask(
  launcher: Launcher,
  id: string,
  line: string,
): Promise<{ readonly begun: Begun; readonly exited: Promise<Exit> }> {
  const [begun, ended] = [Promise.withResolvers<Begun>(), Promise.withResolvers<Exit>()];
  if (launcher.started.input?.write(line) !== true) {
    if (current === launcher) current = null;
    return { begun: null, exited: ended.promise };
  }
  launcher.asked.set(id, { begun: begun.resolve, ended: ended.resolve });
  hold(launcher);
  const late = setTimeout(() => {
    if (current === launcher) current = null;
    launcher.asked.delete(id);
    hold(launcher);
    begun.resolve(new Error(`not begun within ${BEGIN_TIMEOUT_MS} ms`));
  }, BEGIN_TIMEOUT_MS);
  try {
    return { begun: await begun.promise, exited: ended.promise };
  } finally {
    clearTimeout(late);
  }
}

/**
 * Starts a process in a session and group of its own, through the launcher.
 *
 * @returns `null` where that can't be done: then it was not begun, and is to be started directly
 */
export async function launchProcess(request: SpawnRequest): Promise<Started | null> {
  if (request.isInputLive || request.hasControl || request.onServer !== undefined) return null;
  const launcher = ready();
  const command = launcher === null ? null : commandLine(launcher.setsid, request);
  if (launcher === null || command === null || command.length > MAX_LINE_BYTES) return null;
  const streams = openStreams(request.stdin);
  if (streams === null) return null;
  const id = String(++launcher.count);
  const pipes = [streams.stdout, streams.stderr] as const;
  const { begun, exited } = await ask(launcher, id, lineOf(id, command, streams));
  for (const { childFd } of pipes) closeSync(childFd);
  if (streams.input !== null) closeSync(streams.input);
  if (begun === null) {
    for (const { ourFd, anchor } of pipes) {
      closeSync(ourFd);
      returnPipe(anchor, false);
    }
    return null;
  }
  const [stdout, stderr] = [readerOf(streams.stdout), readerOf(streams.stderr)];
  const isBegun = typeof begun === 'number';
  return {
    pid: isBegun ? begun : undefined,
    exited: isBegun ? exited : Promise.resolve({ code: null, signal: null, error: begun }),
    input: null,
    stdout,
    stderr,
    controlInput: null,
    controlOutput: null,
    unref() {
      for (const stream of [stdout, stderr]) stream.unref();
    },
    release(isClosed) {
      for (const stream of [stdout, stderr]) stream.destroy();
      for (const { anchor } of pipes) returnPipe(anchor, isClosed);
    },
  };
}
