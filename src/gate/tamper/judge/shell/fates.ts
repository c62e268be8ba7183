/** What becomes of the failure of each command in a shell text: does it end the whole with an error, or is it lost? */
import { ASSIGNMENT, FAILS, endingOf, listEnding, plainWords } from './endings.ts';
import { constant, forgives } from './known.ts';
import { parseShell, type ShellList, type ShellNode } from './tree.ts';
import { shellTokens, type ShellToken } from './words.ts';

/** `counts`: its failure fails the whole; `lost`: certainly not; `unknown`: depends on what can't be read here. */
export type Fate = 'counts' | 'lost' | 'unknown';

/** A command of a shell text, without what only wraps it (`env`, `time`, `exec`, assignments). */
export interface ShellCommand {
  readonly words: readonly string[];
  /** Line of the text, from 1. */
  readonly line: number;
  readonly fate: Fate;
  /** Why a failure is lost; `''` else. */
  readonly why: string;
  /** Where it runs, relative to where the text began; `null` when that can't be told. */
  readonly directory: string | null;
}

/** How a shell is started. */
export interface ShellStart {
  /** `-e`: the first failure ends it. */
  readonly isStrict: boolean;
  readonly hasPipefail: boolean;
}

interface Outcome {
  readonly fate: Fate;
  readonly why: string;
}
/** `tail`: when it is what the whole ends with; `own`: when it fails as a command of its own. */
interface Place {
  readonly own: Outcome;
  readonly tail: Outcome;
  /** Inside a condition `-e` is asleep. */
  readonly isTested: boolean;
}
interface Walk {
  readonly source: string;
  readonly found: ShellCommand[];
  readonly functions: Map<string, ShellNode>;
  readonly hasFailingExit: boolean;
  isStrict: boolean;
  hasPipefail: boolean;
  /** Why nothing is reached any more. */
  dead: string | null;
  /** Why the whole ends well whatever happens. */
  trap: string | null;
  directory: string | null;
  depth: number;
  /** Nodes that may still be walked: functions that call each other would have no end. */
  left: number;
  readonly isAwaited: boolean;
}

const MAX_COMMANDS = 2000;
const MAX_NODES = 20_000;
const MAX_DEPTH = 12;
const COUNTS: Outcome = { fate: 'counts', why: '' };
const UNKNOWN: Outcome = { fate: 'unknown', why: '' };
const lost = (why: string): Outcome => ({ fate: 'lost', why });

/** What ends with 0 whatever it is given, as the last of a pipe. */
const SWALLOWS = new Set(['cat', 'tee', 'sed', 'awk', 'head', 'tail', 'tr', 'sort', 'uniq', 'ts', 'column', 'nl', 'fold', 'wc', 'less', 'more', 'true', ':', 'echo', 'printf', 'cut', 'rev', 'tac']); // prettier-ignore
const WRAPPERS = new Set(['exec', 'command', 'builtin', 'env', 'time', 'nice', 'nohup', 'timeout', 'sudo', 'xvfb-run', 'stdbuf', 'cross-env', 'cross-env-shell', 'dotenv', 'ionice', 'setsid', 'unbuffer']); // prettier-ignore

/** The command in `words` itself, without assignments and wrappers before it. */
export function unwrapped(words: readonly string[]): readonly string[] {
  let at = 0;
  for (let step = 0; step < 20 && at < words.length; step++) {
    const word = words[at] ?? '';
    if (ASSIGNMENT.test(word)) at += 1;
    else if (WRAPPERS.has(word)) {
      at += 1;
      // Options and the duration of `timeout` belong to the wrapper.
      const isOwn = word === 'timeout' ? /^[-\d]/ : /^-/;
      const end = words.findIndex((next, index) => index >= at && !isOwn.test(next));
      at = end < 0 ? words.length : end;
    } else break;
  }
  return words.slice(at);
}

