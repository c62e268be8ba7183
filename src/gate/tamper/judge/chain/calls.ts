/** What a command names in the repository: scripts, targets, tasks, files. */
import type { RepoFiles } from '../../../files.ts';
import { joinDirectory, unwrapped, type ShellCommand } from '../shell/fates.ts';
import { below, reference, type Reference } from './step.ts';

const NODE_MANAGERS = /^(?:npm|pnpm|yarn|bun)$/;
/** Words between a package manager and the script. */
const NODE_VERBS = new Set(['run', 'run-script', 'rum', 'workspaces', 'workspace', 'foreach', '--']);
const RUNS_SCRIPTS =
  /^(?:run-s|run-p|npm-run-all2?|concurrently|conc|turbo|nx|wireit|lerna|wsrun|ultra|preconstruct)$/;
const INTERPRETER =
  /^(?:.*\/)?(?:node|nodejs|deno|bun|tsx|ts-node|python[\d.]*|ruby|perl|php|pwsh|Rscript|elixir|lua)$/;
const SHELL = /^(?:.*\/)?(?:ba|z|da|k|a)?sh$/;
/** Options after which an interpreter runs no file: it is only looked at, or the text is an argument. */
const RUNS_NO_FILE = /^(?:--check|-c|-e|--eval|--test|--print|-p|-n|-l|--syntax-check)$/;
/** Options of interpreters and runners that take a value of their own. */
const TAKES_VALUE =
  /^(?:-W|-X|-I|-r|--require|--import|--loader|--experimental-loader|--env-file|--tsconfig|--test-reporter|--conditions|-C)$/;
const PREFIX = /^(?:--prefix|-C|--dir|--cwd|--directory|--project-directory|-d|--working-directory)$/;
/** Options whose value is a file that decides, whatever it is called. */
const NAMES_FILE =
  /^(?:-c|--config(?:-file|-path)?|--rcfile|--rc-file|--project|-p|--settings(?:-file)?|--ignore-path|--ignore-file|--require|-r|--import|--loader|--env-file|--test-global-setup|--globalSetup|--setupFiles(?:AfterEnv)?|--bootstrap|--configuration|--ruleset|--standard|--options|--init-script|-I|--file|-f|--conf|--justfile|--makefile|--spec-opts|--plugin|--resolver|--reporter|--tsconfig|--build-file|--stylelintrc|--resolve-plugins-relative-to)$/;
const SETTINGS =
  /\.(?:jsonc?|json5|ya?ml|toml|ini|cfg|conf|xml|neon|properties|rc|env)$|(?:^|\/)\.\w+(?:rc|ignore)$|(?:^|\/)\.env(?:\.\w+)?$/;
/** Files that others judge, or nobody. */
const NO_SETTINGS =
  /(?:^|\/)(?:package(?:-lock)?\.json|composer\.json|pyproject\.toml|Cargo\.toml)$|(?:^|\/)(?:fixtures?|testdata|examples?)\//;
const MAX_WORKSPACES = 50;

interface Call {
  readonly program: string;
  readonly rest: readonly string[];
  readonly directory: string;
  readonly files: RepoFiles;
  readonly tracked: ReadonlySet<string>;
}

