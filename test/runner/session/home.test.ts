import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { keepHome } from '../../../src/runner/session/home.ts';
import { createPlace, layUnder } from '../../../src/workspace/copy/layers.ts';
import { createLayout, type JobPaths } from '../../../src/workspace/layout.ts';

let root: string;
let paths: JobPaths;
let kept: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'agent-runner-session-'));
  const layout = createLayout(join(root, 'home'), null);
  paths = layout.job('job-00000000aaaa');
  kept = layout.session('sess-1');
  await mkdir(paths.root, { recursive: true });
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

it('keeps a HOME that is a layer, also where it was kept already by a process that died before it was done', async () => {
  const layer = join(root, 'layer');
  for (const name of ['tree', 'home']) await mkdir(join(layer, name), { recursive: true });
  const warm = { tree: join(root, 'warm'), index: join(root, 'index'), submodules: [] };
  const place = await createPlace(paths.layers, paths.tree, paths.home, 'user', warm);
  const laid =
    place && (await layUnder(paths.layers, place, warm, { fingerprint: 'f', dir: layer, entries: [] }));
  await writeFile(join(laid?.homeLayers?.upper ?? '', 'session.json'), 'said');

  await keepHome(paths, kept);
  await keepHome(paths, kept);
  expect(await readFile(join(kept, 'home', 'session.json'), 'utf8')).toBe('said');
});

it('keeps a HOME that is a folder, in the place of an older one', async () => {
  for (const name of ['older', 'newer']) {
    await mkdir(paths.home, { recursive: true });
    await writeFile(join(paths.home, name), '');
    await keepHome(paths, kept);
  }
  expect(await readdir(join(kept, 'home'))).toEqual(['newer']);
});
