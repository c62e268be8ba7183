/** Objects that lie alone: what a job wrote itself, which is all that is read of it, and no process needed for it. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflate } from 'node:zlib';

const inflateAsync = promisify(inflate);
/** `blob <size>` and a NUL. */
const MAX_HEADER_BYTES = 32;

/**
 * The content of a blob that is a loose object of a repository of ours; `null` for every other one, and for one of
 * more than `maxBytes`: git is asked then. The format is that of gitformat-loose(5).
 *
 * @param dir GIT_DIR that only the runner writes
 */
export async function readLooseBlob(dir: string, id: string, maxBytes: number): Promise<Buffer | null> {
  if (!/^[0-9a-f]{40}$/.test(id)) return null;
  try {
    const path = join(dir, 'objects', id.slice(0, 2), id.slice(2));
    // Packing makes nothing much larger.
    if ((await stat(path)).size > 2 * maxBytes) return null;
    const packed = await readFile(path);
    const object = await inflateAsync(packed, { maxOutputLength: maxBytes + MAX_HEADER_BYTES });
    const end = object.indexOf(0);
    const size = /^blob (\d+)$/.exec(object.toString('latin1', 0, end))?.[1];
    const content = object.subarray(end + 1);
    return size !== undefined && Number(size) === content.length ? content : null;
  } catch {
    return null; // packed, borrowed, too large or broken: git knows
  }
}
