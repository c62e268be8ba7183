/** Text with the colours of a terminal, as elements: nothing of it is ever taken for HTML. */
import Anser from 'anser';
import { memo, type ReactNode } from 'react';
import { shown } from '../../parts/words.ts';

const ESCAPE = '\u001b';
/** Commands of terminals that set no colour: titles, links, movements of the cursor. */
const OTHER_COMMANDS =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[A-HJKSTfhlnrsu]|\u001b[()][A-Z0-9]|\u001b[=>78cDEHM]/g;
/** Colours are named by classes, so that both themes have their own. */
const NAMED = /^ansi-(bright-)?(black|red|green|yellow|blue|magenta|cyan|white)$/;

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

function colour(name: string | null, isGround: boolean): string {
  return name !== null && NAMED.test(name) ? `${isGround ? 'on-' : ''}${name} ` : '';
}

/** The text. */
export const Ansi = memo(function Ansi({ text }: { readonly text: string }): ReactNode {
  const told = settled(text);
  if (!told.includes(ESCAPE)) return <>{shown(told)}</>;
  const parts = Anser.ansiToJson(told, { json: true, use_classes: true, remove_empty: true });
  return (
    <>
      {parts.map((part, at) => {
        const style = part.decorations.map((one) => `ansi-${one} `).join('');
        const className = `${colour(part.fg, false)}${colour(part.bg, true)}${style}`.trim();
        return className === '' ? (
          shown(part.content)
        ) : (
          // Parts have no name but their place.
          // oxlint-disable-next-line react/no-array-index-key
          <span key={at} className={className}>
            {shown(part.content)}
          </span>
        );
      })}
    </>
  );
});
