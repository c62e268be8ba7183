/** Refs of a bare repository, read from its files: cheaper than a process for what is asked most often. */
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const SHA = /^[0-9a-f]{40}$/;

export interface Ref {
  readonly name: string;
  readonly sha: string;
}

async function packed(folder: string): Promise<Map<string, string>> {
  const text = await readFile(join(folder, 'packed-refs'), 'utf8').catch(() => '');
  const refs = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [sha = '', name] = line.split(' ');
    if (name !== undefined && SHA.test(sha)) refs.set(name, sha);
  }
  return refs;
}

/** What a full ref name points at, or `null`. */
export async function readRef(folder: string, name: string): Promise<string | null> {
  if (!name.startsWith('refs/') || name.split('/').some((part) => part === '' || part.startsWith('.')))
    return null;
  const loose = await readFile(join(folder, name), 'utf8').catch(() => '');
  if (SHA.test(loose.trim())) return loose.trim();
  return (await packed(folder)).get(name) ?? null;
}

/** All refs whose full name begins with `prefix`, by name. */
export async function listRefs(folder: string, prefix: string): Promise<readonly Ref[]> {
  const refs = await packed(folder);
  // A fork that is being made has none yet.
  const files = await readdir(join(folder, 'refs'), { recursive: true, withFileTypes: true }).catch(() => []);
  for (const file of files) {
    if (!file.isFile() || file.name.endsWith('.lock')) continue;
    const name = join(file.parentPath, file.name).slice(folder.length + 1);
    const sha = (await readFile(join(folder, name), 'utf8').catch(() => '')).trim();
    if (SHA.test(sha)) refs.set(name, sha);
  }
  return [...refs]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, sha]) => ({ name, sha }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sets a ref that nobody but the forge writes; git's own locking is for the others. */
export async function writeRef(folder: string, name: string, sha: string): Promise<void> {
  const file = join(folder, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.lock`, `${sha}\n`);
  await rename(`${file}.lock`, file);
}
