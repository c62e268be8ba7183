/**
 * Builds the dashboard. With `--if-needed` only where none is built yet, or where its sources are newer: that is what
 * `npm start` asks in a clone. In a package, which has no sources, there is nothing to do.
 */
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = import.meta.dirname;
const BUILT = join(ROOT, '../dist/dashboard/index.html');
/** What the built files follow from; folders too, which a removed file leaves newer than the build. */
const SOURCES: readonly string[] = [
  'src/**/*',
  'public/*',
  'index.html',
  'vite.config.ts',
  '../package-lock.json',
];

function isCurrent(): boolean {
  if (!existsSync(BUILT)) return false;
  const builtAt = statSync(BUILT).mtimeMs;
  return globSync([...SOURCES], { cwd: ROOT }).every((path) => statSync(join(ROOT, path)).mtimeMs <= builtAt);
}

if (!process.argv.includes('--if-needed') || !isCurrent()) {
  const vite = await import('vite').catch(() => null);
  if (vite === null) {
    console.error(
      'The dashboard is built by packages that are not installed here: npm ci, then start again.',
    );
    process.exitCode = 78;
  } else {
    console.error('Building the dashboard, which takes a second…');
    await vite.build({ configFile: join(ROOT, 'vite.config.ts'), logLevel: 'error' });
  }
}
