/** Targets of a Makefile as parts of the gate's chain. Reads rules, includes, variables and special targets. */
import { firstPath, type RepoFiles } from '../../../files.ts';
import { commandsOf, joinDirectory, type ShellCommand } from '../shell/fates.ts';
import { below, reference, squeezed, type Line, type Reference, type Step } from './step.ts';

/** In the order in which GNU make looks for them. */
export const MAKEFILES = ['GNUmakefile', 'makefile', 'Makefile'];
const MAX_LINES = 20_000;
const MAX_INCLUDES = 30;
const MAX_EXPANSIONS = 200;
const MAX_EXPANSIONS_IN_ALL = 2000;
const MAX_EXPANDED_CHARS = 20_000;

interface PlacedLine extends Line {
  readonly file: string;
}
interface Rule {
  needs: readonly string[];
  recipe: PlacedLine[];
  head: PlacedLine;
}
interface Variable {
  value: string;
  readonly at: PlacedLine;
}
/** A Makefile with what it includes. */
interface Makefile {
  readonly rules: Map<string, Rule>;
  readonly variables: Map<string, Variable>;
  /** Names that `.PHONY`, `.IGNORE` and the like hold. */
  readonly special: Map<string, { readonly names: readonly string[]; readonly at: PlacedLine }>;
  first: string | null;
  /** Expansions that may still be made: values that grow from line to line would have no end. */
  left: number;
}

/** Physical lines joined where a backslash ends them, included files in their place. */
async function linesOf(
  files: RepoFiles,
  directory: string,
  path: string,
  open: string[],
): Promise<readonly PlacedLine[]> {
  if (open.length >= MAX_INCLUDES || open.includes(path)) return [];
  open.push(path);
  const physical = ((await files.read(path)) ?? '').replaceAll('\r\n', '\n').split('\n').slice(0, MAX_LINES);
  const lines: PlacedLine[] = [];
  for (let at = 0; at < physical.length; at++) {
    const line = at + 1;
    let text = physical[at] ?? '';
    while (text.endsWith('\\') && at + 1 < physical.length) text = `${text}\n${physical[++at] ?? ''}`;
    const included = /^-?s?include\s+(.+)$/.exec(text)?.[1];
    if (included === undefined) lines.push({ file: path, line, text });
    else
      for (const name of included.split(/\s+/)) {
        const target = joinDirectory(directory, name);
        if (target !== null && files.paths.includes(target))
          lines.push(...(await linesOf(files, directory, target, open)));
      }
  }
  return lines;
}

