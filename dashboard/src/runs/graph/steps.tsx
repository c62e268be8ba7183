/** The steps of a run or of a pipeline: drawn, or as a table, as the address says. */
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { Loading } from '../../parts/notes.tsx';
import { shown } from '../../parts/words.ts';
import type { Shown } from './node.tsx';
import { StepTable } from './table.tsx';

const Graph = lazy(async () => ({ default: (await import('./graph.tsx')).Graph }));

/** Above the first, the table comes first; above the second, nothing is drawn: it would take seconds to arrange. */
const MANY_STEPS = 60;
const MAX_DRAWN_STEPS = 500;

interface StepsProps {
  readonly steps: readonly Shown[];
  readonly plan: readonly { readonly name: string; readonly depends_on: readonly string[] }[];
  readonly hasRun: boolean;
  /** What happens at a step that has no job. */
  readonly onOpen: (name: string) => void;
}

/** What is to be told of the step that one is at. */
function Told({ step }: { readonly step: Shown | undefined }): ReactNode {
  if (step === undefined) return null;
  const after = step.dependsOn.length === 0 ? 'nothing' : shown(step.dependsOn.join(', '));
  return (
    <p className="at-step">
      <b>{shown(step.name)}</b>
      {step.told === null ? '' : ` · ${step.told.word}`} · {step.kind} · after {after}
      {step.notes.map((note) => ` · ${note}`)}
      {step.came === '' ? null : (
        <span className="at-came" dir="auto">
          {step.came}
        </span>
      )}
    </p>
  );
}

/** The steps. */
export function Steps({ steps, plan, hasRun, onOpen }: StepsProps): ReactNode {
  const [search, setSearch] = useSearchParams();
  const [at, setAt] = useState<string | null>(null);
  const isNarrow = matchMedia('(max-width: 720px)').matches;
  const canDraw = steps.length <= MAX_DRAWN_STEPS;
  const wanted = search.get('view');
  const isTable = !canDraw || (wanted === null ? isNarrow || steps.length > MANY_STEPS : wanted === 'table');
  const show = (view: string): void => {
    const next = new URLSearchParams(search);
    next.set('view', view);
    setSearch(next, { replace: true });
  };
  const byName = new Map(steps.map((step) => [step.name, step]));
  return (
    <section className="steps-part" aria-label="Steps">
      <div className="steps-head">
        <div className="choices" role="group" aria-label="Shown as">
          {(['graph', 'table'] as const).map((view) => (
            <button
              key={view}
              type="button"
              aria-pressed={isTable === (view === 'table')}
              disabled={view === 'graph' && !canDraw}
              onClick={() => show(view)}
            >
              {view === 'graph' ? 'Graph' : 'Table'}
            </button>
          ))}
        </div>
        {canDraw ? null : <span className="quiet">More than {MAX_DRAWN_STEPS} steps are not drawn.</span>}
      </div>
      {isTable ? (
        <StepTable steps={steps} hasRun={hasRun} />
      ) : (
        <Suspense fallback={<Loading what="the graph" />}>
          <Graph steps={byName} plan={plan} at={at} onAt={setAt} onOpen={onOpen} />
          <Told step={byName.get(at ?? '')} />
        </Suspense>
      )}
    </section>
  );
}
