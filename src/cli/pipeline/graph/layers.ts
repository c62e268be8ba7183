/**
 * From left to right, a column a layer. Between two layers lines run together where all of some steps are before all of
 * some others; where lines would have to be told apart that run together, or where the terminal is too narrow, this way of
 * drawing is none, because nobody could read who depends on whom.
 */
import type { GraphOptions, Node } from '../graph.ts';
import { createGrid, DOWN, LEFT, RIGHT, UP, type Grid } from './cells.ts';

/** Most steps beside each other that are drawn in this way: more is a wall of lines. */
const MAX_ROWS = 16;

/** A step in its layer, or the line of one that goes on to a later layer. */
interface Item {
  /** Whose it is. */
  readonly name: string;
  /** `null` for a line that only passes. */
  readonly node: Node | null;
  row: number;
}

/** Items that are joined between two layers: each on the left with each on the right. */
interface Joint {
  readonly from: readonly Item[];
  readonly to: readonly Item[];
  /** Column among the verticals; `null` for a straight line. */
  track: number | null;
}

/** Joins items of two layers; `null` where some are joined and not all with all. */
function jointsOf(
  left: readonly Item[],
  right: readonly Item[],
  next: number,
  wanted: Wanted,
): Joint[] | null {
  const sources = (item: Item): readonly Item[] =>
    left.filter(({ name }) => (item.node === null ? name === item.name : item.node.dependsOn.includes(name)));
  const joints: { from: Item[]; to: Item[] }[] = [];
  for (const item of right) {
    const from = sources(item);
    if (from.length === 0) continue;
    const met = joints.filter((one) => one.from.some((source) => from.includes(source)));
    const [only] = met;
    if (only === undefined) joints.push({ from: [...from], to: [item] });
    else if (met.length === 1 && only.from.length === from.length) only.to.push(item);
    else return null;
  }
  const isWhole = joints.every(({ from }) => from.every(({ name }) => (wanted.get(name) ?? -1) >= next));
  return isWhole ? joints.map((one) => ({ ...one, track: null })) : null;
}

/** By step: the last layer in which something depends on it. */
type Wanted = ReadonlyMap<string, number>;

/** The items of the layer after `left`: its steps, and the lines that pass it. */
function itemsOf(nodes: readonly Node[], left: readonly Item[], layer: number, wanted: Wanted): Item[] {
  const rowOf = (node: Node): number =>
    Math.min(...left.filter(({ name }) => node.dependsOn.includes(name)).map(({ row }) => row));
  const items: { item: Item; at: number }[] = [
    ...nodes.map((node) => ({ item: { name: node.name, node, row: 0 }, at: rowOf(node) })),
    ...left
      .filter(({ name }) => (wanted.get(name) ?? -1) > layer)
      // Lines that pass lie below the steps that come of the same one.
      .map(({ name, row }) => ({ item: { name, node: null, row: 0 }, at: row + 0.5 })),
  ];
  let free = 0;
  return items
    .toSorted((a, b) => a.at - b.at)
    .map(({ item, at }) => {
      item.row = Math.max(free, Number.isFinite(at) ? Math.floor(at) : free);
      free = item.row + 1;
      return item;
    });
}

/**
 * Gives every joint with a vertical a column of its own: where one comes from a row that another goes to, it is on the left.
 *
 * @returns how many columns that takes; `null` where there is no such order
 */
function placeTracks(joints: readonly Joint[]): number | null {
  const bent = joints.filter(({ from, to }) => new Set([...from, ...to].map(({ row }) => row)).size > 1);
  const left = new Set(bent);
  let track = 0;
  while (left.size > 0) {
    const first = [...left].find(
      (joint) =>
        ![...left].some(
          (other) => other !== joint && other.from.some((a) => joint.to.some((b) => a.row === b.row)),
        ),
    );
    if (first === undefined) return null;
    first.track = track++;
    left.delete(first);
  }
  return track;
}

interface Channel {
  readonly joints: readonly Joint[];
  readonly tracks: number;
}