/** A word as a tracked path, seen from the command's directory. */
function trackedAt(call: Pick<Call, 'directory' | 'tracked'>, word: string | undefined): string | null {
  const bare = word?.replace(/^"?\$\{?(?:PWD|GITHUB_WORKSPACE|CURDIR|ROOT|DIR|HERE|SCRIPT_DIR)\}?"?\//, './');
  const path = bare === undefined ? null : joinDirectory(call.directory, bare);
  return path !== null && call.tracked.has(path) ? path : null;
}

/** Value of the first of some options, and the words without it. */
function option(
  rest: readonly string[],
  names: RegExp,
): { readonly value: string | null; readonly rest: readonly string[] } {
  const at = rest.findIndex((word) => names.test(word.replace(/=.*$/s, '')));
  const word = rest[at];
  if (word === undefined) return { value: null, rest };
  if (word.includes('=')) return { value: word.replace(/^[^=]*=/s, ''), rest: rest.toSpliced(at, 1) };
  return { value: rest[at + 1] ?? null, rest: rest.toSpliced(at, 2) };
}

/** Directories with a package.json, the nearest first. */
function packagesIn(call: Call): readonly string[] {
  return call.files.paths
    .filter((path) => /(?:^|\/)package\.json$/.test(path) && !path.includes('node_modules/'))
    .map((path) => path.slice(0, -'/package.json'.length))
    .slice(0, MAX_WORKSPACES);
}

function nodeScript(call: Call): readonly Reference[] {
  const prefix = option(call.rest, PREFIX);
  const directory = prefix.value === null ? call.directory : joinDirectory(call.directory, prefix.value);
  if (directory === null) return [];
  const file = trackedAt(
    call,
    prefix.rest.find((word) => !word.startsWith('-') && word !== 'run'),
  );
  if (call.program === 'bun' && file !== null) return [run(call, file, 'program')];
  const inWorkspaces = prefix.rest.some((word) => /^(?:-w|--workspaces?|--filter|-F|-r|--recursive|workspaces?|--parallel)(?:=|$)/.test(word)); // prettier-ignore
  const words = option(
    option(prefix.rest, /^(?:-w|--workspace|--filter|-F)$/).rest,
    /^(?:--loglevel|--script-shell)$/,
  ).rest;
  const end = words.indexOf('--');
  const names = words
    .slice(0, end < 0 ? words.length : end)
    .filter((word) => !word.startsWith('-') && !NODE_VERBS.has(word));
  const called = inWorkspaces ? names : names.slice(0, 1);
  const scripts = called.map((name) => (name === 't' || name === 'tst' ? 'test' : name));
  const directories = inWorkspaces ? [directory, ...packagesIn(call)] : [directory];
  const found = directories.flatMap((one) => scripts.map((name) => reference('script', one, name)));
  // `pnpm exec x`, `yarn x`, `bun x`: a programme, with its own files.
  const rest = names[0] === 'exec' || names[0] === 'dlx' || names[0] === 'x' ? names.slice(1) : [];
  return [...found, ...(rest.length > 0 ? callsOf({ ...call, program: rest[0] ?? '', rest: words.slice(words.indexOf(rest[0] ?? '') + 1) }) : [])]; // prettier-ignore
}

function makeTargets(call: Call): readonly Reference[] {
  const moved = option(call.rest, /^(?:-C|--directory)$/);
  const named = option(moved.rest, /^(?:-f|--file|--makefile)$/);
  const directory = moved.value === null ? call.directory : joinDirectory(call.directory, moved.value);
  if (directory === null) return [];
  const file = named.value === null ? null : joinDirectory(directory, named.value);
  const words = option(named.rest, /^(?:-I|--include-dir|-o|-W|-j|--jobs)$/).rest;
  const targets = named.rest.filter(
    (word) => !/^-|=/.test(word) && (words.includes(word) || !/^\d+$/.test(word)),
  );
  return (targets.length === 0 ? [''] : targets).map((name) => reference('make', directory, name, { file }));
}

function justRecipes(call: Call): readonly Reference[] {
  const named = option(call.rest, /^(?:-f|--justfile)$/);
  const moved = option(named.rest, /^(?:-d|--working-directory)$/);
  const file = named.value === null ? null : joinDirectory(call.directory, named.value);
  const names = moved.rest.filter((word) => !/^-|=/.test(word)).slice(0, 20);
  return (names.length === 0 ? [''] : names).map((name) => reference('just', call.directory, name, { file }));
}

function run(call: Call, path: string, use: Reference['use']): Reference {
  return reference('file', call.directory, path, {
    use: /\.(?:sh|bash|zsh)$/.test(path) && use === 'program' ? 'shell' : use,
  });
}

/** `python -m pkg.mod` where that is part of the repository. */
function pythonModule(call: Call): readonly Reference[] {
  const at = call.rest.indexOf('-m');
  const name = at < 0 ? undefined : call.rest[at + 1];
  if (name === undefined || call.rest.slice(0, at).some((word) => !word.startsWith('-'))) return [];
  const path = name.replaceAll('.', '/');
  const found = ['', 'src/'].flatMap((root) =>
    [`${root}${path}.py`, `${root}${path}/__main__.py`].map((one) => below(call.directory, one)),
  );
  const own = found.filter((one) => call.tracked.has(one)).map((one) => run(call, one, 'program'));
  return own.length > 0 ? own : callsOf({ ...call, program: name, rest: call.rest.slice(at + 2) });
}

function interpreted(call: Call, use: Reference['use']): readonly Reference[] {
  const { rest, program } = call;
  if (/python/.test(program) && rest.includes('-m')) return pythonModule(call);
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at] ?? '';
    if (RUNS_NO_FILE.test(word) && !program.endsWith('sh')) return [];
    if (word === '-o' || TAKES_VALUE.test(word)) at += 1;
    else if (!word.startsWith('-') && !word.startsWith('+') && word !== 'run') {
      const path = trackedAt(call, word);
      return path === null ? [] : [run(call, path, use)];
    }
  }
  return [];
}