/** A directory reached from another one; `null` when it leaves the tree or is not said in plain words. */
export function joinDirectory(from: string | null, to: string): string | null {
  if (from === null || /[$`*?~]/.test(to) || to.startsWith('/')) return null;
  const parts = from === '' ? [] : from.split('/');
  for (const part of to.split('/')) {
    if (part === '..' && parts.pop() === undefined) return null;
    if (part !== '' && part !== '.' && part !== '..') parts.push(part);
  }
  return parts.join('/');
}

/** What becomes of a failure in the middle of a list. */
function middle(list: ShellList, at: number, place: Place): Outcome {
  const after = plainWords(list[at + 1]?.node);
  if (/^(?:exit|return)$/.test(after[0] ?? '') && (after[1] === undefined || after[1] === '$?'))
    return COUNTS;
  if (after.some((word) => word.includes('$?'))) return UNKNOWN;
  // A status that is asked for in a condition right after it.
  const following = list[at + 1]?.node;
  if (following !== undefined && following.type !== 'simple') {
    const words = following.type === 'if' ? following.branches.flatMap(({ condition }) => condition.flatMap(({ node }) => plainWords(node))) : []; // prettier-ignore
    if (words.some((word) => word.includes('$?')) || following.type === 'case') return UNKNOWN;
  }
  const ends = after[0] === 'exit' && (after[1] ?? '') === '0';
  return place.own.fate === 'lost'
    ? place.own
    : lost(ends ? 'exit 0 follows it' : 'what comes after it decides how the script ends');
}

function walkList(list: ShellList, place: Place, walk: Walk): void {
  list.forEach(({ node, isBackground }, at) => {
    if (walk.left < 0) return;
    const isLast = at === list.length - 1;
    const after = isLast ? place.tail : middle(list, at, place);
    let own = isLast ? place.own : after;
    if (walk.isStrict && !place.isTested && !isLast) own = COUNTS;
    if (isBackground) {
      const outcome = walk.isAwaited
        ? UNKNOWN
        : lost('it runs in the background and nobody asks how it ends');
      walkNode(node, { own: outcome, tail: outcome, isTested: true }, walk);
      return;
    }
    walkNode(node, { own, tail: after, isTested: place.isTested }, walk);
  });
}

/** Walks what may be skipped: what ends the script in it does not end it always. */
function maybe(walk: Walk, dead: string | null, action: () => void): void {
  const [before, directory] = [walk.dead, walk.directory];
  walk.dead ??= dead;
  action();
  walk.dead = before;
  walk.directory = directory;
}

function walkChain(node: Extract<ShellNode, { type: 'chain' }>, place: Place, walk: Walk): void {
  const parts = [{ operator: null, node: node.first }, ...node.rest];
  parts.forEach((part, at) => {
    const handlers = parts.slice(at + 1);
    const handler = handlers.find((one) => one.operator === '||');
    let outcome = handlers.length === 0 ? place.own : place.tail;
    if (handler !== undefined) {
      const ending = endingOf(handler.node, walk.source);
      if (ending === 'zero') outcome = lost(`its failure is answered with “|| ${wordsOf(handler.node)}”`);
      else if (ending === 'fails' || ending === 'keeps') outcome = COUNTS;
      else {
        const why = forgives(
          unwrapped(plainWords(part.node)),
          plainWords(part.node),
          plainWords(handler.node),
        );
        outcome = why === null ? UNKNOWN : lost(why);
      }
    }
    const before = at === 0 ? null : constant(parts[at - 1]?.node ?? node.first, walk.source);
    const isIdle =
      (part.operator === '&&' && before === false) || (part.operator === '||' && before === true);
    // `a && b || c`: c runs in its place.
    const never = isIdle && (at < 2 || constant(node.first, '') !== null) && handlers.length === 0;
    const always = at === 0 || (part.operator === '&&' ? before === true : before === false);
    const inner: Place = { own: outcome, tail: outcome, isTested: place.isTested || handlers.length > 0 };
    if (always) walkNode(part.node, inner, walk);
    else {
      // `cd x && y`: what follows runs there, in this list and after it.
      const isCd = part.operator === '&&' && plainWords(part.node)[0] === 'cd';
      if (isCd) walkNode(part.node, inner, walk);
      else maybe(walk, never ? 'it is never reached' : null, () => walkNode(part.node, inner, walk));
    }
  });
}

function wordsOf(node: ShellNode): string {
  return node.type === 'group' ? '{ … }' : plainWords(node).join(' ').slice(0, 40);
}

function walkPipe(node: Extract<ShellNode, { type: 'pipe' }>, place: Place, walk: Walk): void {
  const last = unwrapped(plainWords(node.parts.at(-1)))[0] ?? '';
  node.parts.forEach((part, at) => {
    let outcome = place.own;
    if (at < node.parts.length - 1 && !walk.hasPipefail)
      outcome = SWALLOWS.has(last) ? lost(`its status is lost in the pipe to ${last}`) : UNKNOWN;
    if (node.isNegated) outcome = place.isTested ? UNKNOWN : lost('its status is turned round by “!”');
    maybe(walk, null, () =>
      walkNode(part, { own: outcome, tail: outcome, isTested: place.isTested || node.isNegated }, walk),
    );
  });
}

/** A failing condition leads to the next branch; what does that one say? */
function walkIf(node: Extract<ShellNode, { type: 'if' }>, place: Place, walk: Walk): void {
  for (const { condition, body } of node.branches) {
    const last = condition.at(-1)?.node;
    const isNegated = last?.type === 'pipe' && last.isNegated;
    const answer = isNegated ? body : (node.otherwise ?? []);
    const ending = node.branches.length > 1 && !isNegated ? 'unknown' : listEnding(answer, walk.source);
    let outcome = UNKNOWN;
    if (ending === 'fails') outcome = COUNTS;
    else if (ending === 'zero' && !walk.hasFailingExit)
      outcome = lost('it is only asked for in an “if” that never fails');
    if (isNegated && last.parts.length === 1)
      last.parts.forEach((part) => walkNode(part, { own: outcome, tail: outcome, isTested: true }, walk));
    else walkList(condition, { own: outcome, tail: outcome, isTested: true }, walk);
    const said = condition.length === 1 && last !== undefined ? constant(last, walk.source) : null;
    const never = said === false && (node.otherwise === null || plainWords(last)[0] === 'false');
    if (said === true) walkList(body, place, walk);
    else maybe(walk, never ? 'it is never reached' : null, () => walkList(body, place, walk));
  }
  const otherwise = node.otherwise;
  if (otherwise !== null) maybe(walk, null, () => walkList(otherwise, place, walk));
}

function walkNode(node: ShellNode, place: Place, walk: Walk): void {
  if (walk.found.length >= MAX_COMMANDS || --walk.left < 0) return;
  if (node.type === 'simple') walkSimple(node.words, place, walk);
  else if (node.type === 'chain') walkChain(node, place, walk);
  else if (node.type === 'pipe') walkPipe(node, place, walk);
  else if (node.type === 'if') walkIf(node, place, walk);
  else if (node.type === 'function') walk.functions.set(node.name, node.body);
  else if (node.type === 'case')
    for (const body of node.bodies) maybe(walk, null, () => walkList(body, place, walk));
  else if (node.type === 'loop') {
    const { condition } = node;
    if (condition !== null) walkList(condition, { own: UNKNOWN, tail: UNKNOWN, isTested: true }, walk);
    maybe(walk, null, () => walkList(node.body, place, walk));
  } else if (node.isSubshell) {
    const { isStrict, hasPipefail, dead, directory, trap } = walk;
    walkList(node.body, place, walk);
    Object.assign(walk, { isStrict, hasPipefail, dead, directory, trap });
  } else walkList(node.body, place, walk);
}

/** Options that `set` turns on and off. */
function setOptions(words: readonly string[], walk: Walk): void {
  const text = words.slice(1).join(' ');
  if (/(?:^|\s)-\w*e/.test(text) || /-o errexit/.test(text)) walk.isStrict = true;
  if (/(?:^|\s)\+\w*e/.test(text) || /\+o errexit/.test(text)) walk.isStrict = false;
  if (/-\w*o pipefail/.test(text)) walk.hasPipefail = true;
  if (/\+o pipefail/.test(text)) walk.hasPipefail = false;
}

function setTrap(words: readonly string[], walk: Walk): void {
  const [, action = '', ...signals] = words;
  const isAtEnd = signals.some((signal) => /^(?:EXIT|ERR|0)$/.test(signal));
  if (isAtEnd && /\bexit\s+0|\bexec\s+(?:true|echo)\b/.test(action))
    walk.trap = `a trap ends the script with “${action.slice(0, 40)}”`;
}

/** Commands of a text within a text stand where that one stands. */
function standAt(line: number, from: number, walk: Walk): void {
  walk.found.splice(from, Infinity, ...walk.found.slice(from).map((one) => ({ ...one, line })));
}

/** Shells that are given a text: it is read as if it stood here. */
function walkText(words: readonly string[], line: number, place: Place, walk: Walk): boolean {
  const [program = '', ...rest] = words;
  let text: string | undefined;
  let isStrict = false;
  if (program === 'eval') text = rest.join(' ');
  else if (/^(?:.*\/)?(?:ba|z|da|k|a)?sh$/.test(program)) {
    const at = rest.findIndex((word) => /^-\w*c$/.test(word));
    if (at >= 0 && rest.slice(0, at).every((word) => word.startsWith('-') || word === 'pipefail')) {
      text = rest[at + 1];
      isStrict = rest.slice(0, at + 1).some((word) => /^-\w*e/.test(word));
    }
  }
  if (text === undefined || walk.depth >= MAX_DEPTH) return false;
  const { isStrict: before, directory, dead } = walk;
  walk.depth += 1;
  const from = walk.found.length;
  if (program !== 'eval') walk.isStrict = isStrict;
  walkList(parseShell(text), place, walk);
  standAt(line, from, walk);
  walk.depth -= 1;
  if (program !== 'eval') Object.assign(walk, { isStrict: before, directory, dead });
  return true;
}

function record(words: readonly string[], line: number, place: Place, walk: Walk): void {
  let outcome = place.own;
  if (walk.trap !== null) outcome = lost(walk.trap);
  if (walk.dead !== null) outcome = lost(walk.dead);
  walk.found.push({ words, line, ...outcome, directory: walk.directory });
}

/** Commands in `$(…)`: their status is that of an assignment, and nobody's elsewhere. */
function walkInner(words: readonly ShellToken[], place: Place, walk: Walk): void {
  if (walk.depth >= MAX_DEPTH) return;
  const isAssignment = words.every((word) => ASSIGNMENT.test(word.text));
  const isTest = ['[', '[[', 'test'].includes(words[0]?.text ?? '');
  const outcome = isTest ? UNKNOWN : lost('only what it prints is used');
  for (const inner of words.flatMap((word) => word.inner)) {
    const { directory, dead } = walk;
    walk.depth += 1;
    const from = walk.found.length;
    walkList(
      parseShell(inner),
      isAssignment ? { ...place, tail: place.own } : { own: outcome, tail: outcome, isTested: true },
      walk,
    );
    standAt(words[0]?.line ?? 1, from, walk);
    walk.depth -= 1;
    Object.assign(walk, { directory, dead });
  }
}

function walkSimple(tokens: readonly ShellToken[], place: Place, walk: Walk): void {
  const all = tokens.map((token) => token.text);
  const words = unwrapped(all);
  const line = tokens[0]?.line ?? 1;
  walkInner(tokens, place, walk);
  const [program = '', argument = ''] = words;
  const isExec = all.includes('exec') && words.length > 0 && all.indexOf('exec') < all.length - words.length;
  if (words.length === 0) return;
  const body = walk.functions.get(program);
  if (body !== undefined && walk.depth < MAX_DEPTH) {
    const { dead } = walk;
    walk.depth += 1;
    walkNode(body, place, walk);
    walk.depth -= 1;
    // `return` leaves the function alone.
    if (walk.dead === 'return comes before it') walk.dead = dead;
    return;
  }
  if (!walkText(words, line, isExec ? { ...place, own: COUNTS } : place, walk)) {
    const isEnd = isExec && place.own.why !== '' && !place.isTested && place.own.why.includes('after it');
    record(words, line, isEnd ? { ...place, own: COUNTS } : place, walk);
  }
  if (program === 'set') setOptions(words, walk);
  else if (program === 'trap') setTrap(words, walk);
  else if (program === 'cd' || program === 'pushd') walk.directory = joinDirectory(walk.directory, argument);
  else if (program === 'exit') walk.dead ??= `exit ${argument} comes before it`.replace('  ', ' ');
  else if (program === 'return') walk.dead ??= 'return comes before it';
  else if (isExec) walk.dead ??= 'exec comes before it';
}

/**
 * The commands of a shell text, each with what becomes of its failure.
 *
 * @param directory where it runs, relative to the repository's root
 */
export function commandsOf(
  source: string,
  start: ShellStart,
  directory: string | null = '',
): readonly ShellCommand[] {
  const words = shellTokens(source).map((token) => token.text);
  const hasFailingExit = words.some(
    (word, at) =>
      FAILS.test(word) || (/^(?:exit|return)$/.test(word) && !/^(?:0|\n|;)?$/.test(words[at + 1] ?? '')),
  );
  const walk: Walk = {
    source,
    found: [],
    functions: new Map(),
    hasFailingExit,
    isStrict: start.isStrict,
    hasPipefail: start.hasPipefail,
    dead: null,
    trap: null,
    directory,
    depth: 0,
    left: MAX_NODES,
    isAwaited: /\bwait\s+(?:-\w+\s+)?(?:-n|["']?[$%])/.test(source),
  };
  walkList(parseShell(source), { own: COUNTS, tail: COUNTS, isTested: false }, walk);
  return walk.found;
}
