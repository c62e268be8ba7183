/**
 * Services of a repository (a database, a queue) around a command. Every command of a sandbox may have processes
 * and a network of its own, so services live inside the same one: a small script starts them, waits until each is
 * ready, runs the command and stops them. Each command finds fresh ones.
 */
import { shellWord } from '../job/text/shell.ts';
import type { ExecOptions, ExecResult, Sandbox } from './sandbox.ts';

/** A program that checks and agents can reach while they run. */
export interface Service {
  readonly name: string;
  /** Shell command that stays in the foreground. */
  readonly command: string;
  /** Shell command that exits with 0 once the service can be used; `null`: once it has started. */
  readonly ready: string | null;
  /** What everybody in the sandbox is told of it, for example an address. */
  readonly env: Readonly<Record<string, string>>;
  /** Seconds it may take to become ready. */
  readonly timeout_s: number;
}

/** Exit code of the script when a service does not become ready; the reason then lies in a file. */
const NOT_READY = 97;
/** Bytes of each service's log that are kept. */
const MAX_LOG_BYTES = 4 * 1024 * 1024;
/** Reads of a page that a log takes in the sandbox, 64 MiB at most; what follows is dropped and holds nothing up. */
const MAX_LOG_READS = 16_384;
/** Seconds that a service has after SIGTERM. */
const STOP_S = 3;
const COLLECT_TIMEOUT_MS = 20_000;
/** Folder of logs below HOME, where the next command of the same sandbox finds it. */
const FOLDER = '.agent-runner-services';

const SCRIPT_HEAD = `
dir="$HOME/${FOLDER}"; rm -rf "$dir"; mkdir -p "$dir" || exit ${NOT_READY}
pids= sinks=
begin() {
  mkfifo "$dir/$1.pipe" || exit ${NOT_READY}
  # dd writes what it reads at once; head would keep it to itself until it ends, and lose it when it is killed.
  { dd bs=4096 count=${MAX_LOG_READS} of="$dir/$1.log"; cat >/dev/null; } <"$dir/$1.pipe" 2>/dev/null &
  sinks="$! $sinks"
  sh -c "$2" <>/dev/null >"$dir/$1.pipe" 2>&1 &
  pid=$!; pids="$pid $pids"
}
bounded() {
  if command -v timeout >/dev/null 2>&1; then timeout -k 1 "$@"; else shift; "$@"; fi
}
fail() { printf '%s' "$1" >"$dir/failed"; stop; exit ${NOT_READY}; }
gone() {
  turns=0; tenths=$1; shift
  while [ $turns -lt $tenths ]; do
    alive=; for one in "$@"; do kill -0 "$one" 2>/dev/null && alive=1; done
    [ -z "$alive" ] && return
    turns=$((turns + 1)); sleep 0.1
  done
  return 1
}
stop() {
  kill -TERM $pids 2>/dev/null
  gone ${STOP_S * 10} $pids || kill -KILL $pids 2>/dev/null
  # Their last words; what they left running may hold a log open for longer, and is not waited for.
  gone 5 $sinks
}
await() {
  limit=$(($(date +%s) + $3 + 1))
  while :; do
    kill -0 "$pid" 2>/dev/null || fail "the service $1 ended before it was ready"
    left=$((limit - $(date +%s)))
    [ $left -le 0 ] && fail "the service $1 was not ready within $3 seconds"
    bounded "$left" sh -c "$2" </dev/null >"$dir/$1.ready" 2>&1 && return
    sleep 0.1
  done
}
`;
const SCRIPT_TAIL = `
"$@"
status=$?
stop
exit $status
`;

