/** Scripts and tasks that package files and task runners define, as parts of the gate's chain. */
import { firstPath, type RepoFiles } from '../../../files.ts';
import { parsePackageJson } from '../../../project/package-json.ts';
import { parseToml, stringsOf } from '../../../project/toml.ts';
import { commandsOf, type ShellCommand } from '../shell/fates.ts';
import { below, reference, squeezed, type Line, type Reference, type Step } from './step.ts';

const PLAIN = { isStrict: false, hasPipefail: false };
const MAX_LINES = 20_000;

/** A step out of one shell text that stands in a value of a file. */
function fromText(
  file: string,
  source: string,
  what: string,
  texts: readonly string[],
  at: number,
  directory: string,
): Step {
  const lines = source.slice(0, Math.max(0, at)).split('\n');
  const line = lines.length;
  const text = source.split('\n')[line - 1] ?? '';
  const commands = texts.flatMap((one) => commandsOf(one, PLAIN, directory)).map((one) => ({ ...one, line }));
  return { file, what, lines: [{ line, text }], signature: JSON.stringify(texts.map(squeezed)), commands, program: null, references: [] }; // prettier-ignore
}

/** Where a key of a JSON object's `parent` stands. */
function keyAt(source: string, parent: string, key: string): number {
  const from = Math.max(0, source.search(new RegExp(`"${parent}"\\s*:`)));
  const at = source.indexOf(JSON.stringify(key), from);
  return at < 0 ? source.indexOf(JSON.stringify(key)) : at;
}

