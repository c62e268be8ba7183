/** The agent's list, as it ticks it off. */
import type { ReactNode } from 'react';
import { Icon } from '../../parts/icon.tsx';
import { shown } from '../../parts/words.ts';
import type { PlanItem } from './plan.ts';

const SIGNS = { open: 'clock', doing: 'run', done: 'tick' } as const;
const WORDS = { open: 'open', doing: 'at it', done: 'done' } as const;

/** The list; nothing where the agent has none. @param isOver whether the job has ended: nothing is being done then */
export function Checklist({
  items,
  isOver,
}: {
  readonly items: readonly PlanItem[];
  readonly isOver: boolean;
}): ReactNode {
  if (items.length === 0) return null;
  const done = items.filter(({ state }) => state === 'done').length;
  const doing = isOver ? undefined : items.find(({ state }) => state === 'doing');
  return (
    <details className="checklist card" open={!isOver}>
      <summary>
        <Icon name="list" /> <b>Plan</b>{' '}
        <span className="quiet">
          {done} of {items.length} done
        </span>
        {doing === undefined ? null : (
          <>
            <span className="quiet">, now: </span>
            <span dir="auto">{shown(doing.text)}</span>
          </>
        )}
      </summary>
      <ol>
        {items.map(({ text, state }, at) => {
          const told = isOver && state === 'doing' ? 'open' : state;
          return (
            // Entries have no name but their place, and may be alike.
            // oxlint-disable-next-line react/no-array-index-key
            <li key={at} className={`p-${told}`}>
              <Icon name={SIGNS[told]} turns={told === 'doing'} />
              <span className="unseen">{WORDS[told]}: </span>
              <span dir="auto">{shown(text)}</span>
            </li>
          );
        })}
      </ol>
    </details>
  );
}
