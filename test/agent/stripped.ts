/** A programme of the tests in JavaScript: Node needs 40 ms to take the types out of one, at each of its starts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Writes a programme that imports nothing of ours without its types; the copy goes with this process. */
export function stripped(path: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-stripped-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const copy = join(folder, basename(path).replace(/\.ts$/, '.mjs'));
  writeFileSync(copy, stripTypeScriptTypes(readFileSync(path, 'utf8')));
  return copy;
}
