/** Asking once more with more to spend. */
import { useState, type FormEvent, type ReactNode } from 'react';
import type { Budget } from '../../../../src/job/request.ts';
import type { JobView } from '../../../../src/job/view/view.ts';
import { Sheet } from '../../parts/ask.tsx';
import { Failure } from '../../parts/notes.tsx';
import { doubled, limitThatEnded } from './budget.ts';

const FIELDS: readonly (readonly [field: keyof Budget, name: string, step: string])[] = [
  ['max_cost_usd', 'Money, in dollars', 'any'],
  ['timeout_s', "Time of the agent's work, in seconds", '1'],
  ['max_tokens', 'Tokens', '1'],
  ['max_turns', 'Turns of the agent', '1'],
];

function hintOf(now: number | null, most: number | null): string {
  const had = now === null ? 'It had no limit' : `It had ${now.toLocaleString('en')}`;
  return most === null ? had : `${had}; this server allows ${most.toLocaleString('en')}`;
}

interface LargerProps {
  readonly job: JobView;
  /** The most that the server lets anybody ask for. */
  readonly most: Budget;
  readonly open: boolean;
  readonly onClose: () => void;
  readonly onAsk: (budget: Partial<Budget>) => Promise<void>;
}

/** A dialog with the budget of the next try; what ended this one is doubled. */
export function Larger({ job, most, open, onClose, onAsk }: LargerProps): ReactNode {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const ended = limitThatEnded(job.outcome, job.error?.message ?? null);
  const ask = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const budget = FIELDS.flatMap(([field]) => {
      const text = form.get(field);
      const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : null;
      return value === null || value === job.budget[field] ? [] : [[field, value] as const];
    });
    setError(null);
    setBusy(true);
    try {
      await onAsk(Object.fromEntries(budget));
      onClose();
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <Sheet open={open} onClose={onClose} title="Ask again with more">
      <form className="form sheet-form" onSubmit={(event) => void ask(event)}>
        <p>A new job with the same task begins from the start, and may spend this:</p>
        {FIELDS.map(([field, name, step]) => {
          const now = job.budget[field];
          const value = (field === ended ? doubled(now, most[field]) : null) ?? now;
          return (
            <label key={field} className="field">
              <span>{name}</span>
              <input
                name={field}
                type="number"
                min={field === 'max_cost_usd' ? 0 : 1}
                max={most[field] ?? undefined}
                step={step}
                placeholder="no limit"
                defaultValue={value ?? ''}
              />
              <small className="hint">{hintOf(now, most[field])}</small>
            </label>
          );
        })}
        {error === null ? null : <Failure error={error} />}
        <footer>
          <button type="submit" className="button primary" disabled={isBusy}>
            Ask for it
          </button>
        </footer>
      </form>
    </Sheet>
  );
}