async function scriptStep(files: RepoFiles, asked: Reference): Promise<Step | null> {
  const path = below(asked.directory, 'package.json');
  const source = (await files.read(path)) ?? '';
  const scripts = parsePackageJson(source)?.scripts ?? {};
  const { name } = asked;
  const text = Object.hasOwn(scripts, name) ? scripts[name] : undefined;
  if (text === undefined && name.includes('*')) {
    // `run-s test:*`: every script that fits.
    const [before = '', after = ''] = name.split(/\*+/);
    const fitting = Object.keys(scripts).filter((one) => one.startsWith(before) && one.endsWith(after));
    const references = fitting.map((one) => reference('script', asked.directory, one));
    return { ...fromText(path, '', name, [], 0, asked.directory), references };
  }
  if (text === undefined) return null;
  const step = fromText(
    path,
    source,
    `the script "${name}"`,
    [text],
    keyAt(source, 'scripts', name),
    asked.directory,
  );
  const around = [`pre${name}`, `post${name}`].map((one) => reference('script', asked.directory, one));
  return { ...step, references: around };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

async function jsonStep(
  files: RepoFiles,
  asked: Reference,
  names: readonly string[],
  parent: string,
): Promise<Step | null> {
  const path = firstPath(
    files,
    names.map((name) => below(asked.directory, name)),
  );
  const source = path === null ? null : await files.read(path);
  if (path === null || source === null) return null;
  const bare = source.replaceAll(/^\s*\/\/.*$/gm, '');
  const found = record(parsePackageJson(bare)?.raw[parent])[asked.name];
  const plain = typeof found === 'object' && !Array.isArray(found) ? record(found)['command'] : found;
  const texts = (Array.isArray(plain) ? plain : [plain]).filter((one) => typeof one === 'string');
  if (texts.length === 0) return null;
  const step = fromText(
    path,
    source,
    `the script "${asked.name}"`,
    texts,
    keyAt(source, parent, asked.name),
    asked.directory,
  );
  // Composer's `@other` calls another script.
  const others = texts.flatMap((one) => /^@(?!php\b|composer\b|putenv\b)([\w:.-]+)/.exec(one)?.[1] ?? []);
  return { ...step, references: others.map((one) => reference(asked.tool, asked.directory, one)) };
}

/** Tables of a pyproject.toml in which task runners keep commands by name. */
const TASK_TABLES =
  /^tool\.(?:pdm\.scripts|poe\.tasks|taskipy\.tasks|hatch\.envs\.[\w-]+\.scripts|hatch\.scripts|rye\.scripts|pixi\.tasks|uv\.scripts)(?:\.([\w:-]+))?$/;

async function pythonTask(files: RepoFiles, asked: Reference): Promise<Step | null> {
  const path = below(asked.directory, 'pyproject.toml');
  const source = await files.read(path);
  const name = asked.name.replace(/^[\w-]+:/, '');
  for (const [table, keys] of parseToml(source ?? '')) {
    const match = TASK_TABLES.exec(table);
    if (match === null) continue;
    const own = match[1] !== undefined && match[1] === name;
    const value = own ? [...keys].map(([key, text]) => `${key}=${text}`).join('\n') : keys.get(name);
    if (value === undefined) continue;
    const texts = stringsOf(value);
    const at = Math.max(
      0,
      (source ?? '').search(new RegExp(own ? `^\\[.*\\.${name}\\]` : `^["']?${name}["']?\\s*=`, 'm')),
    );
    const step = fromText(path, source ?? '', `the task "${name}"`, texts, at, asked.directory);
    const others = texts.flatMap((one) => one.split(/[\s,]+/)).filter((one) => one !== name && keys.has(one));
    return { ...step, references: others.map((one) => reference('python-task', asked.directory, one)) };
  }
  return null;
}

/** An alias in `.cargo/config.toml`. */
async function cargoAlias(files: RepoFiles, asked: Reference): Promise<Step | null> {
  const path = firstPath(
    files,
    ['.cargo/config.toml', '.cargo/config'].map((name) => below(asked.directory, name)),
  );
  const source = path === null ? null : await files.read(path);
  const value = parseToml(source ?? '')
    .get('alias')
    ?.get(asked.name);
  if (path === null || source === null || value === undefined) return null;
  const at = source.search(new RegExp(`^["']?${asked.name}["']?\\s*=`, 'm'));
  return fromText(
    path,
    source,
    `the alias "${asked.name}"`,
    [`cargo ${stringsOf(value).join(' ')}`],
    at,
    asked.directory,
  );
}

const JUSTFILES = ['justfile', 'Justfile', '.justfile'];
const RECIPE = /^@?([A-Za-z_][\w-]*)((?:\s+[+*$]?[\w-]+(?:=\S+)?)*)\s*:(?!=)\s*(.*)$/;

function recipeCommands(body: readonly Line[], directory: string): readonly ShellCommand[] {
  const [first] = body;
  if (first !== undefined && /^\s*#!/.test(first.text)) {
    const start = { isStrict: /\s-\w*e/.test(first.text), hasPipefail: false };
    const text = body.map((line) => line.text).join('\n');
    return commandsOf(text, start, directory).map((one) => ({ ...one, line: first.line + one.line - 1 }));
  }
  return body.flatMap(({ line, text }) => {
    const prefix = /^[\s@-]*/.exec(text)?.[0] ?? '';
    return commandsOf(text.slice(prefix.length), PLAIN, directory).map((one) => ({
      ...one,
      line: line + one.line - 1,
      ...(prefix.includes('-') ? { fate: 'lost' as const, why: 'just goes on whatever it says (“-”)' } : {}),
    }));
  });
}

async function justStep(files: RepoFiles, asked: Reference): Promise<Step | null> {
  const { directory } = asked;
  const path =
    asked.file ??
    firstPath(
      files,
      JUSTFILES.map((name) => below(directory, name)),
    );
  const source = path === null ? null : await files.read(path);
  if (path === null || source === null) return null;
  const all = source
    .split('\n')
    .slice(0, MAX_LINES)
    .map((text, at) => ({ line: at + 1, text }));
  const alias = new RegExp(`^alias\\s+${asked.name.replaceAll(/[^\w-]/g, '')}\\s*:=\\s*([\\w-]+)`, 'm').exec(
    source,
  )?.[1];
  const name = alias ?? asked.name;
  const at = all.findIndex(({ text }) => {
    const match = RECIPE.exec(text);
    return match !== null && (name === '' || match[1] === name);
  });
  const head = all[at];
  if (head === undefined) return null;
  let end = at + 1;
  while (end < all.length && /^(?:[ \t]|\s*$)/.test(all[end]?.text ?? '')) end += 1;
  const body = all.slice(at + 1, end).filter(({ text }) => text.trim() !== '');
  const match = RECIPE.exec(head.text);
  const needs = (match?.[3] ?? '').split(/[\s()&]+/).filter((word) => /^[A-Za-z_][\w-]*$/.test(word));
  const settings = all.filter(({ text }) => /^set\s+(?:windows-)?(?:shell|ignore-comments|dotenv\S*|positional-arguments)\b/.test(text)); // prettier-ignore
  const shell = settings.find(({ text }) =>
    /^set\s+shell\s*:=\s*\[\s*["'](?:\/\S+\/)?(?:true|echo|cat|printf)["']/.test(text),
  );
  const commands = recipeCommands(body, directory).map(
    (one) =>
    shell === undefined ? one : { ...one, line: shell.line, fate: 'lost' as const, why: 'the shell of the justfile runs nothing' }, // prettier-ignore
  );
  const lines = [...settings, head, ...body];
  return {
    file: path,
    what: `the recipe "${match?.[1] ?? name}"`,
    lines,
    signature: JSON.stringify(lines.map(({ text }) => squeezed(text))),
    commands,
    program: null,
    references: needs.map((need) => reference('just', directory, need, { file: asked.file })),
  };
}

/** What a script, task or alias stands for; `null` when it is not defined. */
export async function taskStep(files: RepoFiles, asked: Reference): Promise<Step | null> {
  if (asked.tool === 'script') return scriptStep(files, asked);
  if (asked.tool === 'composer') return jsonStep(files, asked, ['composer.json'], 'scripts');
  if (asked.tool === 'deno') return jsonStep(files, asked, ['deno.json', 'deno.jsonc'], 'tasks');
  if (asked.tool === 'python-task') return pythonTask(files, asked);
  return asked.tool === 'just' ? justStep(files, asked) : cargoAlias(files, asked);
}
