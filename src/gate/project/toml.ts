/** As much TOML as detection needs: tables, their keys, and the strings in a value. Tolerant; never throws. */

/** A table's name and its keys, with their values as written (arrays over several lines included). */
export type TomlTables = ReadonlyMap<string, ReadonlyMap<string, string>>;

const MAX_LINES = 20_000;
const MAX_ARRAY_LINES = 500;

/** A line without its comment; a `#` inside quotes stays. */
function withoutComment(line: string): string {
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const char = line.charAt(at);
    if (quote !== '') {
      if (char === '\\' && quote === '"') at++;
      else if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (char === '#') return line.slice(0, at);
  }
  return line;
}

function depth(text: string): number {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '');
  return (bare.match(/[[{]/g)?.length ?? 0) - (bare.match(/[\]}]/g)?.length ?? 0);
}

/** Reads tables and keys. Array tables (`[[x]]`) are merged under their name; quotes in names are dropped. */
export function parseToml(text: string): TomlTables {
  const tables = new Map<string, Map<string, string>>();
  let table = new Map<string, string>();
  tables.set('', table);
  const lines = text.split(/\r?\n/).slice(0, MAX_LINES);
  for (let at = 0; at < lines.length; at++) {
    const line = withoutComment(lines[at] ?? '').trim();
    const header = /^\[{1,2}([^[\]]+)\]{1,2}$/.exec(line);
    if (header !== null) {
      const name = (header[1] ?? '').replaceAll(/["'\s]/g, '');
      table = tables.get(name) ?? new Map<string, string>();
      tables.set(name, table);
      continue;
    }
    const pair = /^("[^"]*"|'[^']*'|[\w.-]+)\s*=\s*(.*)$/.exec(line);
    if (pair === null) continue;
    let value = pair[2] ?? '';
    for (let more = 0; depth(value) > 0 && more < MAX_ARRAY_LINES && at + 1 < lines.length; more++) {
      value += `\n${withoutComment(lines[++at] ?? '').trim()}`;
    }
    table.set((pair[1] ?? '').replaceAll(/["']/g, ''), value);
  }
  return tables;
}

/** The quoted strings in a value as written. */
export function stringsOf(value: string | undefined): readonly string[] {
  return [...(value ?? '').matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
}

/** Whether there is a table of this name, or one below it. */
export function hasTable(tables: TomlTables, name: string): boolean {
  return [...tables.keys()].some((key) => key === name || key.startsWith(`${name}.`));
}
