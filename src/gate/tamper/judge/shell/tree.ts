/** The structure of a `sh` text: lists, pipelines, conditions, loops, functions. Tolerant and bounded. */
import { shellTokens, type ShellToken } from './words.ts';

/** A command and how it stands to the others. */
export type ShellNode =
  | { readonly type: 'simple'; readonly words: readonly ShellToken[] }
  | { readonly type: 'pipe'; readonly parts: readonly ShellNode[]; readonly isNegated: boolean }
  | { readonly type: 'chain'; readonly first: ShellNode; readonly rest: readonly ChainPart[] }
  | { readonly type: 'group'; readonly body: ShellList; readonly isSubshell: boolean }
  | { readonly type: 'if'; readonly branches: readonly Branch[]; readonly otherwise: ShellList | null }
  | { readonly type: 'loop'; readonly condition: ShellList | null; readonly body: ShellList }
  | { readonly type: 'case'; readonly bodies: readonly ShellList[] }
  | { readonly type: 'function'; readonly name: string; readonly body: ShellNode };

interface ChainPart {
  readonly operator: '&&' | '||';
  readonly node: ShellNode;
}
interface Branch {
  readonly condition: ShellList;
  readonly body: ShellList;
}
/** Commands one after the other. */
export type ShellList = readonly { readonly node: ShellNode; readonly isBackground: boolean }[];

/** Deepest nesting that is read. */
const MAX_DEPTH = 40;
/** Most commands that are joined by `&&` and `||`. */
const MAX_PARTS = 500;

interface Reader {
  readonly tokens: readonly ShellToken[];
  at: number;
  depth: number;
}

const EMPTY: ShellNode = { type: 'simple', words: [] };

function peek(reader: Reader): ShellToken | undefined {
  return reader.tokens[reader.at];
}
function isOperator(reader: Reader, ...texts: readonly string[]): boolean {
  const token = peek(reader);
  return token?.kind === 'operator' && texts.includes(token.text);
}
function isKeyword(reader: Reader, ...texts: readonly string[]): boolean {
  const token = peek(reader);
  return token?.kind === 'word' && !token.isQuoted && texts.includes(token.text);
}
function skipLines(reader: Reader): void {
  while (isOperator(reader, '\n')) reader.at += 1;
}
/** Steps over a keyword when it is there. */
function accept(reader: Reader, ...texts: readonly string[]): boolean {
  if (!isKeyword(reader, ...texts)) return false;
  reader.at += 1;
  return true;
}

function list(reader: Reader, ...ends: readonly string[]): ShellList {
  const items: { node: ShellNode; isBackground: boolean }[] = [];
  reader.depth += 1;
  while (reader.at < reader.tokens.length && reader.depth < MAX_DEPTH) {
    while (isOperator(reader, '\n', ';')) reader.at += 1;
    if (reader.at >= reader.tokens.length) break;
    if (isKeyword(reader, ...ends) || isOperator(reader, ')', ';;', ';&', ';;&')) break;
    const before = reader.at;
    const node = chain(reader);
    const isBackground = isOperator(reader, '&');
    if (isBackground) reader.at += 1;
    items.push({ node, isBackground });
    // A word that fits nowhere must not stop the reading.
    if (reader.at === before) reader.at += 1;
  }
  reader.depth -= 1;
  return items;
}

function chain(reader: Reader): ShellNode {
  const first = pipeline(reader);
  const rest: ChainPart[] = [];
  while (isOperator(reader, '&&', '||') && rest.length < MAX_PARTS) {
    const operator = peek(reader)?.text === '&&' ? '&&' : '||';
    reader.at += 1;
    skipLines(reader);
    rest.push({ operator, node: pipeline(reader) });
  }
  return rest.length === 0 ? first : { type: 'chain', first, rest };
}

function pipeline(reader: Reader): ShellNode {
  let isNegated = false;
  while (accept(reader, '!')) isNegated = !isNegated;
  accept(reader, 'time');
  const parts = [command(reader)];
  while (isOperator(reader, '|', '|&')) {
    reader.at += 1;
    skipLines(reader);
    parts.push(command(reader));
  }
  const [only] = parts;
  return parts.length === 1 && !isNegated && only !== undefined ? only : { type: 'pipe', parts, isNegated };
}

