/** What a check printed, short enough for a person and for an agent's prompt. */
import { cut, stripAnsi } from './text.ts';

// 40 % head and 50 % tail; the rest is for the marker and for lines that name failures.
const HEAD_SHARE = 0.4;
const TAIL_SHARE = 0.5;
/** Longest failure line that is shown from the middle, in characters. */
const MAX_NAMING_CHARS = 160;

const NAMES_FAILURE =
  /^\s*(?:FAILED |FAIL[: \t]|ERROR[: ]|--- FAIL|not ok |● |✖ |× |✕ |✗ |\[ERROR\]|\d+\) |E {3}|error(?:\[\w+\])?[: ]|panicked|fatal)|\bFAILED$|\w(?:Error|Exception): /;

/** Lines of the dropped middle that name a failure, as far as they fit. */
function namingLines(middle: string, maxChars: number): string {
  const lines: string[] = [];
  const seen = new Set<string>();
  let left = maxChars;
  for (const line of middle.split('\n')) {
    if (left <= 0) break;
    const short = cut(line.trimEnd(), MAX_NAMING_CHARS);
    if (short.length + 1 > left || seen.has(short) || !NAMES_FAILURE.test(short)) continue;
    seen.add(short);
    lines.push(short);
    left -= short.length + 1;
  }
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Shortens an output to `maxChars`: the head (40 %) and the tail (50 %) around a marker, and between them as
 * many of the dropped lines that name failures as fit. Escape sequences are removed.
 */
export function excerpt(output: string, maxChars: number): string {
  const text = stripAnsi(output).replace(/\r\n?/g, '\n').trim();
  if (text.length <= maxChars) return text;
  const head = cut(text, Math.floor(maxChars * HEAD_SHARE));
  let tailStart = text.length - Math.floor(maxChars * TAIL_SHARE);
  if (/[\uDC00-\uDFFF]/.test(text.charAt(tailStart))) tailStart++;
  const middle = text.slice(head.length, tailStart);
  const marker = `\n[… ${middle.length} characters left out …]\n`;
  const room = maxChars - head.length - (text.length - tailStart) - marker.length;
  if (room < 0) return cut(text, maxChars);
  return head + marker + namingLines(middle, room) + text.slice(tailStart);
}
