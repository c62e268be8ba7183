/** Source text with its comments, and with its strings, blanked out; positions and lines stay where they are. */
import type { TestLanguage } from '../test-files.ts';

/** Two readings of one source file, both as long as the file. */
export interface Masked {
  /** Comments are blank. */
  readonly code: string;
  /** Comments and the contents of strings are blank. */
  readonly bare: string;
}

interface Syntax {
  readonly line: RegExp | null;
  readonly block: readonly (readonly [string, string])[];
  /** Quotes, the longest first; those that may span lines are marked. */
  readonly quotes: readonly (readonly [quote: string, multiline: boolean])[];
}

const C_BLOCK = [['/*', '*/']] as const;
const PLAIN = [
  ['"', false],
  ["'", false],
] as const;
const TRIPLE = [
  ['"""', true],
  ["'''", true],
] as const;

const SYNTAX: Readonly<Record<TestLanguage, Syntax>> = {
  js: { line: /\/\//y, block: C_BLOCK, quotes: [['`', true], ...PLAIN] },
  python: { line: /#/y, block: [], quotes: [...TRIPLE, ...PLAIN] },
  go: { line: /\/\//y, block: C_BLOCK, quotes: [['`', true], ...PLAIN] },
  rust: { line: /\/\//y, block: C_BLOCK, quotes: [['"', true]] },
  java: { line: /\/\//y, block: C_BLOCK, quotes: [['"""', true], ...PLAIN] },
  csharp: { line: /\/\//y, block: C_BLOCK, quotes: [['"""', true], ...PLAIN] },
  ruby: {
    line: /#(?!\{)/y,
    block: [['\n=begin', '\n=end']],
    quotes: [
      ['"', true],
      ["'", true],
    ],
  },
  php: {
    line: /\/\/|#(?!\[)/y,
    block: C_BLOCK,
    quotes: [
      ['"', true],
      ["'", true],
    ],
  },
  elixir: { line: /#(?!\{)/y, block: [], quotes: [...TRIPLE, ['"', true]] },
};

function blank(text: string): string {
  return text.replaceAll(/[^\n\r]/g, ' ');
}

/** Where a string that begins at `start` ends, its closing quote included. */
function stringEnd(text: string, start: number, quote: string, multiline: boolean): number {
  for (let at = start + quote.length; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
    else if (char === '\n' && !multiline) return at;
  }
  return text.length;
}

/** Where a JavaScript regular expression that begins at `start` ends; `start` when it is a division. */
function regexEnd(text: string, start: number, before: string): number {
  if (!/(?:^|[(,=:[!&|?{};+>]|\breturn|\bcase)\s*$/.test(before)) return start;
  let inClass = false;
  for (let at = start + 1; at < text.length && text[at] !== '\n'; at++) {
    const char = text[at];
    if (char === '\\') at++;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return at + 1;
  }
  return start;
}

interface Piece {
  readonly end: number;
  readonly kind: 'comment' | 'string';
  readonly quote: number;
}

function pieceAt(text: string, at: number, language: TestLanguage): Piece | null {
  const { line, block, quotes } = SYNTAX[language];
  if (line !== null) {
    line.lastIndex = at;
    if (line.test(text)) {
      const end = text.indexOf('\n', at);
      return { end: end < 0 ? text.length : end, kind: 'comment', quote: 0 };
    }
  }
  for (const [open, close] of block) {
    if (!text.startsWith(open, at)) continue;
    const end = text.indexOf(close, at + open.length);
    return { end: end < 0 ? text.length : end + close.length, kind: 'comment', quote: 0 };
  }
  for (const [quote, multiline] of quotes) {
    if (text.startsWith(quote, at))
      return { end: stringEnd(text, at, quote, multiline), kind: 'string', quote: quote.length };
  }
  if (language === 'js' && text[at] === '/') {
    const end = regexEnd(text, at, text.slice(Math.max(0, at - 20), at));
    if (end > at) return { end, kind: 'string', quote: 1 };
  }
  return null;
}

/** Blanks out comments and strings. A rough scanner: it may err on odd source, and never throws. */
export function mask(text: string, language: TestLanguage): Masked {
  const code: string[] = [];
  const bare: string[] = [];
  let kept = 0;
  const keep = (end: number): void => {
    code.push(text.slice(kept, end));
    bare.push(text.slice(kept, end));
  };
  for (let at = 0; at < text.length;) {
    const piece = /[/#"'`\n]/.test(text.charAt(at)) ? pieceAt(text, at, language) : null;
    if (piece === null) {
      at++;
      continue;
    }
    keep(at);
    const whole = text.slice(at, piece.end);
    const inner = Math.min(piece.quote, Math.floor(whole.length / 2));
    code.push(piece.kind === 'comment' ? blank(whole) : whole);
    bare.push(
      piece.kind === 'comment'
        ? blank(whole)
        : whole.slice(0, inner) +
            blank(whole.slice(inner, whole.length - inner)) +
            whole.slice(whole.length - inner),
    );
    at = Math.max(piece.end, at + 1);
    kept = at;
  }
  keep(text.length);
  return { code: code.join(''), bare: bare.join('') };
}