function ifCommand(reader: Reader): ShellNode {
  const branches: Branch[] = [];
  do {
    const condition = list(reader, 'then', 'elif', 'else', 'fi');
    accept(reader, 'then');
    branches.push({ condition, body: list(reader, 'elif', 'else', 'fi') });
  } while (accept(reader, 'elif'));
  const otherwise = accept(reader, 'else') ? list(reader, 'fi') : null;
  accept(reader, 'fi');
  return { type: 'if', branches, otherwise };
}

function loop(reader: Reader): ShellNode {
  const isFor = peek(reader)?.text === 'for' || peek(reader)?.text === 'select';
  reader.at += 1;
  let condition: ShellList | null = null;
  if (isFor) {
    while (reader.at < reader.tokens.length && !isKeyword(reader, 'do')) reader.at += 1;
  } else condition = list(reader, 'do');
  accept(reader, 'do');
  const body = list(reader, 'done');
  accept(reader, 'done');
  return { type: 'loop', condition, body };
}

function caseCommand(reader: Reader): ShellNode {
  const bodies: ShellList[] = [];
  while (reader.at < reader.tokens.length && !accept(reader, 'in')) reader.at += 1;
  while (reader.at < reader.tokens.length && !accept(reader, 'esac')) {
    while (reader.at < reader.tokens.length && !isOperator(reader, ')') && !isKeyword(reader, 'esac'))
      reader.at += 1;
    if (isKeyword(reader, 'esac')) continue;
    reader.at += 1;
    bodies.push(list(reader, 'esac'));
    while (isOperator(reader, ';;', ';&', ';;&', '\n', ';')) reader.at += 1;
  }
  return { type: 'case', bodies };
}

function group(reader: Reader, isSubshell: boolean): ShellNode {
  reader.at += 1;
  const body = list(reader, ...(isSubshell ? [] : ['}']));
  if (isSubshell ? isOperator(reader, ')') : isKeyword(reader, '}')) reader.at += 1;
  return { type: 'group', body, isSubshell };
}

/** A function's definition at the reader, or `null`. */
function definition(reader: Reader): ShellNode | null {
  const hasKeyword = isKeyword(reader, 'function');
  const name = reader.tokens[reader.at + (hasKeyword ? 1 : 0)];
  const [open, close] = [1, 2].map((more) => reader.tokens[reader.at + (hasKeyword ? 1 : 0) + more]);
  const hasBrackets = open?.text === '(' && open.kind === 'operator' && close?.text === ')';
  if (name?.kind !== 'word' || (!hasKeyword && !hasBrackets)) return null;
  reader.at += (hasKeyword ? 2 : 1) + (hasBrackets ? 2 : 0);
  skipLines(reader);
  return { type: 'function', name: name.text, body: command(reader) };
}

function command(reader: Reader): ShellNode {
  if (reader.depth >= MAX_DEPTH) return EMPTY;
  if (isOperator(reader, '(')) return group(reader, true);
  if (isKeyword(reader, '{')) return group(reader, false);
  if (accept(reader, 'if')) return ifCommand(reader);
  if (isKeyword(reader, 'for', 'select', 'while', 'until')) return loop(reader);
  if (accept(reader, 'case')) return caseCommand(reader);
  const defined = definition(reader);
  if (defined !== null) return defined;
  const words: ShellToken[] = [];
  for (let token = peek(reader); token?.kind === 'word'; token = peek(reader)) {
    words.push(token);
    reader.at += 1;
  }
  return { type: 'simple', words };
}

/** Reads a shell text; what can't be understood is left out. */
export function parseShell(source: string): ShellList {
  const reader: Reader = { tokens: shellTokens(source), at: 0, depth: 0 };
  const items = [...list(reader)];
  // A bracket too many ends a list early: what comes after it is read all the same.
  while (reader.at < reader.tokens.length) {
    const before = reader.at;
    reader.at += 1;
    items.push(...list(reader));
    if (reader.at <= before) break;
  }
  return items;
}
