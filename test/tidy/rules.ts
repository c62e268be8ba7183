/** The doors table and the invariants of the design as data, and a rule for each: files in, violations out. */
import { importsOf, resolveImport, roomOf, scan, type Files, type Import } from './source.ts';

export type Rule = (files: Files) => readonly string[];

/**
 * What each room may import besides itself and `log.ts`. `types`: type imports only. `lazy`: dynamic imports
 * only. A room that is not here does not exist: give it a noun for a name and a row.
 */
export const DOORS: Readonly<
  Record<
    string,
    { readonly may: readonly string[]; readonly types?: readonly string[]; readonly lazy?: readonly string[] }
  >
> = {
  job: { may: [] },
  log: { may: [] },
  config: { may: ['job'] },
  store: { may: ['job'] },
  sandbox: { may: ['job'] },
  forge: { may: ['job'] },
  prompt: { may: ['job'] },
  notify: { may: ['job'] },
  gateway: { may: ['job'] },
  agent: { may: ['job', 'sandbox'] },
  gate: { may: ['job', 'sandbox'] },
  workspace: { may: ['job', 'sandbox'] },
  runner: {
    may: ['job', 'store', 'sandbox', 'forge', 'prompt', 'notify', 'gateway', 'agent', 'gate', 'workspace'],
    types: ['config'],
  },
  client: { may: ['runner', 'job'] },
  library: { may: ['client', 'runner', 'notify', 'job', 'config'] },
  server: { may: ['runner', 'store', 'notify', 'job', 'config'] },
  temporal: { may: ['runner', 'job', 'config'] },
  cli: { may: ['client', 'runner', 'job', 'config'], lazy: ['server', 'temporal'] },
  index: { may: ['library', 'runner', 'notify', 'job'] },
  // What it is built of runs in a browser, so it takes no more than words from the others.
  dashboard: { may: [], types: ['job', 'server'] },
};
/** Files that may import less than their room. */
const NARROW_DOORS: Readonly<Record<string, readonly string[]>> = {
  'src/temporal/workflow.ts': ['job', 'temporal'],
};

/** Rooms without I/O, clock, randomness and environment. */
const PURE_ROOMS: readonly string[] = ['job', 'prompt'];
const MAX_FILE_LINES = 400;
const MAX_FOLDER_FILES = 10;
/** What a command writes is as long as what it is made of. */
const GENERATED = 'src/client/generated/';
/** Folders that are lists by design: one file a command. */
const LISTS: readonly string[] = ['src/cli/commands'];

/** Calls `check` for every file and collects what it says, with the path in front. */
function perFile(check: (path: string, text: string) => readonly string[]): Rule {
  return (files) => [...files].flatMap(([path, text]) => check(path, text).map((said) => `${path}${said}`));
}

/** Places where a pattern stands in code, as `:line: words`. */
function places(code: string, pattern: RegExp, words: (match: RegExpExecArray) => string): readonly string[] {
  return [...code.matchAll(pattern)].map(
    (match) => `:${code.slice(0, match.index).split('\n').length}: ${words(match)}`,
  );
}

function mayImport(path: string, to: string, kind: Import['kind']): boolean {
  const from = roomOf(path);
  const narrow = NARROW_DOORS[path];
  if (narrow !== undefined) return narrow.includes(to);
  if (to === from || to === 'log') return true;
  const door = DOORS[from];
  if (door === undefined) return false;
  if (door.may.includes(to)) return true;
  return (
    (kind === 'type' && door.types?.includes(to) === true) ||
    (kind === 'dynamic' && door.lazy?.includes(to) === true)
  );
}

