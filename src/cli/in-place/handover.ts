/** A handover for a terminal. */
import type { Handover, Round } from '../../job/in-place/handover.ts';
import { cleanLine, cleanText } from '../text.ts';

const MAX_SAID_CHARS = 600;

function roundLines(round: Round, at: number): string[] {
  const said = round.said === null ? 'before any agent' : (cleanText(round.said.trim()).split('\n')[0] ?? '');
  return [
    `round ${at + 1}: ${cleanLine(round.verdict)}${said === '' ? '' : `; ${said.slice(0, MAX_SAID_CHARS)}`}`,
    ...round.failing.map((one) => `  ${cleanLine(one.check)}: ${cleanLine(one.reason)}`),
  ];
}

/** Renders a handover for a terminal. */
export function renderHandover(handover: Handover): string {
  const failing = handover.failing.flatMap((one) => [
    `${cleanLine(one.check)} (${cleanLine(one.command)}): ${cleanLine(one.reason)}`,
    ...one.failures.map((name) => `  ${cleanLine(name)}`),
    ...(one.log === null ? [] : [`  log: ${one.log}`]),
  ]);
  const where = [
    ...(handover.branch === null ? [] : [`branch ${handover.branch}`]),
    ...(handover.saved === null ? [] : [`saved as ${handover.saved}`]),
  ];
  const parts: readonly (readonly [string, readonly string[]])[] = [
    ['asked', [cleanLine(handover.asked.split('\n')[0] ?? '')]],
    ['tried', handover.rounds.flatMap(roundLines)],
    ['still failing', failing],
    ['the work', where],
    ['look at it', handover.look],
    ['go on', handover.go_on],
    ['discard it', handover.discard],
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) => `${name}\n${lines.map((line) => `  ${line}\n`).join('')}`)
    .join('');
}
