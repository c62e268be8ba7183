/** How to mend something, with each command in it to be taken along. */
import type { ReactNode } from 'react';
import { Copy } from './copy.tsx';
import { shown } from './words.ts';

/** Advice that is a command and nothing else. */
const COMMAND = /^(?:sudo )?(?:npm|uv|pip|brew|apk|dnf|pacman|zypper|apt-get|sysctl|chmod) [^,;]+$/;

/** The parts of advice: words, and commands, which stand in backticks, or are the whole of it. */
export function partsOf(advice: string): readonly { readonly text: string; readonly isCommand: boolean }[] {
  if (COMMAND.test(advice)) return [{ text: advice, isCommand: true }];
  return advice
    .split('`')
    .map((text, at, all) => ({ text, isCommand: at % 2 === 1 && at < all.length - 1 }))
    .filter(({ text }) => text !== '');
}

/** The advice. */
export function Mending({ text }: { readonly text: string }): ReactNode {
  return (
    <p className="fix">
      {partsOf(text).map(({ text: part, isCommand }) =>
        isCommand ? (
          <span key={part} className="fix-command">
            <code>{shown(part)}</code>
            <Copy text={part} what={part} />
          </span>
        ) : (
          <span key={part}>{shown(part)}</span>
        ),
      )}
    </p>
  );
}
