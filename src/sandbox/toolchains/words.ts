/** Reading a command line as a shell would, as far as finding its programs needs it. Pure. */

/** One word of a command line, without its quotes. */
export interface Word {
  readonly text: string;
  /** As it is written, quotes included, and where that begins. */
  readonly raw: string;
  readonly at: number;
  /** Whether it stands where a program is named: first, or first after `&&`, `|`, `;` … */
  readonly isProgram: boolean;
}

const OPERATORS = new Set(['&&', '||', '|', ';', '&', '(', ')', '{', '}', '!']);
/** Words of the shell after which the program follows. */
const PREFIXES = new Set(['exec', 'command', 'env', 'nohup', 'time', 'then', 'do', 'else', 'if', 'while']);
/** Words of the shell that are no programs, though they stand where one could. */
const BUILTINS = new Set([
  'cd',
  'export',
  'set',
  'unset',
  'umask',
  'ulimit',
  'source',
  '.',
  ':',
  'exit',
  'return',
  'read',
  'shift',
  'elif',
  'for',
  'case',
  'until',
  'fi',
  'done',
  'esac',
  'eval',
  'trap',
  'wait',
]);
const WORD = /\d?>>?&\d?-?|&>>?|(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\;|&()])+|&&|\|\||[;|&()]/gs;

function unquote(word: string): string {
  return word.replace(
    /"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs,
    (_, double?: string, single?: string, escaped?: string) =>
      double === undefined ? (single ?? escaped ?? '') : double.replace(/\\(["\\$`])/g, '$1'),
  );
}

/** Splits a command line into words. Assignments, operators and words of the shell itself are left out. */
export function splitWords(command: string): readonly Word[] {
  const words: Word[] = [];
  let expectsProgram = true;
  for (const { 0: raw, index: at } of command.matchAll(WORD)) {
    const text = unquote(raw);
    if (/^(?:\d?>>?&\d?-?|&>>?)$/.test(raw)) continue;
    if (OPERATORS.has(raw)) expectsProgram = true;
    else if (!expectsProgram) words.push({ text, raw, at, isProgram: false });
    else if (PREFIXES.has(text) || (words.length === 0 && text.startsWith('-'))) continue;
    else if (/^\w+=/.test(text)) words.push({ text, raw, at, isProgram: false });
    else {
      expectsProgram = false;
      if (!BUILTINS.has(text)) words.push({ text, raw, at, isProgram: true });
    }
  }
  return words;
}
