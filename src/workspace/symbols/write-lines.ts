/** Writing a file of many lines, so that nobody sees half of it and not all of it is in memory twice. */
import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

/** Characters that are written at once, about. */
const CHARS_AT_ONCE = 512 * 1024;

/** Writes a file by a rename. `lines` come with their line ends, and are asked for one after the other. */
export async function writeLines(path: string, head: string, lines: Iterable<string>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'w', 0o600);
  try {
    let text = head;
    for (const line of lines) {
      text += line;
      if (text.length < CHARS_AT_ONCE) continue;
      await file.appendFile(text);
      text = '';
    }
    await file.appendFile(text);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