/** One program with its words, without anything that a shell would have to stay for. */
const PLAIN = /^(?![A-Za-z_]\w*=)[^;&|()<>`\n#]+$/;

/** SIGTERM goes to the shell; a plain command takes the shell's place, so that it gets it and can end in order. */
function inForeground(command: string): string {
  return PLAIN.test(command.trim()) ? `exec ${command.trim()}` : command;
}

function script(services: readonly Service[]): string {
  const starts = services.map(({ name, command, ready, timeout_s: seconds }) => {
    const words = [name, ready ?? 'sleep 0.2', String(Math.ceil(seconds))].map(shellWord).join(' ');
    return `begin ${shellWord(name)} ${shellWord(inForeground(command))}\nawait ${words}`;
  });
  return `${SCRIPT_HEAD}${starts.join('\n')}${SCRIPT_TAIL}`;
}

/** Where a service's log is kept: beside the log of the command it served. */
function logPathOf(logPath: string, name: string): string {
  return `${logPath.replace(/\.log$/, '')}.service-${name}.log`;
}

/**
 * A sandbox in which the commands that count find the services running: those whose output is kept in a log, as
 * a check's and an agent's is, and not the small ones with which the runner itself looks at files. What a service prints is kept beside the
 * command's log as `<log>.service-<name>.log`. A command whose services do not become ready is `not_started`,
 * with the service, its log and its last words in the message.
 *
 * @param services started in this order, each once the one before it is ready; none: the sandbox as it is
 */
export function withServices(sandbox: Sandbox, services: readonly Service[]): Sandbox {
  if (services.length === 0) return sandbox;
  const env = Object.assign({}, ...services.map((service) => service.env)) as Record<string, string>;
  const extraMs = services.reduce((sum, { timeout_s: seconds }) => sum + seconds * 1000, STOP_S * 1000);
  const text = script(services);

  /** Reads a file of the services inside the sandbox: a link that the command left leads nowhere else. */
  const read = async (file: string, how: Pick<ExecOptions, 'logPath' | 'maxLogBytes'>): Promise<string> => {
    const bounds = { timeoutMs: COLLECT_TIMEOUT_MS, maxBytes: 4096, ...how };
    // Through a pipe of its own only if it is a file: a command may have put anything in its place.
    const program = 'cd "$HOME"/"$1" && [ -f "$2" ] && [ ! -L "$2" ] && exec tail -c "$3" "$2"';
    const argv = ['sh', '-c', program, 'read', FOLDER, file, String(MAX_LOG_BYTES)] as const;
    return (await sandbox.exec([...argv], bounds)).stdout;
  };

  const notReady = async (result: ExecResult, logPath: string): Promise<ExecResult> => {
    const why = await read('failed', {});
    const { name = '' } = services.find((one) => why.startsWith(`the service ${one.name} `)) ?? {};
    if (name === '') return result;
    const words = (await read(`${name}.log`, {})).trim().split('\n').slice(-3).join(' | ');
    const log = `; its log is ${logPathOf(logPath, name)}`;
    const said = words === '' ? '' : `: ${words.slice(-500)}`;
    return { ...result, end: 'not_started', exitCode: null, message: `${why}${log}${said}` };
  };

  /** Runs a command with the services before and after it. */
  const around = async (
    argv: readonly [string, ...string[]],
    how: ExecOptions,
    run: Sandbox['exec'],
  ): Promise<ExecResult> => {
    if (how.logPath === undefined) return run(argv, how);
    const whole = { ...how, env: { ...env, ...how.env }, timeoutMs: how.timeoutMs + extraMs };
    const result = await run(['sh', '-c', text, 'services', ...argv], whole);
    if (result.end === 'cancelled') return result;
    for (const { name } of services) {
      const logPath = logPathOf(how.logPath, name);
      await read(`${name}.log`, { logPath, maxLogBytes: MAX_LOG_BYTES });
    }
    return result.exitCode === NOT_READY ? notReady(result, how.logPath) : result;
  };
  const serve = sandbox.serve?.bind(sandbox);

  return {
    adapter: sandbox.adapter,
    workspacePath: sandbox.workspacePath,
    homePath: sandbox.homePath,
    ...(sandbox.doorPort === undefined ? {} : { doorPort: sandbox.doorPort }),
    exec: (argv, how) => around(argv, how, (words, whole) => sandbox.exec(words, whole)),
    ...(serve === undefined
      ? {}
      : {
          serve: (argv, { onDial, ...how }) =>
            around(argv, how, (words, whole) => serve(words, { ...whole, onDial })),
        }),
    homeHas: (name) => sandbox.homeHas(name),
    close: () => sandbox.close(),
  };
}
