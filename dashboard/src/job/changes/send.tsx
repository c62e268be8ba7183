/** Sending what was remarked: to the agent of a job that runs, else as a follow-up. */
import { useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { JobView } from '../../../../src/job/view/view.ts';
import { hasEnded } from '../../api/queries.ts';
import { useSay } from '../../frame/notices.tsx';
import { Icon } from '../../parts/icon.tsx';
import { counted, shown, shownName } from '../../parts/words.ts';
import { followUp, sendMessage } from '../actions.tsx';
import { taskOf, whereOf } from './remarks.ts';
import type { Reading } from './remarking.ts';

/** Remarks whose lines have changed since they were written. */
export function Moved({ reading }: { readonly reading: Reading }): ReactNode {
  const { homeless, remarking } = reading;
  if (homeless.length === 0) return null;
  return (
    <section className="moved" aria-label="Remarks on lines that have changed">
      <p>
        <Icon name="warn" /> The change moved on: {counted(homeless.length, 'remark')} on lines that are no
        more. What they were about is sent with them.
      </p>
      <ul>
        {homeless.map(([id, remark]) => (
          <li key={id}>
            <code>
              {shownName(remark.path)}, {whereOf(remark)}
            </code>
            <span dir="auto">{shown(remark.text)}</span>
            <button
              type="button"
              className="icon-button"
              aria-label="Take the remark back"
              onClick={() => remarking.onTake(id)}
            >
              <Icon name="cross" />
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The bar that sends them. */
export function Send({ job, reading }: { readonly job: JobView; readonly reading: Reading }): ReactNode {
  const say = useSay();
  const [, go] = useLocation();
  const [isBusy, setBusy] = useState(false);
  const { all: remarks, onSent } = reading;
  if (remarks.length === 0 || !reading.remarking.canRemark) return null;
  const isOver = hasEnded(job);
  const send = async (): Promise<void> => {
    setBusy(true);
    try {
      const next = isOver ? await followUp(job, taskOf(remarks)) : null;
      if (next === null) await sendMessage(job, taskOf(remarks));
      onSent();
      say.done(isOver ? 'A follow-up is asked for: this is its job' : 'Left for the agent');
      if (next !== null) go(`/job/${next}`);
    } catch (refusal) {
      say.failed(refusal);
    }
    setBusy(false);
  };
  return (
    <div className="bulk" role="region" aria-label="Remarks">
      <span>{counted(remarks.length, 'remark')}</span>
      <button type="button" className="button primary" disabled={isBusy} onClick={() => void send()}>
        <Icon name="say" /> {isOver ? 'Ask for a follow-up' : 'Send to the agent'}
      </button>
    </div>
  );
}
