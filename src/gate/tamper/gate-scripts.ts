/** Rules of the tamper guard about what the gate's commands call: package scripts, Make targets, script files. */
import type { Check, TamperFinding } from '../../job/gate.ts';
import type { Change } from './change.ts';
import { baseName, type RepoFiles } from '../files.ts';
import { parsePackageJson } from '../project/package-json.ts';

const MAX_SCRIPTS = 200;

/** A command that can't fail, whatever it is given. */
const TRIVIAL =
  /^(?:@|-)*\s*(?:true|:|exit(?: 0)?|return(?: 0)?|(?:echo|printf)\b[^&|;]*|cd \.|test 1|\[ 1 \]|(?:node|python3?|ruby|php|sh|bash) -[ecr]\s*(?:""|''|"(?:0|1|pass|true|process\.exit\(0?\))"|'(?:0|1|pass|true|process\.exit\(0?\))'|0|1)|exit 0.*)?\s*$/;
/** A part that drops the exit code of what came before it, or keeps tests from being run. */
const FORGIVING =
  /\|\|\s*(?:true\b|:(?=\s|$)|exit 0|echo\b|printf\b|\(?\s*exit 0)|;\s*(?:true|:|exit 0)\s*$|&&\s*false\s*\|\||--pass-?with-?no-?tests\b|--listTests\b|--list-tests\b|--collect-only\b|--co\b|--exit-zero\b|--exit-code[= ]0\b|-DskipTests\b|-Dmaven\.test\.skip|--no-run\b|\bset \+e\b|--dry-run\b|\s&\s*$/i;

/** Whether a shell command passes whatever the code does. */
export function isGutted(command: string): boolean {
  const text = command.trim();
  if (FORGIVING.test(text)) return true;
  return text.split(/&&|;|\n/).every((part) => TRIVIAL.test(part.trim()));
}

/** Names of package scripts that a command runs. */
export function scriptsIn(command: string): readonly string[] {
  const names: string[] = [];
  const call =
    /\b(?:npm|pnpm|yarn|bun)\b((?:\s+(?:--?[\w-]+(?:=\S+)?|run|run-script|workspaces|foreach|exec))*)\s+'?([\w:./@-]+)'?|\bnode\s+--run\s+([\w:./-]+)/g;
  for (const match of command.matchAll(call)) {
    const name = match[2] ?? match[3] ?? '';
    names.push(name === 't' || name === 'tst' ? 'test' : name);
  }
  return names;
}

/** All scripts that the gate's commands reach, through other scripts and `pre`/`post` too. */
function reached(scripts: Readonly<Record<string, string>>, checks: readonly Check[]): ReadonlySet<string> {
  const open = checks.flatMap((check) => scriptsIn(check.command));
  const found = new Set<string>();
  while (open.length > 0 && found.size < MAX_SCRIPTS) {
    const name = open.pop() ?? '';
    if (found.has(name)) continue;
    found.add(name);
    for (const around of [`pre${name}`, `post${name}`]) if (scripts[around] !== undefined) open.push(around);
    const text = scripts[name] ?? '';
    if (
      !/\b(?:npm|pnpm|yarn|bun|run-s|run-p|npm-run-all|turbo|nx|wireit|concurrently|node --run)\b/.test(text)
    )
      continue;
    const words = new Set(text.split(/[^\w:./-]+/));
    open.push(...Object.keys(scripts).filter((other) => words.has(other)));
  }
  return found;
}

function finding(
  kind: 'gutted_script' | 'gate_script',
  file: string,
  line: number | null,
  detail: string,
): TamperFinding {
  return { kind, severity: kind === 'gutted_script' ? 'block' : 'draft', file, line, detail };
}

function lineOf(text: string, needle: string): number | null {
  const at = text.indexOf(needle);
  return at < 0 ? null : text.slice(0, at).split('\n').length;
}

/** One command of the gate on both sides; `null` when there is none. */
function compare(
  file: string,
  text: string,
  what: string,
  before: string | undefined,
  after: string | undefined,
  needle: string,
): TamperFinding | null {
  if (before === after) return null;
  const line = lineOf(text, needle);
  if (after !== undefined && isGutted(after) && (before === undefined || !isGutted(before))) {
    return finding(
      'gutted_script',
      file,
      line,
      `${what} no longer fails on errors: ${after.trim().slice(0, 160)}`,
    );
  }
  if (after === undefined) return finding('gate_script', file, line, `${what} is gone`);
  return finding(
    'gate_script',
    file,
    line,
    `${what} is ${before === undefined ? 'new' : 'changed'}: ${after.trim().slice(0, 160)}`,
  );
}

function packageScripts(
  path: string,
  before: string,
  after: string,
  checks: readonly Check[],
): readonly TamperFinding[] {
  const [base, head] = [parsePackageJson(before)?.scripts ?? {}, parsePackageJson(after)?.scripts ?? {}];
  const names = new Set([...reached(base, checks), ...reached(head, checks)]);
  return [...names]
    .sort()
    .map((name) => compare(path, after, `the script "${name}"`, base[name], head[name], `"${name}"`))
    .filter((one) => one !== null);
}

/** Targets of a Makefile or recipes of a justfile: prerequisites and commands as one text. */
function recipesOf(
  text: string,
): ReadonlyMap<string, { readonly needs: readonly string[]; readonly commands: string }> {
  const recipes = new Map<string, { needs: readonly string[]; commands: string }>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const head = /^@?([A-Za-z0-9_][^:=\n]{0,300})::?(?![=:])([^\n]*)$/.exec(line);
    if (head !== null) {
      const needs = (head[2] ?? '')
        .replace(/[#;].*$/, '')
        .trim()
        .split(/\s+/)
        .filter(Boolean);
      current = (head[1] ?? '').trim().split(/\s+/);
      for (const name of current) recipes.set(name, { needs, commands: recipes.get(name)?.commands ?? '' });
    } else if (/^[ \t]+\S/.test(line)) {
      for (const name of current) {
        const recipe = recipes.get(name);
        if (recipe !== undefined) recipe.commands += `${line.trim()}\n`;
      }
    } else if (line.trim() !== '' && !line.startsWith('#')) current = [];
  }
  return recipes;
}

function isGuttedRecipe(commands: string): boolean {
  const lines = commands.split('\n').filter((line) => line.trim() !== '');
  return (
    lines.length === 0 ||
    isGutted(commands.trim()) ||
    lines.some((line) => /^@?-/.test(line) || FORGIVING.test(line))
  );
}

function taskTargets(
  path: string,
  before: string,
  after: string,
  checks: readonly Check[],
): readonly TamperFinding[] {
  const [base, head] = [recipesOf(before), recipesOf(after)];
  const open = checks.flatMap((check) =>
    [...check.command.matchAll(/\b(?:make|just)\b(?:\s+-\S+)*\s+([\w.-]+)/g)].map((match) => match[1] ?? ''),
  );
  const seen = new Set<string>();
  const found: TamperFinding[] = [];
  while (open.length > 0 && seen.size < MAX_SCRIPTS) {
    const name = open.pop() ?? '';
    if (seen.has(name)) continue;
    seen.add(name);
    const [one, other] = [base.get(name), head.get(name)];
    if (one === undefined) continue;
    open.push(...one.needs);
    if (
      other !== undefined &&
      one.commands === other.commands &&
      one.needs.join(' ') === other.needs.join(' ')
    )
      continue;
    const fewer = other === undefined || one.needs.some((need) => !other.needs.includes(need));
    const gutted = other !== undefined && isGuttedRecipe(other.commands) && !isGuttedRecipe(one.commands);
    const emptied =
      fewer && other !== undefined && isGuttedRecipe(other.commands) && other.needs.length === 0;
    const kind = gutted || emptied ? 'gutted_script' : 'gate_script';
    found.push(
      finding(
        kind,
        path,
        lineOf(after, `${name}:`),
        `the target "${name}" ${kind === 'gutted_script' ? 'no longer fails on errors' : 'is changed'}`,
      ),
    );
  }
  return found;
}

/** A script file without comments and blank lines. */
function isGuttedFile(text: string): boolean {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('set -'));
  return (
    lines.every((line) => TRIVIAL.test(line)) ||
    /^exit(?: 0)?\s*$/.test(lines[0] ?? '') ||
    lines.some((line) => FORGIVING.test(line))
  );
}

const INTERPRETER = /^(?:node|nodejs|deno|bun|tsx|ts-node|python[\d.]*|sh|bash|zsh|ruby|perl|php)$/;
/** Options after which an interpreter does not run the file it is given as a script. */
const RUNS_NO_FILE = /^(?:--check|-c|-e|-m|--eval|--test|--print|-p|-n|-l|--syntax-check)$/;

/** Whether a command of the gate, or a script it reaches, runs the file; being looked at by one is no finding. */
function isRun(path: string, commands: readonly string[]): boolean {
  const isIt = (word: string | undefined): boolean => word?.replace(/^\.\//, '') === path;
  return commands.some((command) =>
    command.split(/[;&|()\n]+/).some((part) => {
      const words = part.split(/[\s'"]+/).filter((word) => word !== '' && !/^\w+=/.test(word));
      const [program = '', ...rest] = words;
      if (isIt(program)) return true;
      if (!INTERPRETER.test(program)) return false;
      const at = rest.findIndex((word) => !word.startsWith('-') && word !== 'run');
      return isIt(rest[at]) && !rest.slice(0, at).some((word) => RUNS_NO_FILE.test(word));
    }),
  );
}

/** Findings about what the gate's commands call. */
export async function findScriptChanges(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
  checks: readonly Check[],
): Promise<readonly TamperFinding[]> {
  const found: TamperFinding[] = [];
  const rootScripts = parsePackageJson((await base.read('package.json')) ?? '')?.scripts ?? {};
  const used = reached(rootScripts, checks);
  const commands = [
    ...checks.map((check) => check.command),
    ...[...used].map((name) => rootScripts[name] ?? ''),
  ];
  for (const change of changes) {
    const oldPath = change.oldPath ?? change.path;
    const before = change.status === 'added' ? null : await base.read(oldPath);
    const after = change.status === 'deleted' ? null : await head.read(change.path);
    if (before === after) continue;
    const name = baseName(change.path);
    if (/^(?:package|composer)\.json$/.test(name) && !change.path.includes('node_modules/')) {
      found.push(...packageScripts(change.path, before ?? '{}', after ?? '{}', checks));
    } else if (/^(?:GNUmakefile|[Mm]akefile|\.?[Jj]ustfile)$/.test(name)) {
      found.push(...taskTargets(change.path, before ?? '', after ?? '', checks));
    } else if (
      isRun(oldPath, commands) &&
      /(?:^|\/)[\w.-]+(?:\.(?:sh|bash|py|[cm]?js|ts|rb|pl))?$/.test(oldPath)
    ) {
      const gutted = after !== null && isGuttedFile(after) && !isGuttedFile(before ?? '');
      const detail = gutted
        ? 'a command of the gate runs it, and it no longer fails on errors'
        : 'a command of the gate runs it';
      found.push(finding(gutted ? 'gutted_script' : 'gate_script', change.path, null, detail));
    }
  }
  return found;
}