/** Files that a command's options name. */
function namedFiles(call: Call): readonly Reference[] {
  const found: Reference[] = [];
  call.rest.forEach((word, at) => {
    if (!word.startsWith('-')) return;
    const [name = '', inline] = word.split(/=(.*)/s);
    for (const value of (inline ?? call.rest[at + 1] ?? '').split(',')) {
      const path = trackedAt(call, value) ?? trackedAt(call, below(value, 'tsconfig.json'));
      const isSettings = path !== null && SETTINGS.test(path);
      if (path === null || NO_SETTINGS.test(path) || !(isSettings || NAMES_FILE.test(name))) continue;
      const isCode = /\.(?:[cm]?[jt]s|py|rb|php)$/.test(path);
      if (isCode && /^(?:-f|--file|-p|--project|-c)$/.test(name) && !/config/.test(path)) continue;
      found.push(reference('file', '', path, { use: isCode ? 'program' : 'settings' }));
    }
  });
  return found;
}

/** Runners that keep what they run in a file of their own. */
const OWN_FILES: readonly (readonly [program: RegExp, files: readonly string[]])[] = [
  [/^tox$/, ['tox.ini', 'tox.toml']],
  [/^nox$/, ['noxfile.py']],
  [/^(?:rake|thor)$/, ['Rakefile', 'rakefile', 'Rakefile.rb', 'Thorfile']],
  [/^task$/, ['Taskfile.yml', 'Taskfile.yaml', 'taskfile.yml']],
  [/^pre-commit$/, ['.pre-commit-config.yaml']],
  [/^turbo$/, ['turbo.json']],
  [/^nx$/, ['nx.json', 'project.json']],
  [/^lerna$/, ['lerna.json']],
  [/^(?:invoke|inv)$/, ['tasks.py', 'invoke.yaml']],
  [/^(?:gulp)$/, ['gulpfile.js', 'gulpfile.mjs', 'gulpfile.ts']],
  [/^grunt$/, ['Gruntfile.js', 'Gruntfile.cjs']],
  [/^(?:earthly)$/, ['Earthfile']],
  [/^mage$/, ['magefile.go']],
  [/^(?:docker-compose)$/, ['compose.yaml', 'docker-compose.yml']],
];

function ownFiles(call: Call): readonly Reference[] {
  const names = OWN_FILES.find(([program]) => program.test(call.program))?.[1] ?? [];
  const found = names.map((name) => below(call.directory, name)).filter((path) => call.tracked.has(path));
  return found.map((path) =>
    reference('file', '', path, { use: /\.(?:py|[cm]?[jt]s)$|ile$/.test(path) ? 'program' : 'settings' }),
  );
}

