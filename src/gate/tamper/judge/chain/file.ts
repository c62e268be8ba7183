/** Files that the gate's commands run or name, as parts of its chain. */
import { directoryOf, type RepoFiles } from '../../../files.ts';
import { commandsOf, joinDirectory } from '../shell/fates.ts';
import { reference, squeezed, type Reference, type Step } from './step.ts';

const MAX_LITERALS = 200;
const MAX_LITERAL_CHARS = 200;
/** Folders of what builds and checks, as opposed to what is checked. */
const TOOLS_FOLDER =
  /(?:^|\/)(?:\.?ci|\.github|\.config|bin|build|buildscripts?|checks?|config|dev|etc|hack|internal\/tools|lint|make|scripts?|support|tasks?|tools?|util\/ci|xtask)\//;
const DATA =
  /\.(?:jsonc?|json5|ya?ml|toml|ini|cfg|conf|xml|neon|properties|txt|lst|env)$|(?:^|\/)\.\w+(?:rc|ignore)$/;
const CODE = /\.(?:[cm]?[jt]s|py|rb|php|pl|sh|bash)$/;
/** What other rules judge, and what no judge reads. */
const NO_DATA =
  /(?:^|\/)(?:package(?:-lock)?\.json|composer\.(?:json|lock)|pyproject\.toml|Cargo\.(?:toml|lock)|requirements[\w-]*\.txt)$|(?:^|\/)(?:fixtures?|testdata|examples?|locales?|i18n|data)\//;

/** How a script finds its own folder and the repository's: written as the plain path that it is. */
function withPlainPaths(source: string, directory: string, path: string): string {
  const up = directory === '' ? '' : '../'.repeat(directory.split('/').length);
  const own = `${up}${directoryOf(path)}` || '.';
  return source
    .replaceAll(
      /\$\(\s*dirname\s+(?:--\s+)?["']?\$(?:0|\{0\}|\{?BASH_SOURCE(?:\[0\])?\}?)["']?\s*\)|\$\{(?:0|BASH_SOURCE(?:\[0\])?)%\/\*\}/g,
      own,
    )
    .replaceAll(/\$\(\s*git rev-parse --show-toplevel\s*\)/g, up === '' ? '.' : up);
}

/** Files that a programme of the judge names in quotes or imports, beside it or from the root. */
function namedIn(
  source: string,
  path: string,
  asked: Reference,
  tracked: ReadonlySet<string>,
): readonly Reference[] {
  const own = directoryOf(path);
  const isTool = TOOLS_FOLDER.test(path);
  const found = new Map<string, Reference>();
  const add = (one: string | null, isImport: boolean): void => {
    if (one === null || one === path || !tracked.has(one)) return;
    // What a tool imports is a part of it only where tools lie: the rest is what it judges.
    if (
      CODE.test(one) ? !(isTool && TOOLS_FOLDER.test(one)) : isImport || NO_DATA.test(one) || !DATA.test(one)
    )
      return;
    found.set(one, reference('file', asked.directory, one, { use: DATA.test(one) ? 'settings' : /\.(?:ba)?sh$/.test(one) ? 'shell' : 'program' })); // prettier-ignore
  };
  let left = MAX_LITERALS;
  for (const match of source.matchAll(/(["'`])([^"'`\n$]{1,200})\1/g)) {
    const text = match[2] ?? '';
    if (--left < 0) break;
    if (text.length > MAX_LITERAL_CHARS || !/[./]/.test(text)) continue;
    for (const from of [own, asked.directory]) add(joinDirectory(from, text), false);
  }
  for (const match of source.matchAll(
    /^[ \t]*(?:from\s+\.?([\w.]+)\s+import|import\s+([\w.]+)|require_relative\s+["']([^"'\n]+))/gm,
  )) {
    const name = (match[1] ?? match[2] ?? match[3] ?? '').replaceAll('.', '/');
    if (--left < 0) break;
    for (const end of ['.py', '/__init__.py', '.rb']) add(joinDirectory(own, `${name}${end}`), true);
  }
  return [...found.values()];
}

/** The lines of a programme without those that say nothing: comments and blanks. */
function telling(source: string, path: string): string {
  // `#x = 1` is a private field, and `//` in a shell a path.
  const comment = /\.[cm]?[jt]s$/.test(path) ? /^\s*(?:\/\/|$)/ : /^\s*(?:#|$)/;
  return source
    .split('\n')
    .filter((line, at) => (at === 0 && line.startsWith('#!')) || !comment.test(line))
    .map(squeezed)
    .join('\n');
}

/** A file of the chain; `null` when it is not there or no text. */
export async function fileStep(
  files: RepoFiles,
  asked: Reference,
  tracked: ReadonlySet<string>,
): Promise<Step | null> {
  const path = asked.name;
  const source = await files.read(path);
  if (source === null) return null;
  const first = source.slice(0, 200).split('\n')[0] ?? '';
  const isShell =
    asked.use === 'shell' || asked.use === 'strict-shell' || /^#!.*\b(?:ba|z|da|k)?sh\b/.test(first);
  const lines = source.split('\n').map((text, at) => ({ line: at + 1, text }));
  const step = {
    file: path,
    what: 'a file that the gate’s commands use',
    lines,
    program: null,
    commands: [],
    references: [],
  };
  if (asked.use === 'settings') return { ...step, signature: squeezed(source) };
  // A binary-like or huge script is compared, not read.
  if (!isShell) return { ...step, signature: telling(source, path), program: source, references: namedIn(source, path, asked, tracked) }; // prettier-ignore
  // `sh x` does not read the options in its first line.
  const isStrict = asked.use === 'strict-shell' || /^#!\S*\s+-\w*e/.test(first);
  const commands = commandsOf(
    withPlainPaths(source, asked.directory, path),
    { isStrict, hasPipefail: false },
    asked.directory,
  );
  return { ...step, signature: telling(source, path), commands };
}
