/** The same as the graph, as a table: for who hears it, for narrow screens, and for very many steps. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useRef, type ReactNode } from 'react';
import { Link } from 'wouter';
import { State } from '../../parts/state.tsx';
import { money, shown } from '../../parts/words.ts';
import { isSame, Took, type Shown } from './node.tsx';

/** Up to so many rows are all drawn; of more, those that are seen. */
const MAX_WHOLE = 80;
const ROW_PX = 50;
const NARROW_ROW_PX = 92;

const COLUMNS = [
  ['step', 'Step'],
  ['state', 'State'],
  ['kind', 'Kind'],
  ['after', 'After'],
  ['took', 'Took'],
  ['cost', 'Cost'],
  ['came', 'What came of it'],
] as const;

interface CellsProps {
  readonly step: Shown;
  readonly hasRun: boolean;
}

const Cells = memo(
  DrawnCells,
  (before, now) => isSame(before.step, now.step) && before.hasRun === now.hasRun,
);

function DrawnCells({ step, hasRun }: CellsProps): ReactNode {
  const { name, told, kind, time, cost, came, notes, dependsOn, href } = step;
  return (
    <>
      <span role="rowheader" className="s-step">
        {href === null ? <b>{shown(name)}</b> : <Link href={href}>{shown(name)}</Link>}
      </span>
      {hasRun ? (
        <span role="cell" className="s-state">
          {told === null ? null : <State told={told} />}
        </span>
      ) : null}
      <span role="cell" className="s-kind quiet">
        {kind}
      </span>
      <span role="cell" className="s-after quiet" title={shown(dependsOn.join(', '))}>
        {dependsOn.length === 0 ? <span className="unseen">nothing</span> : shown(dependsOn.join(', '))}
      </span>
      {hasRun ? (
        <>
          <span role="cell" className="s-took">
            <Took time={time} />
          </span>
          <span role="cell" className="s-cost">
            {money(cost)}
          </span>
        </>
      ) : null}
      <span role="cell" className="s-came" dir="auto" title={came}>
        {came}
        {notes.length === 0 ? null : <span className="quiet"> ({notes.join(', ')})</span>}
      </span>
    </>
  );
}

/** The table. @param hasRun whether it is of a run, and not of a pipeline */
export function StepTable({
  steps,
  hasRun,
}: {
  readonly steps: readonly Shown[];
  readonly hasRun: boolean;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const isLong = steps.length > MAX_WHOLE;
  const virtual = useVirtualizer({
    count: steps.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (matchMedia('(max-width: 720px)').matches ? NARROW_ROW_PX : ROW_PX),
    overscan: 6,
    enabled: isLong,
  });
  const columns = COLUMNS.filter(([name]) => hasRun || !['state', 'took', 'cost'].includes(name));
  return (
    <div ref={scroller} className={isLong ? 'steps card long' : 'steps card'}>
      <div
        role="table"
        aria-label="Steps"
        aria-rowcount={steps.length + 1}
        className={hasRun ? 'run-steps' : 'pipeline-steps'}
      >
        <div role="row" className="step-row head" aria-rowindex={1}>
          {columns.map(([name, label]) => (
            <span key={name} role="columnheader" className={`s-${name}`}>
              {name === 'came' && !hasRun ? 'Task' : label}
            </span>
          ))}
        </div>
        {isLong ? (
          <div role="rowgroup" className="rows" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map(({ index, start, size }) => {
              const step = steps[index];
              return step === undefined ? null : (
                <div
                  key={step.name}
                  role="row"
                  aria-rowindex={index + 2}
                  className="step-row placed-row"
                  style={{ transform: `translateY(${start}px)`, height: size }}
                >
                  <Cells step={step} hasRun={hasRun} />
                </div>
              );
            })}
          </div>
        ) : (
          <div role="rowgroup">
            {steps.map((step, index) => (
              <div key={step.name} role="row" aria-rowindex={index + 2} className="step-row">
                <Cells step={step} hasRun={hasRun} />
              </div>
            ))}
          </div>
        )}
      </div>
    </div>
  );
}
