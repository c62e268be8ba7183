/** Reads TypeScript without a compiler, as far as the rules need it: what is code, what is text, what is imported. */

/** Files by path (`src/job/job.ts`), with their text. */
export type Files = ReadonlyMap<string, string>;

export interface Scanned {
  /** The text with comments blanked; strings are kept. */
  readonly code: string;
  /** The text with comments and the contents of strings, templates and patterns blanked. */
  readonly bare: string;
  /** Contents of strings, templates and patterns, with the line they begin on. */
  readonly strings: readonly { readonly text: string; readonly line: number }[];
}

export interface Import {
  readonly specifier: string;
  readonly kind: 'value' | 'type' | 'dynamic';
  readonly line: number;
}

const REGEX_MAY_FOLLOW =
  /(^|[(,=:[!&|?{};+\-*%<>~^]|\b(return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield))\s*$/;

/** Separates code from comments and text. Lines and columns stay where they are. */
export function scan(text: string): Scanned {
  const code = text.split('');
  const bare = text.split('');
  const strings: { text: string; line: number }[] = [];
  // For every `${` that is open: how many braces are open inside it.
  const templates: number[] = [];
  let at = 0;

  const blank = (from: number, to: number, where: readonly string[][]): void => {
    for (const chars of where) for (let i = from; i < to; i++) if (chars[i] !== '\n') chars[i] = ' ';
  };
  const lineAt = (place: number): number => text.slice(0, place).split('\n').length;
  const keep = (from: number, to: number): void => {
    strings.push({ text: text.slice(from, to), line: lineAt(from) });
    blank(from, to, [bare]);
  };
  /** Runs over a template's text from `at` to its end or its next `${`. */
  const template = (): void => {
    const from = at;
    while (at < text.length && text[at] !== '`' && !text.startsWith('${', at))
      at += text[at] === '\\' ? 2 : 1;
    keep(from, at);
    if (text.startsWith('${', at)) {
      templates.push(0);
      at += 2;
    } else at++;
  };

  while (at < text.length) {
    const char = text[at] ?? '';
    if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const end = text[at + 1] === '/' ? text.indexOf('\n', at) : text.indexOf('*/', at) + 2;
      const to = end < (text[at + 1] === '/' ? 0 : 2) ? text.length : end;
      blank(at, to, [code, bare]);
      at = to;
    } else if (char === "'" || char === '"') {
      const from = ++at;
      while (at < text.length && text[at] !== char && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
      keep(from, at);
      at++;
    } else if (char === '`') {
      at++;
      template();
    } else if (char === '/' && REGEX_MAY_FOLLOW.test(bare.slice(Math.max(0, at - 40), at).join(''))) {
      const from = ++at;
      for (
        let inClass = false;
        at < text.length && text[at] !== '\n' && (inClass || text[at] !== '/');
        at++
      ) {
        if (text[at] === '\\') at++;
        else if (text[at] === '[') inClass = true;
        else if (text[at] === ']') inClass = false;
      }
      keep(from, at);
      at++;
    } else {
      const open = templates.at(-1);
      if (open !== undefined && char === '{') templates[templates.length - 1] = open + 1;
      if (open !== undefined && char === '}') {
        if (open === 0) {
          templates.pop();
          at++;
          template();
          continue;
        }
        templates[templates.length - 1] = open - 1;
      }
      at++;
    }
  }
  return { code: code.join(''), bare: bare.join(''), strings };
}

/** Everything a file imports or re-exports. `import { type A }` counts as a value: it is kept at run time. */
export function importsOf(text: string): readonly Import[] {
  const { code, bare } = scan(text);
  const found: Import[] = [];
  const add = (match: RegExpExecArray, kind: Import['kind'], specifier: string | undefined): void => {
    const isCode = bare.slice(match.index, match.index + 6) === code.slice(match.index, match.index + 6);
    if (isCode && specifier !== undefined) {
      found.push({ specifier, kind, line: code.slice(0, match.index).split('\n').length });
    }
  };
  for (const match of code.matchAll(
    /\b(import|export)\b(\s+type\b(?!\s*(?:,|from)))?[^;'"`()=]*?\bfrom\s*['"]([^'"]+)['"]/g,
  )) {
    add(match, match[2] === undefined ? 'value' : 'type', match[3]);
  }
  for (const match of code.matchAll(/\bimport\s*['"]([^'"]+)['"]/g)) add(match, 'value', match[1]);
  for (const match of code.matchAll(/\bimport\s*\(\s*['"`]([^'"`]+)['"`]\s*\)(\s*\.\s*[A-Z])?/g)) {
    // `import('./x.ts').Type` is a type; a real import is awaited or returned first.
    add(match, match[2] === undefined ? 'dynamic' : 'type', match[1]);
  }
  return found;
}

/** The file that a relative specifier means. */
export function resolveImport(from: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** The room of a file: its folder below `src`, or its own name at the top; the dashboard is one room. */
export function roomOf(path: string): string {
  if (path.startsWith('dashboard/')) return 'dashboard';
  const [, first = '', second] = path.split('/');
  return second === undefined ? first.replace(/\.ts$/, '') : first;
}
