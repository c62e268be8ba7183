/** Bounded keeping of output: a head and a tail in memory, and a log file that can't fill the disk. */
import { createWriteStream } from 'node:fs';

const FIRST_CAPACITY_BYTES = 16 * 1024;
/** Bytes of a log file when the caller names no bound. */
export const DEFAULT_MAX_LOG_BYTES: number = 64 * 1024 * 1024;

/** Output of one stream, of which at most `maxBytes` are kept. */
export interface OutputBuffer {
  push(chunk: Buffer): void;
  /** Bytes that came, kept or not. */
  readonly totalBytes: number;
  readonly truncated: boolean;
  /** What was kept, head then tail, without a marker. */
  toBuffer(): Buffer;
  /** What was kept as text; a marker names the bytes that were dropped. Invalid UTF-8 becomes U+FFFD. */
  toText(): string;
}

/** Length of `bytes` without an incomplete UTF-8 sequence at its end. */
function headEnd(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needs > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Start of the first whole UTF-8 character of `bytes`. */
function tailStart(bytes: Buffer): number {
  let at = 0;
  while (at < 3 && at < bytes.length && ((bytes[at] ?? 0) & 0xc0) === 0x80) at++;
  return at;
}

/**
 * Keeps the first and the last half of `maxBytes`. Memory grows with what comes and never past `maxBytes`:
 * one allocation is filled from the front, and once full its second half becomes a ring.
 */
export function createOutputBuffer(maxBytes: number): OutputBuffer {
  const limit = Math.max(0, Math.floor(maxBytes));
  const half = Math.ceil(limit / 2);
  const ringBytes = limit - half;
  let bytes = Buffer.alloc(0);
  let used = 0;
  let ringAt = 0;
  let totalBytes = 0;

  function fill(chunk: Buffer): void {
    if (used + chunk.length > bytes.length) {
      const wanted = Math.max(used + chunk.length, bytes.length * 2, FIRST_CAPACITY_BYTES);
      const grown = Buffer.allocUnsafeSlow(Math.min(limit, wanted));
      bytes.copy(grown, 0, 0, used);
      bytes = grown;
    }
    chunk.copy(bytes, used);
    used += chunk.length;
  }

  function turn(chunk: Buffer): void {
    const last = chunk.subarray(Math.max(0, chunk.length - ringBytes));
    const untilEnd = Math.min(last.length, ringBytes - ringAt);
    last.copy(bytes, half + ringAt, 0, untilEnd);
    last.copy(bytes, half, untilEnd);
    ringAt = (ringAt + last.length) % ringBytes;
  }

  const isTruncated = (): boolean => totalBytes > limit;
  const tail = (): Buffer =>
    Buffer.concat([bytes.subarray(half + ringAt, limit), bytes.subarray(half, half + ringAt)]);

  return {
    push(chunk) {
      totalBytes += chunk.length;
      const room = limit - used;
      if (room > 0) fill(chunk.length > room ? chunk.subarray(0, room) : chunk);
      if (chunk.length > room && ringBytes > 0) turn(chunk.subarray(room));
    },
    get totalBytes() {
      return totalBytes;
    },
    get truncated() {
      return isTruncated();
    },
    toBuffer: () =>
      isTruncated() ? Buffer.concat([bytes.subarray(0, half), tail()]) : bytes.subarray(0, used),
    toText() {
      if (!isTruncated()) return bytes.toString('utf8', 0, used);
      const [head, end] = [bytes.subarray(0, half), tail()];
      const wholeHead = head.subarray(0, headEnd(head));
      const wholeTail = end.subarray(tailStart(end));
      const dropped = totalBytes - wholeHead.length - wholeTail.length;
      return `${wholeHead.toString('utf8')}\n[... ${dropped} bytes dropped ...]\n${wholeTail.toString('utf8')}`;
    },
  };
}

/** A log file with a bound. Trouble with it is a note, never a reason to stop the command. */
export interface BoundedLog {
  /** Returns false when the writer should wait for `onDrain`. */
  write(chunk: Buffer): boolean;
  /** Closes the file, waiting `timeoutMs` at most. Returns what is wrong with the log, or null. */
  close(timeoutMs: number): Promise<string | null>;
}

/**
 * Opens `path` for appending, at most `maxBytes` of this command. `onDrain` is called when a writer that had
 * to wait may go on: the file took the data, or failed (full disk, no permission) and is no longer written.
 */
export function openBoundedLog(path: string, maxBytes: number, onDrain: () => void): BoundedLog {
  const file = createWriteStream(path, { flags: 'a', mode: 0o600 });
  const closed = new Promise<void>((resolve) => file.once('close', resolve));
  let trouble: string | null = null;
  let left = Math.max(0, Math.floor(maxBytes));
  let isFull = false;
  file.on('drain', onDrain);
  file.on('error', (error) => {
    trouble = `the log ${path} is incomplete: ${error.message}`;
    onDrain();
  });
  return {
    write(chunk) {
      if (trouble !== null || isFull) return true;
      if (chunk.length <= left) {
        left -= chunk.length;
        return file.write(chunk);
      }
      isFull = true;
      file.write(chunk.subarray(0, left));
      return file.write(`\n[the log ends here: it reached its bound of ${maxBytes} bytes]\n`);
    },
    async close(timeoutMs) {
      file.end();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<'late'>((resolve) => {
        timer = setTimeout(() => resolve('late'), timeoutMs);
      });
      const how = await Promise.race([closed, late]);
      clearTimeout(timer);
      if (how === 'late') {
        file.destroy();
        return trouble ?? `the log ${path} is incomplete: the disk did not take it within ${timeoutMs} ms`;
      }
      return trouble;
    },
  };
}
