import type { RepoFiles } from '../../src/gate/files.ts';

/** The files of a commit, from a record of path and text. */
export function memoryFiles(record: Readonly<Record<string, string>>): RepoFiles {
  const files = new Map(Object.entries(record));
  return { paths: [...files.keys()], read: (path) => Promise.resolve(files.get(path) ?? null) };
}
