/** Plain text out of terminal output. */

/** Longest line that is read, in characters; keeps every pattern's work bounded. */
export const MAX_LINE_CHARS = 1000;

// CSI and OSC sequences and lone escapes. Every repetition is bounded, so that no text makes it slow.
const ANSI =
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is removed here
  /\u001b\][^\u0007\u001b]{0,2000}(?:\u0007|\u001b\\)|[\u001b\u009b]\[?[0-9;:?<=>]{0,40}[ -/]{0,4}[@-~]|\u001b/g;
// oxlint-disable-next-line no-control-regex -- control characters are what is removed here
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/** Removes escape sequences and control characters, tab and line ends excepted. */
export function stripAnsi(text: string): string {
  return text.replace(ANSI, '').replace(CONTROL, '');
}

/** The lines of a text without escape sequences, each cut to `MAX_LINE_CHARS`. A `\r` alone ends a line too. */
export function linesOf(text: string): readonly string[] {
  return stripAnsi(text)
    .split(/\r\n|\n|\r/)
    .map((line) => line.slice(0, MAX_LINE_CHARS).trimEnd());
}

/** Cuts a text to `maxChars` without splitting a surrogate pair. */
export function cut(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const end = /[\uD800-\uDBFF]/.test(text.charAt(maxChars - 1)) ? maxChars - 1 : maxChars;
  return text.slice(0, Math.max(0, end));
}
