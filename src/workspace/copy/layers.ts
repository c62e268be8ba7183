/** Copy-on-write places: where the layers of a working copy or a checkout lie, and what was written into them. */
import { mkdirSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fitsMount, withOverlays } from '../../sandbox/process/overlay.ts';
import type { Layers, OverlayMode } from '../../sandbox/sandbox.ts';
import type { Layer } from '../dependencies.ts';
import type { Git, GitTarget } from '../git.ts';
import { exists, removeFolder } from '../keep/folders.ts';
import { copyIndex } from '../staging.ts';
import { SAME_FILES, type WarmTree } from './warm.ts';

/** A copy-on-write folder pair: the files of a checkout and their HOME. Both mount points are empty folders. */
export interface LayeredPlace {
  readonly tree: string;
  readonly home: string;
  readonly treeLayers: Layers;
  /** Absent while nothing lies below HOME: it is a plain folder then. */
  readonly homeLayers: Layers | null;
}

interface Described {
  readonly mode: OverlayMode;
  readonly tree: readonly string[];
  readonly home: readonly string[];
}

function layersIn(root: string, name: 'tree' | 'home', mode: OverlayMode, lower: readonly string[]): Layers {
  return { mode, lower, upper: join(root, name, 'upper'), work: join(root, name, 'work') };
}

function placeOf(root: string, tree: string, home: string, described: Described): LayeredPlace {
  const { mode } = described;
  return {
    tree,
    home,
    treeLayers: layersIn(root, 'tree', mode, described.tree),
    homeLayers: described.home.length === 0 ? null : layersIn(root, 'home', mode, described.home),
  };
}

/** As a whole or not at all: of half a description, no process could ever open the place again. */
async function describe(root: string, described: Described): Promise<void> {
  const path = join(root, 'layers.json');
  await writeFile(`${path}.new`, JSON.stringify(described));
  await rename(`${path}.new`, path);
}

/** What lies in `root`, or `null` where nothing copy-on-write was made. */
async function readDescription(root: string): Promise<Described | null> {
  const text = await readFile(join(root, 'layers.json'), 'utf8').catch(() => null);
  // Only `describe` writes it, outside of every sandbox.
  return text === null ? null : (JSON.parse(text) as Described);
}

/** Where the layers of a place lie that an earlier process made; `null` where it made a plain one. */
export async function findPlace(root: string, tree: string, home: string): Promise<LayeredPlace | null> {
  const described = await readDescription(root);
  return described === null ? null : placeOf(root, tree, home, described);
}

/** Opens a place that an earlier process made; `null` where it made a plain one. */
export async function reopenPlace(root: string, tree: string, home: string): Promise<LayeredPlace | null> {
  const place = await findPlace(root, tree, home);
  if (place === null) return null;
  // A process that was killed while it threw away what was written has removed them, and made none again.
  for (const { upper, work } of [place.treeLayers, ...(place.homeLayers === null ? [] : [place.homeLayers])])
    for (const path of [upper, work]) await mkdir(path, { recursive: true });
  return place;
}

/**
 * Makes an empty place over a warm tree.
 *
 * @param root folder for the layers; what an earlier place left there is removed
 */
export async function createPlace(
  root: string,
  tree: string,
  home: string,
  mode: OverlayMode,
  warm: WarmTree,
): Promise<LayeredPlace | null> {
  const described: Described = { mode, tree: [warm.tree], home: [] };
  const place = placeOf(root, tree, home, described);
  if (!fitsMount(place.treeLayers)) return null;
  await removeFolder(root);
  for (const path of [tree, home, place.treeLayers.upper, place.treeLayers.work])
    mkdirSync(path, { recursive: true });
  await describe(root, described);
  return place;
}

/** Throws away what was written to the files of a place; HOME stays. */
export async function emptyPlace(place: LayeredPlace): Promise<void> {
  for (const path of [place.treeLayers.upper, place.treeLayers.work]) {
    await removeFolder(path);
    await mkdir(path, { recursive: true });
  }
}

/**
 * Lays prepared dependencies under a place: nothing is copied. The warm tree lies above them, so that what the
 * commit tracks is never hidden by them.
 *
 * @returns the place as it is now, or `null` where these layers can't be mounted together
 */
export async function layUnder(
  root: string,
  place: LayeredPlace,
  warm: WarmTree,
  layer: Layer,
): Promise<LayeredPlace | null> {
  const { mode } = place.treeLayers;
  const [tree, home] = [join(layer.dir, 'tree'), join(layer.dir, 'home')];
  const described: Described = {
    mode,
    tree: [warm.tree, ...((await exists(tree)) ? [tree] : [])],
    home: (await exists(home)) ? [home] : [],
  };
  const laid = placeOf(root, place.tree, place.home, described);
  if (!fitsMount(laid.treeLayers) || (laid.homeLayers !== null && !fitsMount(laid.homeLayers))) return null;
  if (laid.homeLayers !== null)
    for (const path of [laid.homeLayers.upper, laid.homeLayers.work]) await mkdir(path, { recursive: true });
  await describe(root, described);
  return laid;
}

/** Brings the files of a fresh place from its warm tree's commit to another, writing only what differs. */
export async function moveTo(
  git: Git,
  target: GitTarget,
  place: LayeredPlace,
  warm: WarmTree,
  from: string,
  to: string,
): Promise<void> {
  const index = target.index ?? join(target.dir, 'index');
  await copyIndex(warm.index, index);
  if (from === to) return;
  const args = [...SAME_FILES, 'read-tree', '-m', '-u', '--end-of-options', from, to];
  const mount = { layers: place.treeLayers, target: place.tree };
  await git({ dir: target.dir, workTree: place.tree, index }, args, {
    wrap: (argv) => withOverlays([mount], place.tree, argv),
  });
}
