/** A folder in which this package and others are installed, as a program's own folder has them. */
import { existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from '../cli.ts';

/**
 * Installs into `folder/node_modules`: `agent-runner` (its sources, so that nothing is built first) and packages of ours.
 */
export function install(folder: string, packages: readonly string[] = []): void {
  const own = join(folder, '.agent-runner-package');
  mkdirSync(own, { recursive: true });
  const manifest = { name: 'agent-runner', type: 'module', exports: { '.': './src/index.ts' } };
  writeFileSync(join(own, 'package.json'), JSON.stringify(manifest));
  symlinkSync(join(ROOT, 'src'), join(own, 'src'));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  // Through a link: Node takes no TypeScript from below a folder `node_modules`.
  symlinkSync(own, join(modules, 'agent-runner'));
  for (const name of packages) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(realpathSync(join(ROOT, 'node_modules', name)), join(modules, name));
  }
}

/** Which of these packages are not there. */
export function missing(packages: readonly string[]): readonly string[] {
  return packages.filter((name) => !existsSync(join(ROOT, 'node_modules', name)));
}

/** Names of the examples that are apps. */
export function exampleApps(): readonly string[] {
  const folder = join(ROOT, 'examples');
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'app.ts')));
}
