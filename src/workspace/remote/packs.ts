/** Objects that several repositories share: packs by hard links, and places to borrow from. */
import { randomBytes } from 'node:crypto';
import { copyFile, link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../job/error.ts';
import type { History } from '../copy/history.ts';

/** Links a file, or copies it where the file system can't (another device, no hard links). Done twice, it is done once. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error;
    const building = `${to}.new-${randomBytes(6).toString('hex')}`;
    await copyFile(from, building);
    await rename(building, to);
  }
}

/**
 * Puts packs into a repository by hard links, without reading them.
 *
 * @param dir bare repository or GIT_DIR
 */
export async function linkPacks(history: History, dir: string): Promise<void> {
  for (const objects of history) {
    const names = (await readdir(join(objects, 'pack'))).filter((name) =>
      /^pack-.*\.(pack|idx|rev)$/.test(name),
    );
    // Git sees a pack by its index, so the index comes last.
    const ordered = names.toSorted((a, b) => Number(a.endsWith('.idx')) - Number(b.endsWith('.idx')));
    for (const name of ordered)
      await linkOrCopy(join(objects, 'pack', name), join(dir, 'objects', 'pack', name));
  }
}

/**
 * Lets a repository read objects from further places, besides those it borrows from already.
 *
 * @param objects object directories; those that vanish later are passed over by git
 */
export async function borrowObjects(dir: string, objects: History): Promise<void> {
  const file = join(dir, 'objects', 'info', 'alternates');
  const known = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  const all = [...new Set([...known, ...objects])];
  if (all.length === known.length) return;
  const building = `${file}.new-${randomBytes(6).toString('hex')}`;
  await writeFile(building, all.map((line) => `${line}\n`).join(''));
  await rename(building, file).catch(async (error: unknown) => {
    await rm(building, { force: true });
    throw error;
  });
}
