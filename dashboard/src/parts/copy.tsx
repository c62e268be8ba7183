/** Text that is there to be taken along. */
import { useState, type ReactNode } from 'react';
import { Icon } from './icon.tsx';
import { shown } from './words.ts';

const THANKS_MS = 1500;

async function toClipboard(text: string): Promise<boolean> {
  // Without TLS a browser has no clipboard beyond this machine.
  if (navigator.clipboard === undefined) return false;
  return navigator.clipboard.writeText(text).then(
    () => true,
    () => false,
  );
}

/** A button that copies. @param what what it is, for who does not see the sign */
export function Copy({ text, what }: { readonly text: string; readonly what: string }): ReactNode {
  return <CopyLater text={() => text} what={what} />;
}

/** The same for a text that is made when it is copied, because it may be long. */
export function CopyLater({ text, what }: { readonly text: () => string; readonly what: string }): ReactNode {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async (): Promise<void> => {
    setSaid((await toClipboard(text())) ? 'Copied' : 'Mark it, and copy it by hand');
    setTimeout(() => setSaid(null), THANKS_MS);
  };
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={`Copy ${what}`}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      <Icon name={said === 'Copied' ? 'tick' : 'copy'} />
      <span className="unseen" role="status">
        {said}
      </span>
    </button>
  );
}

/** A command or an address in a line of its own, with the button that copies it. */
export function Line({ text, what }: { readonly text: string; readonly what: string }): ReactNode {
  return (
    <span className="copy-line">
      <code tabIndex={0}>{shown(text)}</code>
      <Copy text={text} what={what} />
    </span>
  );
}
