/** Looking at folders that commands of a sandbox write, from outside of it. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';

/** Whether a folder has an entry of this name. The name is one component: a link in it leads nowhere. */
export async function hasEntry(folder: string, name: string): Promise<boolean> {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) return false;
  return lstat(join(folder, name)).then(
    () => true,
    () => false,
  );
}
