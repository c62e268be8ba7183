/** Lines between steps as cells of a grid: each knows where it is open to, and whose line it is. Pure. */

/** Directions that a cell is open to. */
export const UP = 1;
export const DOWN = 2;
export const LEFT = 4;
export const RIGHT = 8;

/** Box-drawing characters by the sum of their directions. */
const BOXES = ' │││─┘┐┤─└┌├─┴┬┼';

/** The character of a cell that is open to these directions. */
export function boxOf(directions: number): string {
  return BOXES[directions] ?? ' ';
}

/** A grid of characters; what is drawn later stands on what was there, but for lines that cross. */
export interface Grid {
  /** Opens a cell to directions, for the line of `owner`. */
  open(row: number, column: number, directions: number, owner: number): void;
  write(row: number, column: number, label: { readonly text: string; readonly width: number }): void;
  lines(): readonly string[];
}

interface Cell {
  directions: number;
  readonly owner: number;
}

/** Makes an empty grid. */
export function createGrid(): Grid {
  const rows: { cells: Map<number, Cell>; labels: Map<number, { text: string; width: number }> }[] = [];
  const rowAt = (row: number): (typeof rows)[number] => {
    while (rows.length <= row) rows.push({ cells: new Map(), labels: new Map() });
    return rows[row] ?? { cells: new Map(), labels: new Map() };
  };
  return {
    open(row, column, directions, owner) {
      const { cells } = rowAt(row);
      const there = cells.get(column);
      if (there === undefined) cells.set(column, { directions, owner });
      else if (there.owner === owner) there.directions |= directions;
      // Where two lines cross, the one that goes down is in front: no junction is drawn where there is none.
      else if ((directions & (UP | DOWN)) !== 0) cells.set(column, { directions, owner });
    },
    write(row, column, { text, width }) {
      rowAt(row).labels.set(column, { text, width });
    },
    lines: () =>
      rows.map(({ cells, labels }) => {
        const last = Math.max(-1, ...cells.keys(), ...labels.keys());
        let line = '';
        for (let column = 0; column <= last;) {
          const label = labels.get(column);
          line += label?.text ?? boxOf(cells.get(column)?.directions ?? 0);
          column += label?.width ?? 1;
        }
        return line;
      }),
  };
}
