/** The runner's own refs, read without a process where their files tell. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../keep/folders.ts';

/** What a ref points at where that can be told by its file alone: `null` is none, `undefined` is to be asked of git. */
export async function readLooseRef(dir: string, ref: string): Promise<string | null | undefined> {
  if (!/^refs\/agent-runner(?:\/[\w-]+)+$/.test(ref)) return undefined;
  const text = await readFile(join(dir, ref), 'utf8').catch(() => null);
  if (text !== null) return /^[0-9a-f]{40}\n$/.test(text) ? text.slice(0, 40) : undefined;
  return (await exists(join(dir, 'packed-refs'))) ? undefined : null;
}
