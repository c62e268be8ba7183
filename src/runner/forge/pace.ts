/** The pace of an account on a forge, kept by all processes of a home together. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPaceBook, type Changes, type PaceBook } from '../../forge/github/pace.ts';
import { withLock } from '../../workspace/keep/owner.ts';

/** Longest wait for the others of this home; an entry takes them a millisecond. */
const LOCK_TIMEOUT_MS = 10_000;

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** What stands in a file; nothing is known where it can't be read. */
function parseChanges(text: string): Changes {
  try {
    const { times, held_until_ms: held } = JSON.parse(text) as { times?: unknown; held_until_ms?: unknown };
    return { times: Array.isArray(times) ? times.filter(isTime) : [], heldUntilMs: isTime(held) ? held : 0 };
  } catch {
    return { times: [], heldUntilMs: 0 };
  }
}

/**
 * Makes the book of a home: one file an account. Processes on other machines keep books of their own.
 *
 * @param folder of the home; made when it is first needed
 */
export function openPaceBook(folder: string): PaceBook {
  const own = createPaceBook();
  let last: Promise<void> = Promise.resolve();
  const enter = async (account: string, next: (known: Changes) => Changes): Promise<void> => {
    const path = join(folder, `${account.replace(/[^\w-]/g, '_')}.json`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const change = async (): Promise<void> => {
      const known = parseChanges(await readFile(path, 'utf8').catch(() => ''));
      const { times, heldUntilMs } = next(known);
      await writeFile(`${path}.new`, JSON.stringify({ times, held_until_ms: heldUntilMs }));
      await rename(`${path}.new`, path);
    };
    await withLock(`${path}.lock`, change, LOCK_TIMEOUT_MS);
  };
  return {
    change(account, next) {
      // One by one within a process, so that only processes wait for the lock. A home that can't be written has other
      // troubles, and proposals go on at the pace of this process.
      const mine = last.then(() => enter(account, next)).catch(() => own.change(account, next));
      last = mine;
      return mine;
    },
  };
}
