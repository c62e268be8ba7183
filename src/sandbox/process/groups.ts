/** Process groups: sending signals to them, and seeing whether anything in them still runs. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_PAUSE_MS = 32;

/** The groups of one command: of the process that we started, and of what it started for us, if it says so. */
export interface Groups {
  readonly own: number;
  /** Leader of the command's own group, once known. */
  readonly inner: () => number | null;
}

/** Text of a small file of the kernel, empty when it is not there (any more). */
export function readKernelFile(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Names in a directory of the kernel, none when it is not there. */
export function listKernelDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  if (Math.abs(pid) <= 1) return false; // 0 would be our own group, -1 every process of this user
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // ESRCH: it is gone. EPERM: it is not ours any more.
  }
}

/** Sends a signal to a command: SIGKILL to everything, others to the command itself where it is known. */
export function signalGroups(groups: Groups, signal: NodeJS.Signals): void {
  const inner = groups.inner();
  // SIGTERM to the outer process would end it, and the command with it, without any grace.
  const isTold = inner !== null && send(-inner, signal);
  // A command of the launcher has its own group only a moment after its start.
  if (!isTold || signal === 'SIGKILL') void (send(-groups.own, signal) || send(groups.own, signal));
}

/** State letter and process group of a process; its name in between may hold anything. */
function statOf(pid: string): { readonly state: string; readonly group: number } | null {
  const stat = readKernelFile(`/proc/${pid}/stat`);
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || state === undefined ? null : { state, group: Number(group) };
}

function isDead(state: string | undefined): boolean {
  return state === undefined || state === 'Z' || state === 'X';
}

/**
 * Whether something still runs in one of the groups. What has ended and waits for a parent that does not
 * collect it (a container without init) answers to signal 0 forever, so /proc decides where there is one.
 */
export function isAnyAlive(groups: Groups): boolean {
  const inner = groups.inner();
  // The inner leader is the first process of its namespace: the kernel lets it end last.
  if (inner !== null && send(inner, 0) && !isDead(statOf(String(inner))?.state)) return true;
  if (!send(-groups.own, 0)) return false;
  const pids = listKernelDirectory('/proc').filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return true;
  return pids.some((pid) => {
    const stat = statOf(pid);
    return stat?.group === groups.own && !isDead(stat.state);
  });
}

/** Waits until nothing runs in the groups, `maxMs` at most; looks again after 1, 2, 4 … 32 ms. */
export async function waitUntilGone(groups: Groups, maxMs: number): Promise<boolean> {
  const until = performance.now() + maxMs;
  for (let pauseMs = 1; isAnyAlive(groups); pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
    if (performance.now() >= until) return false;
    await sleep(pauseMs);
  }
  return true;
}
