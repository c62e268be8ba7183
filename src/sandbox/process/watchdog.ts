/**
 * A process that outlives a killed runner just long enough to kill what the runner started. `--die-with-parent`
 * of bubblewrap alone can't: when its outer process dies while it makes the namespaces, the inner one waits for
 * it for ever (containers/bubblewrap, issue 633; measured with 0.8: one in ten kills during a start). On `host`
 * there is nothing else that would.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';

/** The variable by which the watchdog knows what the runner started. */
const VARIABLE = 'AGENT_RUNNER_STARTED_BY';

/**
 * Waits for the end of its standard input, which is the end of the runner, and looks a few times, since a process
 * that is just being made carries its own environment only a moment later. A runner that ends by itself writes a
 * line first: then there is nothing to do.
 */
const SCRIPT = `read -r _ && exit 0
for pause in 0.05 0.2 0.5 1; do
  for file in $(grep -lsF "$1" /proc/[0-9]*/environ); do
    pid="\${file#/proc/}"
    kill -9 "\${pid%/environ}" 2>/dev/null
  done
  sleep "$pause"
done`;

let isLeft = false;
let mark: Readonly<Record<string, string>> | null = null;

/** Starts the watchdog of this process and returns the name by which it will know its processes. */
function start(): string {
  const name = randomUUID();
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'sh', `${VARIABLE}=${name}`], {
    cwd: '/',
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.on('error', () => {}); // without a shell there is no watchdog, and no sandbox that needs one
  child.stdin.on('error', () => {});
  child.unref();
  if (child.stdin instanceof Socket) child.stdin.unref();
  // Written at once, without the event loop: a socket tries that first.
  process.once('exit', () => isLeft || child.stdin.write('\n'));
  return name;
}

/** The end of this process is to be taken as that of a killed one: it left commands behind that it did not await. */
export function leaveToWatchdog(): void {
  isLeft = true;
}

/**
 * The environment that marks a process as started by this runner: whatever carries it is killed when the runner
 * is. Empty where there is no `/proc`.
 */
export function runnersMark(): Readonly<Record<string, string>> {
  if (process.platform !== 'linux') return {};
  mark ??= { [VARIABLE]: start() };
  return mark;
}
