/** What the built pages weigh: a browser waits for it, and everybody who installs the package downloads it. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build } from 'vite';
import { bundleProgram } from '../../build.ts';
import { firstFiles, packed } from './weigh.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Script, style and page that are asked for before anything is seen. */
const MAX_FIRST_BYTES = 250_000;
/** The package as it is published, packed. */
const MAX_PACKAGE_BYTES = 30_000_000;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-sizes-'));
  await build({
    configFile: join(ROOT, 'dashboard/vite.config.ts'),
    logLevel: 'error',
    build: { outDir: folder, emptyOutDir: true },
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function filesBelow(path: string): readonly string[] {
  if (statSync(path).isFile()) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name));
}

test('what a browser loads first is at most 250 kB', () => {
  const first = firstFiles(folder);
  const bytes = packed([...first]);
  expect(first.size).toBeGreaterThan(3);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(MAX_FIRST_BYTES);
});

test('the package is at most 30 MB', async () => {
  const program = join(folder, 'program');
  await bundleProgram(program);
  // Instead of its types the sources are counted, which are more.
  const rest = ['bin', 'src', 'README.md', 'LICENSE', 'CHANGELOG.md'].map((name) => join(ROOT, name));
  const bytes = packed([folder, ...rest].flatMap(filesBelow));
  expect(filesBelow(program).length).toBeGreaterThan(3);
  expect(bytes).toBeGreaterThan(500_000);
  expect(bytes).toBeLessThan(MAX_PACKAGE_BYTES);
});
