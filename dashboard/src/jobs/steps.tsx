/** How far a run of a pipeline is. */
import { queryOptions, useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { get } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { Icon } from '../parts/icon.tsx';
import { shown } from '../parts/words.ts';

/** How long a row must be in sight before its steps are asked for, in milliseconds: others are scrolled by. */
const STAYS_MS = 150;

/** What the list knows of a run: what it is called, and how many of its steps are done. */
interface StepsOfRun {
  readonly pipeline: string;
  readonly done: number;
  readonly all: number;
}

/** Counts the steps of a run that are behind it: ended, or never to begin. */
export function countSteps({ pipeline, steps }: Pick<RunView, 'pipeline' | 'steps'>): StepsOfRun {
  const done = steps.filter(({ status }) => ['completed', 'failed', 'cancelled', 'skipped'].includes(status));
  return { pipeline, done: done.length, all: steps.length };
}

function stepsQuery(runId: string, hasEnded: boolean) {
  return queryOptions({
    queryKey: ['steps of run', runId, hasEnded],
    queryFn: async ({ signal }) => countSteps(await get<RunView>(`/api/runs/${runId}`, signal)),
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
}

/** Has the runs counted anew of which something changed. */
export function countAnew(jobs: readonly JobView[]): void {
  for (const runId of new Set(jobs.flatMap((job) => job.run_id ?? [])))
    void queries.invalidateQueries({ queryKey: ['steps of run', runId] });
}

/** The count. */
export function StepCount({
  runId,
  hasEnded,
}: {
  readonly runId: string;
  readonly hasEnded: boolean;
}): ReactNode {
  const [stays, setStays] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setStays(true), STAYS_MS);
    return () => clearTimeout(timer);
  }, []);
  const { data } = useQuery({ ...stepsQuery(runId, hasEnded), enabled: stays });
  return (
    <span className="step-of-run" title={data === undefined ? undefined : shown(data.pipeline)}>
      <Icon name="list" /> {data === undefined ? 'run' : `${data.done}/${data.all} steps`}
    </span>
  );
}
