/** What built pages weigh, for the test that holds it and the bench that tells it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Bytes of files, each compressed. */
export function packed(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + gzipSync(readFileSync(path)).length, 0);
}

/** What a module loads before it runs, itself among it. */
function withImports(path: string, known: Set<string> = new Set()): ReadonlySet<string> {
  if (known.has(path)) return known;
  known.add(path);
  const text = readFileSync(path, 'utf8');
  for (const [, name = ''] of text.matchAll(/(?:\bfrom|\bimport)\s*["']([^"']+\.js)["']/g))
    withImports(join(dirname(path), name), known);
  return known;
}

/** The files that a browser asks for before anything is seen. @param folder of the build */
export function firstFiles(folder: string): ReadonlySet<string> {
  const page = readFileSync(join(folder, 'index.html'), 'utf8');
  const linked = [...page.matchAll(/(?:src|href)="\/([^"]+)"/g)].map(([, path = '']) => join(folder, path));
  const first = new Set([...linked.filter((path) => !path.endsWith('.js')), join(folder, 'index.html')]);
  for (const path of linked.filter((one) => one.endsWith('.js')))
    for (const one of withImports(path)) first.add(one);
  return first;
}