const doors = perFile((path, text) => {
  const room = roomOf(path);
  if (DOORS[room] === undefined) return [`: the room ${room} has no row in the doors table`];
  return importsOf(text).flatMap(({ specifier, kind, line }) => {
    const target = resolveImport(path, specifier);
    if (target === null) return [];
    const isOwn = room === 'dashboard' && target.startsWith('dashboard/src/');
    if (!target.startsWith('src/') && !isOwn) return [`:${line}: ${specifier} leaves src`];
    if (isOwn && /\.(tsx|css)$/.test(target)) return [];
    // Tables of data lie beside the code that reads them.
    if (!target.endsWith('.ts') && !target.endsWith('.json'))
      return [`:${line}: ${specifier} has no .ts at its end`];
    const to = roomOf(target);
    return mayImport(path, to, kind) ? [] : [`:${line}: ${room} may not import ${to} (${kind} import)`];
  });
});

/** Cycles of imports that happen when a module is loaded; types and lazy imports are none. */
const cycles: Rule = (files) => {
  const edges = new Map(
    [...files].map(([path, text]) => [
      path,
      importsOf(text).flatMap(({ specifier, kind }) =>
        kind === 'value' ? [resolveImport(path, specifier)] : [],
      ),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) if (next !== null) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of files.keys()) visit(path, []);
  return found;
};

const BANNED_SYNTAX: readonly (readonly [RegExp, string])[] = [
  [/\bexport\s+default\b/g, 'default export'],
  [/\bas\s+default\b/g, 'default export'],
  [/\bexport\s+(?:type\s+)?\*/g, 'export *'],
  [/\benum\s+[A-Za-z_$][\w$]*\s*\{/g, 'enum'],
  [/\b(?:namespace|module)\s+[A-Za-z_$][\w$.]*\s*\{/g, 'namespace'],
  [/(?::|<|\bas)\s*any\b(?!\s*[(.])/g, 'any'],
  [/(?:\||&|,|=>|\bextends|=)\s*any\b(?!\s*[(:.=?])/g, 'any'],
];
const syntax = perFile((_path, text) => {
  const { bare } = scan(text);
  return BANNED_SYNTAX.flatMap(([pattern, name]) => places(bare, pattern, () => `${name} is not used here`));
});

const VAGUE = /^(utils?|helpers?|shared|common|lib|misc)$/i;
const names = perFile((path) =>
  path.split(/[/.\-_]/).some((word) => VAGUE.test(word))
    ? [': the name says nothing; name the thing it holds']
    : [],
);

const SQL =
  /\bSELECT\b[^]*\bFROM\b|\b(insert into|create table|delete from|alter table)\b|\bUPDATE\s+\w+\s+SET\b/i;
const SQL_SELECT_CASE = /\bSELECT\b[^]*\bFROM\b/;
const sql = perFile((path, text) => {
  if (roomOf(path) === 'store') return [];
  const { strings } = scan(text);
  const inText = strings.filter(
    (s) => SQL.test(s.text) && (!/\bselect\b[^]*\bfrom\b/i.test(s.text) || SQL_SELECT_CASE.test(s.text)),
  );
  const imported = importsOf(text).filter(({ specifier }) => specifier === 'node:sqlite');
  return [...inText, ...imported].map(({ line }) => `:${line}: SQL belongs into src/store`);
});

const spawning = perFile((path, text) => {
  if (roomOf(path) === 'sandbox') return [];
  return scan(text)
    .strings.filter((s) => /^(node:)?(child_process|cluster)$/.test(s.text))
    .map(({ line }) => `:${line}: only src/sandbox starts processes`);
});

const environment = perFile((path, text) => {
  if (path === 'src/config.ts') return [];
  const { bare, code } = scan(text);
  return [
    ...places(
      bare,
      /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[/g,
      () => 'only src/config.ts reads the environment',
    ),
    ...places(
      bare,
      /\b(?:const|let|var)\s*\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/g,
      () => 'only src/config.ts reads the environment',
    ),
    ...places(
      code,
      /\bimport\b[^;'"]*\benv\b[^;'"]*from\s*['"](?:node:)?process['"]/g,
      () => 'only src/config.ts reads the environment',
    ),
  ];
});

const IMPURE =
  /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bnew\s+Date\b(?!\s*\()|\bMath\s*\.\s*random\b|(?<![.\w])(?:process|performance|crypto|fetch|setTimeout|setInterval|setImmediate|globalThis|require)\b(?!\s*[:?])/g;
const purity = perFile((path, text) => {
  if (!PURE_ROOMS.includes(roomOf(path))) return [];
  const outside = importsOf(text).filter(({ specifier }) => !specifier.startsWith('.'));
  return [
    ...outside.map(({ specifier, line }) => `:${line}: ${specifier} is not pure`),
    ...places(scan(text).bare, IMPURE, (match) => `${match[0]} is not pure`),
  ];
});

const merging = perFile((path, text) => {
  const { code } = scan(text);
  const anywhere = places(
    code,
    /pulls\/[^'"`\n]*\/merge\b|mergePullRequest|enablePullRequestAutoMerge/gi,
    (match) => `${match[0]}: no path merges`,
  );
  return roomOf(path) === 'forge'
    ? [...anywhere, ...places(code, /\w*merge\w*/gi, (match) => `${match[0]}: no path merges`)]
    : anywhere;
});

const UNITLESS = 'timeout|maxSize|interval|delay|ttl';
// Our own constant, parameter, member or shorthand; handing a value with a unit to someone else's option is fine.
const DECLARED = new RegExp(
  `\\b(?:const|let|var)\\s+(${UNITLESS})\\b|[{,(]\\s*(${UNITLESS})\\s*(?=[,}])|(?<![.\\w])(${UNITLESS})\\??\\s*:(?!\\s*(?:['"\`{([]|[\\w.]*(?:Ms|S|Bytes|_ms|_s|_MS|_S)\\b))`,
  'g',
);
const units = perFile((_path, text) =>
  places(scan(text).bare, DECLARED, (match) => `${match[1] ?? match[2] ?? match[3]} has no unit in its name`),
);

const sizes: Rule = (files) => {
  const folders = new Map<string, number>();
  const long: string[] = [];
  for (const [path, text] of files) {
    const folder = path.split('/').slice(0, -1).join('/');
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
    const lines = text.trimEnd().split('\n').length;
    if (lines > MAX_FILE_LINES && !path.startsWith(GENERATED))
      long.push(`${path}: ${lines} lines (at most ${MAX_FILE_LINES})`);
  }
  const crowded = [...folders].filter(
    ([folder, count]) => count > MAX_FOLDER_FILES && !LISTS.includes(folder),
  );
  return [
    ...long,
    ...crowded.map(
      ([folder, count]) => `${folder}: ${count} files (at most ${MAX_FOLDER_FILES}); split it by noun`,
    ),
  ];
};

const openings = perFile((_path, text) =>
  /^(#!.*\n)?\s*\/[*/]/.test(text) ? [] : [':1: it does not begin with a comment that says what it is'],
);

/** Every rule over `src`, by the sentence it holds. */
export const RULES: Readonly<Record<string, Rule>> = {
  'a room imports only through its doors': doors,
  'no module waits for itself to load': cycles,
  'exports are named, types are erasable, nothing is any': syntax,
  'names say what is in a file': names,
  'SQL stands only in store': sql,
  'only sandbox starts processes': spawning,
  'only config.ts reads the environment': environment,
  'job and prompt are pure': purity,
  'no path merges': merging,
  'bounds have their unit in their name': units,
  'files and folders are small': sizes,
  'every file begins by saying what it is': openings,
};

/** How many invariants the design has; ARCHITECTURE.md has a sentence for each. */
export const INVARIANTS = 12;

/** Invariants that the architecture page does not name. */
export function missingInvariants(architecture: string): readonly string[] {
  return Array.from({ length: INVARIANTS }, (_, at) => `Invariant ${at + 1}`).filter(
    (name) => !new RegExp(`${name}(?!\\d)`).test(architecture),
  );
}
