/** Words for `sh`. */

/** A text as one word of `sh`, whatever it holds. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./@%+=:,][A-Za-z0-9_./@%+=:,-]*$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}
