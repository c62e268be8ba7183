/** What is shown instead of content: while it loads, where there is none, and where something went wrong. */
import type { ReactNode } from 'react';
import { Link } from 'wouter';
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

/** What a status means, before the server's own words. */
const TITLES: Readonly<Record<number, string>> = {
  0: 'No answer',
  401: 'Your login has ended',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Not as it stands',
  413: 'Too large',
  429: 'Too many requests',
  500: 'The server made a mistake',
  503: 'Not now',
};

/** Says what went wrong, in the server's own words, and how to mend it. */
export function Failure({
  error,
  onAgain,
}: {
  readonly error: unknown;
  readonly onAgain?: (() => void) | undefined;
}): ReactNode {
  const refusal = error instanceof Refusal ? error : null;
  // It does not come by being asked for again, and the server's hint is for programmes.
  const isMissing = refusal?.status === 404;
  const message = error instanceof Error ? error.message : String(error);
  return (
    <div className="failure" role="alert">
      <Icon name="warn" />
      <div>
        <p>
          {refusal === null || TITLES[refusal.status] === undefined ? null : (
            <b>{TITLES[refusal.status]}: </b>
          )}
          {shown(message)}
        </p>
        {refusal?.hint == null || isMissing ? null : <p className="hint">{shown(refusal.hint)}</p>}
        {isMissing ? <Link href="/">All jobs</Link> : null}
        {onAgain === undefined || isMissing ? null : (
          <button type="button" className="button small" onClick={onAgain}>
            Try again
          </button>
        )}
      </div>
    </div>
  );
}
