/** Words for `sh`. */

/**
 * A text as one word of `sh`, whatever it holds: as it is where that is safe, else in single quotes. POSIX.1-2017, Shell
 * Command Language, 2.2.2: nothing between single quotes means anything but the closing one.
 */
export function shellWord(text: string): string {
  return /^(?!\w+=)[A-Za-z0-9_./@%+=:,][A-Za-z0-9_./@%+=:,-]*$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
