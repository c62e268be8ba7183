/** One field of a form: its name, what it takes, and what was refused of it. */
import { useId, type ReactNode } from 'react';
import { shown } from '../../parts/words.ts';

/** What ties a control to its words. */
export interface Tied {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
  readonly 'aria-invalid': true | undefined;
}

/** The field. @param children the control, which takes what ties it to its words */
export function Field({
  label,
  hint,
  fault,
  children,
}: {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly fault?: string | undefined;
  readonly children: (tied: Tied) => ReactNode;
}): ReactNode {
  const id = useId();
  const [hintId, faultId] = [`${id}-hint`, `${id}-fault`];
  const told = [...(fault === undefined ? [] : [faultId]), ...(hint === undefined ? [] : [hintId])];
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-describedby': told.length === 0 ? undefined : told.join(' '),
        'aria-invalid': fault === undefined ? undefined : true,
      })}
      {fault === undefined ? null : (
        <p className="fault" id={faultId}>
          {shown(fault)}
        </p>
      )}
      {hint === undefined ? null : (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}
