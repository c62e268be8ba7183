/** What a terminal makes of text, without one. Pure. */
import Anser from 'anser';

/** What commands of terminals begin with. */
export const ESCAPE: string = '\u001b';
/** Commands of terminals that set no colour: titles, links, movements of the cursor. */
const OTHER_COMMANDS =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[A-HJKSTfhlnrsu]|\u001b[()][A-Z0-9]|\u001b[=>78cDEHM]/g;
/** What a terminal would show in the end: what was overwritten in a line is gone, and so are its commands. */
export function settled(text: string): string {
  const whole = text.includes(ESCAPE) ? text.replace(OTHER_COMMANDS, '') : text;
  if (!whole.includes('\r')) return whole;
  return whole
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '')
    .join('\n');
}

/** Text without its colours, for searching. */
export function plain(text: string): string {
  const told = settled(text);
  return told.includes(ESCAPE) ? Anser.ansiToText(told) : told;
}
