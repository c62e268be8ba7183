/**
 * Bundles the program. A start of the command line reads a few files instead of some three hundred, and most of what a
 * start takes is reading modules. Declarations are written by `tsc`.
 */
import { join, relative } from 'node:path';
import { rolldown, type InputOption, type Plugin } from 'rolldown';

const SOURCES = join(import.meta.dirname, 'src');

/** Files that are found by where they lie, not by an import: a thread's, and what a simulated agent is made of. */
const ALONE = [
  'gate/secrets/worker',
  'store/sqlite/thread',
  'agent/simulated-programme',
  'agent/simulated-injection',
];

/**
 * Lets a source file find what lies beside it as if it were in a file of its own. Chunks lie in the root of the
 * output, so the place is the same from every one of them.
 */
const ownPlaces: Plugin = {
  name: 'own-places',
  transform(code, id) {
    if (!code.includes('import.meta.url')) return null;
    const place = relative(SOURCES, id).replace(/\.ts$/, '.js');
    return code.replaceAll('import.meta.url', `new URL('./${place}', import.meta.url).href`);
  },
};

async function bundle(input: InputOption, folder: string, plugins: readonly Plugin[]): Promise<void> {
  const bundled = await rolldown({
    input,
    cwd: import.meta.dirname,
    platform: 'node',
    // Dependencies stay dependencies.
    external: (id) => !/^[./]/.test(id),
    plugins: [...plugins],
  });
  try {
    await bundled.write({ dir: folder, format: 'esm', entryFileNames: '[name].js' });
  } finally {
    await bundled.close();
  }
}

/**
 * Writes the program as JavaScript.
 *
 * @param folder the `dist` of the package; what is there already stays
 */
export async function bundleProgram(folder: string): Promise<void> {
  const main = { index: join(SOURCES, 'index.ts'), main: join(SOURCES, 'cli/main.ts') };
  await bundle(main, folder, [ownPlaces]);
  for (const name of ALONE) {
    const input = { [name.slice(name.lastIndexOf('/') + 1)]: join(SOURCES, `${name}.ts`) };
    await bundle(input, join(folder, name, '..'), []);
  }
}

if (import.meta.main) await bundleProgram(join(import.meta.dirname, 'dist'));
