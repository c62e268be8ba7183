/** What is shown instead of content: while it loads, where there is none, and where something went wrong. */
import type { ReactNode } from 'react';
import { Refusal } from '../api/call.ts';
import { Icon, type IconName } from './icon.tsx';
import { shown } from './words.ts';

/** Lines that stand where text will be. */
export function Loading({ lines = 4, what }: { readonly lines?: number; readonly what: string }): ReactNode {
  return (
    <div className="loading" role="status">
      <span className="unseen">Loading {what}</span>
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} className="bone" aria-hidden="true" />
      ))}
    </div>
  );
}

/** Says that there is nothing, and what to do about it. */
export function Empty({
  icon,
  title,
  children,
}: {
  readonly icon: IconName;
  readonly title: string;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <div className="empty">
      <Icon name={icon} />
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Says what went wrong, in the server's own words, and how to mend it. */
export function Failure({
  error,
  onAgain,
}: {
  readonly error: unknown;
  readonly onAgain?: (() => void) | undefined;
}): ReactNode {
  const refusal = error instanceof Refusal ? error : null;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="failure" role="alert">
      <Icon name="warn" />
      <div>
        <p>{shown(message)}</p>
        {refusal?.hint == null ? null : <p className="hint">{shown(refusal.hint)}</p>}
        {onAgain === undefined ? null : (
          <button type="button" className="button small" onClick={onAgain}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}
