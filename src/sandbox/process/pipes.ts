/**
 * Streams of a command that it can also open by name. Node's own 'pipe' is a socket pair, which can't be opened:
 * `echo x > /dev/stderr`, `tee /dev/stderr` and `cat /dev/stdin` fail on it (ENXIO). Output goes through a FIFO,
 * which is quicker as well (1.4 ms against 2.0 ms for a spawn of `true`). Input is known from the start, so it is
 * a file: opening a FIFO whose writer has ended would wait forever.
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
/** Linux: a descriptor that only stands for a file. Node does not name it. */
const O_PATH = 0o10000000;
/** How many FIFOs are made at once; a command needs two. */
const BATCH = 6;
const MKFIFO_TIMEOUT_MS = 5_000;
const MKFIFO_PATH = '/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin';

/** One pipe: the end for the command, the end for us, and what it is given back by. */
export interface Pipe {
  readonly childFd: number;
  readonly ourFd: number;
  readonly anchor: number;
}

/** FIFOs that nobody uses, as descriptors: their files are removed at once, so that a crash leaves nothing. */
const free: number[] = [];
let isMissing = process.platform !== 'linux';

const nameOf = (anchor: number): string => `/proc/self/fd/${anchor}`;

function makeMore(): void {
  const directory = mkdtempSync(join(tmpdir(), 'agent-runner-pipes-'));
  try {
    const paths = Array.from({ length: BATCH }, (_, at) => join(directory, String(at)));
    const how = { env: { PATH: MKFIFO_PATH }, stdio: 'ignore', timeout: MKFIFO_TIMEOUT_MS } as const;
    isMissing = spawnSync('mkfifo', ['-m', '600', ...paths], how).status !== 0;
    if (!isMissing) for (const path of paths) free.push(openSync(path, O_PATH));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Whether nobody reads from or writes to a FIFO: what a command left behind must not meet the next one. */
function isUnused(anchor: number): boolean {
  try {
    closeSync(openSync(nameOf(anchor), O_WRONLY | O_NONBLOCK));
    return false; // somebody reads
  } catch {
    // ENXIO: nobody reads
  }
  const fd = openSync(nameOf(anchor), O_RDONLY | O_NONBLOCK);
  try {
    return readSync(fd, Buffer.alloc(1)) === 0;
  } catch {
    return false; // EAGAIN: somebody could write
  } finally {
    closeSync(fd);
  }
}

function takeAnchor(): number | null {
  if (free.length === 0 && !isMissing) makeMore();
  for (let anchor = free.pop(); anchor !== undefined; anchor = free.pop()) {
    if (isUnused(anchor)) return anchor;
    closeSync(anchor);
  }
  return null;
}

/** Takes a pipe for output; null where FIFOs can't be made, then Node's own must do. */
export function takePipe(): Pipe | null {
  try {
    const anchor = takeAnchor();
    if (anchor === null) return null;
    // A FIFO blocks until its other end is there: ours is opened first, without waiting.
    const ourFd = openSync(nameOf(anchor), O_RDONLY | O_NONBLOCK);
    return { anchor, ourFd, childFd: openSync(nameOf(anchor), O_WRONLY) };
  } catch {
    return null; // the temporary directory is full, or we are out of descriptors: the spawn will say so
  }
}

/** Gives a pipe back once both ends are closed; one whose other end may still be held is not used again. */
export function returnPipe(anchor: number, isClosed: boolean): void {
  if (isClosed) free.push(anchor);
  else closeSync(anchor);
}

/** A descriptor from which a command reads `text`, of a file that has no name any more; null where it can't be. */
export function openInput(text: string | Uint8Array): number | null {
  const path = join(tmpdir(), `agent-runner-input-${randomUUID()}`);
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
    const fd = openSync(path, O_RDONLY);
    unlinkSync(path);
    return fd;
  } catch {
    rmSync(path, { force: true });
    return null; // the temporary directory is full or gone
  }
}
