/** How commands end that answer the failure of another one. */
import type { ShellList, ShellNode } from './tree.ts';

/** Programmes and functions that fail whatever they are given. */
export const FAILS = /^(?:false|die|fail|fatal|abort|error|err|bail)$/;
/** A word before a command that sets a variable. */
export const ASSIGNMENT = /^[A-Za-z_]\w*\+?=/;

/** How a command ends that is run because another one failed: `keeps` hands on the failure. */
export type Ending = 'fails' | 'zero' | 'keeps' | 'unknown';

/** How a command ends that is run because another one failed. */
export function endingOf(node: ShellNode | undefined, source: string): Ending {
  if (node === undefined) return 'zero';
  if (node.type === 'group') return listEnding(node.body, source);
  if (node.type === 'chain') {
    const own = endingOf(node.first, source);
    const rest = node.rest.map((part) => endingOf(part.node, source));
    return [own, ...rest].every((one) => one === 'zero') ? 'zero' : 'unknown';
  }
  if (node.type !== 'simple') return 'unknown';
  const [program = '', argument] = node.words.map((word) => word.text);
  if (program === 'exit' || program === 'return') {
    if (argument === undefined || argument === '$?') return 'keeps';
    return /^\d+$/.test(argument) ? (Number(argument) % 256 === 0 ? 'zero' : 'fails') : 'unknown';
  }
  if (FAILS.test(program)) return 'fails';
  if (['true', ':', 'echo', 'printf', ''].includes(program)) return 'zero';
  if (ASSIGNMENT.test(program)) {
    const name = program.replace(/\+?=.*$/s, '');
    return source.includes(`$${name}`) || source.includes(`\${${name}`) ? 'unknown' : 'zero';
  }
  return 'unknown';
}

/** The same of a list: its first `exit` decides, else what comes last. */
export function listEnding(list: ShellList, source: string): Ending {
  for (const { node } of list) {
    const isEnd = node.type === 'simple' && /^(?:exit|return)$/.test(node.words[0]?.text ?? '');
    if (isEnd) return endingOf(node, source) === 'keeps' ? 'zero' : endingOf(node, source);
  }
  return endingOf(list.at(-1)?.node, source);
}

/** The words of a node when it is a plain command. */
export function plainWords(node: ShellNode | undefined): readonly string[] {
  return node?.type === 'simple' ? node.words.map((word) => word.text) : [];
}