/** Runs of several scripts by name or pattern. */
function severalScripts(call: Call): readonly Reference[] {
  const words = call.rest.flatMap((word) => word.split(/[\s,]+/)).map((word) => word.replace(/^(?:npm|yarn|pnpm):/, '')).filter((word) => /^[\w:.*/-]+$/.test(word) && !word.startsWith('-')); // prettier-ignore
  const directories = /^(?:turbo|nx|lerna|wsrun|ultra)$/.test(call.program) ? [call.directory, ...packagesIn(call)] : [call.directory]; // prettier-ignore
  return directories.flatMap((directory) => words.map((name) => reference('script', directory, name)));
}

const RUNNERS = new Set(['uv', 'poetry', 'pdm', 'hatch', 'pipenv', 'rye', 'pixi', 'bundle', 'poe', 'task', 'coverage', 'npx', 'bunx', 'corepack', 'c8', 'nyc']); // prettier-ignore

/** `uv run x`, `bundle exec x`, `npx x`: a task of that name, or the command itself. */
function wrapped(call: Call): readonly Reference[] {
  const at = call.rest.findIndex(
    (word) => !word.startsWith('-') && word !== 'run' && word !== 'exec' && word !== 'test',
  );
  const name = call.rest[at] ?? call.rest.find((word) => word === 'test');
  if (name === undefined) return [];
  const inner = at < 0 ? [] : callsOf({ ...call, program: name, rest: call.rest.slice(at + 1) });
  if (/^(?:npx|bunx|corepack|c8|nyc|bundle|coverage)$/.test(call.program)) return inner;
  return [reference('python-task', call.directory, name), ...inner];
}

function callsOf(call: Call): readonly Reference[] {
  const { program, rest, directory } = call;
  const named = [...namedFiles(call), ...ownFiles(call)];
  if (NODE_MANAGERS.test(program)) return [...named, ...nodeScript(call)];
  if (/^(?:gmake|make|\$\(MAKE\))$/.test(program)) return makeTargets(call);
  if (program === 'just') return justRecipes(call);
  if (RUNS_SCRIPTS.test(program)) return [...named, ...severalScripts(call)];
  if (program === 'composer') return [...named, ...rest.filter((word) => !/^-|^run(?:-script)?$/.test(word)).slice(0, 1).map((name) => reference('composer', directory, name))]; // prettier-ignore
  if (program === 'cargo') return [...named, ...rest.filter((word) => !/^[-+]/.test(word)).slice(0, 1).map((name) => reference('toml-alias', directory, name))]; // prettier-ignore
  if (program === 'deno' && rest[0] === 'task')
    return rest.slice(1, 2).map((name) => reference('deno', directory, name));
  if (program === 'node' && rest[0] === '--run')
    return rest.slice(1, 2).map((name) => reference('script', directory, name));
  if (RUNNERS.has(program)) return [...named, ...wrapped(call)];
  if (program === 'source' || program === '.') {
    const path = trackedAt(call, rest[0]);
    return path === null ? [] : [run(call, path, 'shell')];
  }
  if (SHELL.test(program)) return [...named, ...interpreted(call, rest.some((word) => /^-\w*e/.test(word)) ? 'strict-shell' : 'shell')]; // prettier-ignore
  if (INTERPRETER.test(program)) return [...named, ...interpreted(call, 'program')];
  const own = trackedAt(call, program.includes('/') ? program : undefined);
  return own === null ? named : [...named, run(call, own, 'program')];
}

/** What a command refers to; nothing when it is not known where it runs. */
export function referencesOf(
  command: ShellCommand,
  files: RepoFiles,
  tracked: ReadonlySet<string>,
): readonly Reference[] {
  const [program = '', ...rest] = unwrapped(command.words);
  if (command.directory === null) return [];
  return callsOf({ program, rest, directory: command.directory, files, tracked });
}
