/**
 * A line a step, in an order in which they can run; on its left a rail of each step that something further down depends on.
 * What joins rails in a line are the dependencies of the step in that line, and nothing else.
 */
import type { GraphOptions, Node } from '../graph.ts';
import { boxOf, DOWN, LEFT, RIGHT, UP } from './cells.ts';

/** Most rails beside each other: more is a staircase that nobody follows. */
const MAX_RAILS = 12;
/** Narrowest part of the terminal that is left for names, in characters. */
const LEAST_FOR_NAMES = 12;

/** One line of rails: `rails` by column before it, and after it. */
interface Line {
  readonly before: readonly (string | null)[];
  readonly after: readonly (string | null)[];
  readonly at: number;
  readonly row: Node;
}

/** Where each step's rail runs. */
function railsOf(rows: readonly Node[]): readonly Line[] {
  const left = new Map<string, number>();
  for (const { dependsOn } of rows) for (const one of dependsOn) left.set(one, (left.get(one) ?? 0) + 1);
  let rails: (string | null)[] = [];
  let above = -1;
  return rows.map((row) => {
    const before = [...rails];
    const after = [...rails];
    for (const one of row.dependsOn) {
      const count = (left.get(one) ?? 1) - 1;
      left.set(one, count);
      if (count === 0) after[before.indexOf(one)] = null;
    }
    const own = before.findIndex((one, column) => one !== null && after[column] === null);
    // Below a step that nothing depends on, another would look as if it came of it.
    const free = before.findIndex((one, column) => one === null && column !== above);
    const next = before.length === above ? above + 1 : before.length;
    const at = own >= 0 ? own : free >= 0 ? free : next;
    while (after.length <= at) after.push(null);
    after[at] = (left.get(row.name) ?? 0) > 0 ? row.name : null;
    above = after[at] === null ? at : -1;
    rails = after;
    return { before, after, at, row };
  });
}

function lineOf({ before, after, at, row }: Line, columns: number): string {
  const joined = row.dependsOn.map((one) => before.indexOf(one));
  const [first, last] = [Math.min(at, ...joined), Math.max(at, ...joined)];
  let text = '';
  for (let column = 0; column < columns; column++) {
    const isRail = (before[column] ?? null) !== null;
    const across =
      (column > first && column <= last ? LEFT : 0) | (column >= first && column < last ? RIGHT : 0);
    if (column === at) text += row.mark ?? '○';
    else if (joined.includes(column))
      text += boxOf(UP | ((after[column] ?? null) === null ? 0 : DOWN) | across);
    else text += isRail ? boxOf(UP | DOWN) : boxOf(across);
    text += column >= first && column < last ? boxOf(LEFT | RIGHT) : ' ';
  }
  return `${text}${row.shown}`;
}

/** What can always be told: each step, and what it comes after. */
export function listed(rows: readonly Node[], { columns }: GraphOptions): readonly string[] {
  return rows.flatMap(({ shown, mark, dependsOn }) => {
    const lines = [`${mark ?? '○'} ${shown}`];
    let line = '    after';
    for (const [index, name] of dependsOn.entries()) {
      const word = ` ${name}${index < dependsOn.length - 1 ? ',' : ''}`;
      if (line.length + word.length > columns) {
        lines.push(line);
        line = '         ';
      }
      line += word;
    }
    return dependsOn.length === 0 ? lines : [...lines, line];
  });
}

/** @returns the lines; `null` where there are too many rails */
export function drawRails(
  nodes: readonly Node[],
  layers: ReadonlyMap<string, number>,
  options: GraphOptions,
): readonly string[] | null {
  const ordered = nodes.toSorted((a, b) => (layers.get(a.name) ?? 0) - (layers.get(b.name) ?? 0));
  const lines = railsOf(ordered);
  const columns = Math.max(...lines.map(({ after }) => after.length));
  const fits = columns <= MAX_RAILS && columns * 2 + LEAST_FOR_NAMES <= options.columns;
  return fits ? lines.map((line) => lineOf(line, columns)) : null;
}