/** What is between the layers, and in them; `null` where it can't be drawn in this way. */
function placed(
  nodes: readonly Node[],
  layers: ReadonlyMap<string, number>,
): { readonly columns: readonly Item[][]; readonly channels: readonly Channel[] } | null {
  const wanted = new Map<string, number>();
  for (const { name, dependsOn } of nodes)
    for (const before of dependsOn)
      wanted.set(before, Math.max(wanted.get(before) ?? 0, layers.get(name) ?? 0));
  const last = Math.max(...layers.values());
  const inLayer = (layer: number): readonly Node[] => nodes.filter(({ name }) => layers.get(name) === layer);
  const columns: Item[][] = [inLayer(0).map((node, row) => ({ name: node.name, node, row }))];
  const channels: Channel[] = [];
  for (let layer = 0; layer < last; layer++) {
    const left = columns[layer] ?? [];
    const right = itemsOf(inLayer(layer + 1), left, layer + 1, wanted);
    if (right.some(({ row }) => row >= MAX_ROWS)) return null;
    const joints = jointsOf(left, right, layer + 1, wanted);
    const tracks = joints === null ? null : placeTracks(joints);
    if (joints === null || tracks === null) return null;
    columns.push(right);
    channels.push({ joints, tracks });
  }
  return (columns[0]?.length ?? 0) > MAX_ROWS ? null : { columns, channels };
}

/** How wide a step is in a drawing, in characters. */
function widthOf({ shown, mark }: Node): number {
  return Array.from(shown).length + (mark === null ? 0 : 2);
}

/** Draws a joint: `from` is where the layer's labels end, `until` where the next layer's begin. */
function drawJoint(grid: Grid, joint: Joint, owner: number, [from, until]: readonly [number, number]): void {
  const across = joint.track === null ? until : from + 2 + joint.track * 2;
  for (const item of joint.from) {
    for (let at = from; at < across; at++) grid.open(item.row, at, LEFT | RIGHT, owner);
    if (joint.track !== null) grid.open(item.row, across, LEFT, owner);
  }
  for (const item of joint.to) {
    const end = item.node === null ? until : until - 2;
    for (let at = across + 1; at < end; at++) grid.open(item.row, at, LEFT | RIGHT, owner);
    if (joint.track !== null) grid.open(item.row, across, RIGHT, owner);
    if (item.node !== null) grid.write(item.row, until - 2, { text: '▶ ', width: 2 });
  }
  if (joint.track === null) return;
  const rows = [...joint.from, ...joint.to].map(({ row }) => row);
  const [top, bottom] = [Math.min(...rows), Math.max(...rows)];
  for (let row = top; row <= bottom; row++)
    grid.open(row, across, (row > top ? UP : 0) | (row < bottom ? DOWN : 0), owner);
}

/** @returns the lines; `null` where it can't be drawn in this way */
export function drawLayers(
  nodes: readonly Node[],
  layers: ReadonlyMap<string, number>,
  { columns: width }: GraphOptions,
): readonly string[] | null {
  const found = placed(nodes, layers);
  if (found === null) return null;
  const grid = createGrid();
  let at = 0;
  for (const [layer, items] of found.columns.entries()) {
    const labels = Math.max(...items.map(({ node }) => (node === null ? 0 : widthOf(node))));
    for (const { node, row } of items) {
      if (node === null) continue;
      const text = node.mark === null ? node.shown : `${node.mark} ${node.shown}`;
      grid.write(row, at, { text, width: widthOf(node) });
    }
    const end = at + labels + 1;
    const channel = found.channels[layer];
    if (channel === undefined) return at + labels <= width ? grid.lines() : null;
    const until = end + (channel.tracks === 0 ? 4 : channel.tracks * 2 + 5);
    channel.joints.forEach((joint, index) => {
      const owner = layer * 1000 + index;
      for (const { node, row } of joint.from)
        for (let one = at + (node === null ? 0 : widthOf(node) + 1); one < end; one++)
          grid.open(row, one, LEFT | RIGHT, owner);
      drawJoint(grid, joint, owner, [end, until]);
    });
    at = until;
  }
  return grid.lines();
}
