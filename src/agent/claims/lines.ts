/** Lines out of pieces of text. */

/** Takes text as it comes and gives the lines that are complete. */
export interface Lines {
  /** Completed lines; those longer than the bound are left out. */
  push(text: string): readonly string[];
  /** The last line, where it does not end with a newline. */
  rest(): string;
  /** Lines that were too long. */
  tooLong(): number;
}

/**
 * Makes a splitter of lines.
 *
 * @param maxChars longest line, in characters; no more of it is held
 */
export function createLines(maxChars: number): Lines {
  let held: string[] = [];
  let [heldChars, tooLong, skips] = [0, 0, false];
  return {
    push(text) {
      const parts = text.split('\n');
      const lines: string[] = [];
      for (const [at, part] of parts.entries()) {
        heldChars += part.length;
        if (heldChars > maxChars && !skips) {
          tooLong++;
          skips = true;
          held = [];
        }
        if (!skips) held.push(part);
        if (at === parts.length - 1) break;
        if (!skips) lines.push(held.join(''));
        [held, heldChars, skips] = [[], 0, false];
      }
      return lines;
    },
    rest: () => held.join(''),
    tooLong: () => tooLong,
  };
}
