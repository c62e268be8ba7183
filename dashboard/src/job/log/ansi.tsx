/** Text with the colours of a terminal, as elements: nothing of it is ever taken for HTML. */
import Anser from 'anser';
import { memo, type ReactNode } from 'react';
import { shown } from '../../parts/words.ts';
import { ESCAPE, settled } from './terminal.ts';

/** Colours are named by classes, so that both themes have their own. */
const NAMED = /^ansi-(bright-)?(black|red|green|yellow|blue|magenta|cyan|white)$/;

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
