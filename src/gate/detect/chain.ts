/**
 * The parts of a check that is a chain of commands (`a && b`), also through one package script: where `a` is red
 * on the base, `b` has never run there. Reads text only.
 */
import type { Check } from '../../job/gate.ts';
import type { RepoFiles } from '../files.ts';
import { parsePackageJson } from '../project/package-json.ts';

/** Most parts of one check; a longer chain is left whole. */
const MAX_PARTS = 10;
// Where the package manager finds its scripts' programs.
const SCRIPT_PATH = 'export PATH="$PWD/node_modules/.bin:$PATH"';
// What stands in a part for those after it: directories and variables.
const STAYS = /^(?:cd|export|set|source|unset|umask|\.)\s/;
const RUN =
  /^(?:(npm|pnpm|yarn|bun) (?:run|run-script) (?:(?:-s|--silent) )?|npm (?=t(?:est)?$)|pnpm (?=test$)|yarn (?=test$))'?([\w:.-]+)'?$/;

/** The parts of a chain, or `null` when `&&` does not join the whole of it. Quotes and parentheses are respected. */
export function splitChain(command: string): readonly string[] | null {
  const parts: string[] = [];
  let [start, quote, depth] = [0, '', 0];
  for (let at = 0; at < command.length; at++) {
    const character = command[at] ?? '';
    if (character === '\\' && quote !== "'") at++;
    else if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'" || character === '`') quote = character;
    else if (character === '(' || character === '{') depth++;
    else if (character === ')' || character === '}') depth--;
    else if (depth > 0) continue;
    else if (command.startsWith('&&', at)) {
      parts.push(command.slice(start, at).trim());
      start = at + 2;
      at++;
    } else if (/[;\n#]/.test(character) || command.startsWith('||', at) || command.startsWith('<<', at))
      return null;
    else if (character === '&' && !/[<>]/.test(command[at - 1] ?? '') && command[at + 1] !== '>') return null;
  }
  parts.push(command.slice(start).trim());
  return quote !== '' || depth !== 0 || parts.includes('') ? null : parts;
}

function withPlaces(parts: readonly string[]): readonly string[] {
  const before: string[] = [];
  return parts.flatMap((part) => {
    if (STAYS.test(part)) {
      before.push(part);
      return [];
    }
    return [[...before, part].join(' && ')];
  });
}

/** What a check runs one after the other; empty when it is one command, or can't be taken apart. */
export function partsOf(command: string, scripts: Readonly<Record<string, string>>): readonly string[] {
  const run = RUN.exec(command.trim());
  const name = run?.[2] === 't' ? 'test' : run?.[2];
  const script = name === undefined ? undefined : scripts[name];
  const texts =
    name === undefined || script === undefined
      ? [command]
      : [scripts[`pre${name}`], script, scripts[`post${name}`]].filter((text) => text !== undefined);
  const split = texts.map(splitChain);
  if (split.some((parts) => parts === null)) return [];
  const parts = split.flatMap((one) => withPlaces(one ?? []));
  if (parts.length < 2 || parts.length > MAX_PARTS) return [];
  return script === undefined ? parts : parts.map((part) => `${SCRIPT_PATH} && ${part}`);
}

/** The checks, each with its parts where it has any. */
export async function withParts(checks: readonly Check[], files: RepoFiles): Promise<readonly Check[]> {
  const text = await files.read('package.json');
  const scripts = (text === null ? null : parsePackageJson(text))?.scripts ?? {};
  return checks.map((check) => {
    const parts = partsOf(check.command, scripts);
    return parts.length === 0 ? check : { ...check, parts };
  });
}