const ASSIGNMENT = /^(?:(?:export|override|private)\s+)*([\w.-]+)\s*(\+|\?|::?:?|!)?=\s*([\s\S]*)$/;
const RULE = /^([^\s#:=][^:=#\n]*)(::?)(?![:=])([\s\S]*)$/;

function assign(make: Makefile, name: string, operator: string, value: string, at: PlacedLine): void {
  const before = make.variables.get(name);
  if (operator === '?' && before !== undefined) return;
  make.variables.set(name, {
    value: operator === '+' && before !== undefined ? `${before.value} ${value}` : value,
    at,
  });
}

function addRule(make: Makefile, at: PlacedLine, match: RegExpExecArray): Rule[] {
  const names = expand(make, (match[1] ?? '').replace(/&$/, ''))
    .split(/\s+/)
    .filter(Boolean);
  const [head = '', inline] = (match[3] ?? '').split(/;([\s\S]*)/);
  const settings = ASSIGNMENT.exec(head.trim());
  if (settings !== null) return [];
  const needs = expand(make, head.replace(/(?:^|\s)#[\s\S]*$/, '').replaceAll(/\\\n|\|/g, ' '))
    .split(/\s+/)
    .filter(Boolean);
  const rules: Rule[] = [];
  for (const name of names) {
    if (/^\.[A-Z]/.test(name)) {
      const known = make.special.get(name);
      make.special.set(name, { names: [...(known?.names ?? []), ...needs], at });
      continue;
    }
    make.first ??= name.includes('%') || name.startsWith('.') ? null : name;
    const known = make.rules.get(name);
    const rule: Rule = {
      needs: [...(known?.needs ?? []), ...needs],
      recipe: known?.recipe ?? [],
      head: known?.head ?? at,
    };
    make.rules.set(name, rule);
    rules.push(rule);
  }
  for (const rule of rules) if (inline !== undefined) rule.recipe = [{ ...at, text: inline }];
  return rules;
}

/** Reads the lines of `define … endef` from `at`; the index of the last one. */
function defined(make: Makefile, lines: readonly PlacedLine[], at: number): number {
  const first = lines[at];
  const name = /^(?:override\s+)?define\s+([\w.-]+)/.exec(first?.text ?? '')?.[1];
  if (first === undefined || name === undefined) return at;
  let end = at + 1;
  while (end < lines.length && !/^endef\b/.test(lines[end]?.text ?? '')) end += 1;
  make.variables.set(name, { value: lines.slice(at + 1, end).map((line) => line.text).join('\n'), at: first }); // prettier-ignore
  return end;
}

function parse(lines: readonly PlacedLine[]): Makefile {
  const make: Makefile = {
    rules: new Map(),
    variables: new Map(),
    special: new Map(),
    first: null,
    left: MAX_EXPANSIONS_IN_ALL,
  };
  let current: readonly Rule[] = [];
  let isFresh = false;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    if (line === undefined || /^\s*(?:#|$)/.test(line.text)) continue;
    const isDefine = /^(?:override\s+)?define\s/.test(line.text);
    if (line.text.startsWith('\t') && current.length > 0) {
      for (const rule of current) {
        // A second recipe for a target takes the place of the first.
        if (isFresh && rule.recipe.length > 0 && rule.recipe[0]?.text.startsWith('\t') === true)
          rule.recipe = [];
        rule.recipe.push(line);
      }
      isFresh = false;
    } else if (isDefine) at = defined(make, lines, at);
    else if (/^\s*(?:ifn?(?:eq|def)|else|endif|export\s+\w+$|unexport|vpath)\b/.test(line.text)) continue;
    else {
      const [assignment, rule] = [ASSIGNMENT.exec(line.text), RULE.exec(line.text)];
      if (assignment !== null)
        assign(make, assignment[1] ?? '', assignment[2] ?? '', (assignment[3] ?? '').replace(/(?:^|\s)#.*$/, '').replaceAll('\\\n', ' ').trim(), line); // prettier-ignore
      else if (rule !== null) {
        current = addRule(make, line, rule);
        isFresh = true;
      }
    }
  }
  return make;
}

/** Puts values in the place of variables; what make itself computes stays as it is. */
function expand(make: Makefile, text: string, used: Set<string> = new Set()): string {
  let value = text;
  for (let round = 0; round < MAX_EXPANSIONS && value.length < MAX_EXPANDED_CHARS; round++) {
    const match = /\$(?:\(([\w.-]+)\)|\{([\w.-]+)\}|\(call\s+([\w.-]+)[^()]*\))/.exec(value);
    if (match === null || --make.left < 0) break;
    const name = match[1] ?? match[2] ?? match[3] ?? '';
    const known = make.variables.get(name);
    used.add(name);
    const inner =
      name === 'MAKE' && known === undefined ? 'make' : (known?.value ?? '').slice(0, MAX_EXPANDED_CHARS);
    // A variable that names itself would never end.
    value = value.replace(match[0], () => inner.replaceAll(match[0], ''));
  }
  return value;
}

interface Loss {
  readonly why: string;
  readonly at: PlacedLine;
}

/** Why no command's failure counts in this Makefile for the target; `null` when they do. */
function lostIn(make: Makefile, target: string, rule: Rule, exists: boolean): Loss | null {
  const ignored = make.special.get('.IGNORE');
  if (ignored !== undefined && (ignored.names.length === 0 || ignored.names.includes(target)))
    return { why: '.IGNORE drops its errors', at: ignored.at };
  const shell = make.variables.get('SHELL');
  const program = /([^/\s]+)(?:\s.*)?$/.exec(shell?.value.trim() ?? '')?.[1] ?? '';
  if (shell !== undefined && /^(?:true|:|echo|printf|cat|yes|test)$/.test(program))
    return { why: `SHELL is ${shell.value}, which runs nothing`, at: shell.at };
  const flags = make.variables.get('.SHELLFLAGS');
  if (flags !== undefined && (!/(?:^|\s)-\w*c/.test(flags.value) || /(?:^|\s)-\w*n/.test(flags.value)))
    return { why: `.SHELLFLAGS is ${flags.value}, which runs nothing`, at: flags.at };
  const own = make.variables.get('MAKEFLAGS') ?? make.variables.get('GNUMAKEFLAGS');
  if (
    own !== undefined &&
    /(?:^|\s)(?:-?[a-z]*[int][a-z]*(?=\s|$)|--(?:ignore-errors|dry-run|just-print|touch|recon))/.test(
      own.value.replaceAll(/--(?!ignore|dry|just|touch|recon)\S+/g, ''),
    )
  )
    // prettier-ignore
    return { why: `MAKEFLAGS is ${own.value}`, at: own.at };
  const isPhony = make.special.get('.PHONY')?.names.includes(target) === true;
  if (exists && !isPhony && rule.needs.length === 0)
    return {
      why: 'it is not phony and there is a path of its name, so that make does not run it',
      at: rule.head,
    };
  return null;
}

/** The commands of a recipe: each line is a shell of its own, unless `.ONESHELL` is set. */
function recipeCommands(
  make: Makefile,
  rule: Rule,
  directory: string,
  all: Loss | null,
  used: Set<string>,
): readonly ShellCommand[] {
  const flags = make.variables.get('.SHELLFLAGS')?.value ?? '';
  const start = { isStrict: /(?:^|\s)-\w*e/.test(flags), hasPipefail: flags.includes('pipefail') };
  const isOne = make.special.has('.ONESHELL');
  const pieces: { line: number; text: string }[] = [];
  for (const line of rule.recipe) {
    const text = expand(make, line.text.replace(/^[ \t]+/, ''), used).replaceAll('$$', '$');
    const last = pieces.at(-1);
    if (isOne && last !== undefined) last.text += `\n${text}`;
    else pieces.push(...text.split(/(?<!\\)\n/).map((part) => ({ line: line.line, text: part })));
  }
  return pieces.flatMap(({ line, text }) => {
    const prefix = /^[\s@+-]*/.exec(text)?.[0] ?? '';
    const why = all?.why ?? (prefix.includes('-') ? 'make goes on whatever it says (“-”)' : null);
    return commandsOf(text.slice(prefix.length), start, directory).map((command) => ({
      ...command,
      line: all?.at.line ?? line + command.line - 1,
      ...(why === null ? {} : { fate: 'lost' as const, why }),
    }));
  });
}

function ruleFor(make: Makefile, target: string): Rule | undefined {
  const own = make.rules.get(target);
  if (own !== undefined) return own;
  for (const [name, rule] of make.rules) {
    const at = name.indexOf('%');
    const [before, after] = [name.slice(0, at), name.slice(at + 1)];
    if (at >= 0 && target.startsWith(before) && target.endsWith(after) && target.length > name.length - 1)
      return rule;
  }
  return undefined;
}

const read = new WeakMap<RepoFiles, Map<string, Makefile>>();

/** A commit's Makefile is read once, however many of its targets are asked for. */
async function makefileOf(files: RepoFiles, directory: string, path: string): Promise<Makefile> {
  const known = read.get(files) ?? new Map<string, Makefile>();
  read.set(files, known);
  const key = JSON.stringify([directory, path]);
  const make = known.get(key) ?? parse(await linesOf(files, directory, path, []));
  known.set(key, make);
  return make;
}

/** The target that a reference names, in the Makefile that make would take; `null` when there is none. */
export async function makeStep(files: RepoFiles, asked: Reference): Promise<Step | null> {
  const { directory } = asked;
  const path =
    asked.file ??
    firstPath(
      files,
      MAKEFILES.map((name) => below(directory, name)),
    );
  if (path === null) return null;
  const make = await makefileOf(files, directory, path);
  const target = asked.name === '' ? (make.first ?? '') : asked.name;
  const rule = ruleFor(make, target);
  if (rule === undefined) return null;
  const place = below(directory, target);
  const exists = files.paths.some((one) => one === place || one.startsWith(`${place}/`));
  const used = new Set<string>();
  const all = lostIn(make, target, rule, exists);
  const commands = recipeCommands(make, rule, directory, all, used);
  const environment = [...make.variables].filter(([name]) => /^(?:SHELL|\.SHELLFLAGS|MAKEFLAGS|GNUMAKEFLAGS|PATH|BASH_ENV|ENV|NODE_OPTIONS|PYTEST_ADDOPTS|PYTHONPATH|RUSTFLAGS|GOFLAGS|RUBYOPT)$/.test(name)); // prettier-ignore
  for (const [name] of environment) used.add(name);
  const specials = ['.IGNORE', '.ONESHELL', '.DEFAULT'].flatMap((name) => make.special.get(name)?.at ?? []);
  const variables = [...used].flatMap((name) => make.variables.get(name)?.at ?? []);
  const lines = [...specials, ...variables, rule.head, ...rule.recipe];
  const main = all?.at ?? rule.head;
  const expanded = rule.recipe.map(({ text }) => squeezed(expand(make, text)));
  return {
    file: main.file,
    what: `the target "${target}"`,
    lines: lines.filter((line) => line.file === main.file),
    signature: JSON.stringify([rule.needs, expanded, environment.map(([name, { value }]) => [name, value]), specials.map(({ text }) => squeezed(text)), all?.why]), // prettier-ignore
    commands,
    program: null,
    references: rule.needs.map((need) => reference('make', directory, need, { file: asked.file })),
  };
}
