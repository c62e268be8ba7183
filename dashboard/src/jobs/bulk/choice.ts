/** Which jobs are chosen, to do one thing to all of them. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { JobView } from '../../../../src/job/view/view.ts';
import type { Choice } from '../list.tsx';

/** Most jobs that one thing is done to at once. */
export const MAX_CHOSEN = 500;

/** The ids between two of a list, both among them. */
export function between(jobs: readonly JobView[], one: string, other: string): readonly string[] {
  const [a, b] = [one, other].map((id) => jobs.findIndex((job) => job.job_id === id));
  if (a === undefined || b === undefined || a === -1 || b === -1) return [other];
  return jobs.slice(Math.min(a, b), Math.max(a, b) + 1).map((job) => job.job_id);
}

/** Holds them. What is chosen stays chosen while the list changes around it. */
export function useChoice(jobs: readonly JobView[]): {
  readonly choice: Choice;
  readonly chosen: readonly JobView[];
  readonly clear: () => void;
} {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const listed = useRef(jobs);
  useEffect(() => {
    listed.current = jobs;
  }, [jobs]);
  const before = useRef<string | null>(null);
  const toggle = useCallback((jobId: string, isWide: boolean) => {
    const wide = isWide && before.current !== null ? between(listed.current, before.current, jobId) : [jobId];
    before.current = jobId;
    setIds((all) => {
      const next = new Set(all);
      const isOn = !all.has(jobId);
      for (const id of wide) {
        if (!isOn) next.delete(id);
        else if (next.size < MAX_CHOSEN) next.add(id);
      }
      return next;
    });
  }, []);
  const clear = useCallback(() => setIds(new Set()), []);
  const toggleAll = useCallback(() => {
    setIds((all) =>
      all.size > 0 ? new Set() : new Set(listed.current.slice(0, MAX_CHOSEN).map((job) => job.job_id)),
    );
  }, []);
  const chosen = useMemo(
    () => (ids.size === 0 ? [] : jobs.filter((job) => ids.has(job.job_id))),
    [jobs, ids],
  );
  const isAll = chosen.length > 0 && chosen.length === Math.min(jobs.length, MAX_CHOSEN);
  const state = chosen.length === 0 ? 'none' : isAll ? 'all' : 'some';
  const choice = useMemo(
    (): Choice => ({ has: (jobId) => ids.has(jobId), state, toggle, toggleAll }),
    [ids, state, toggle, toggleAll],
  );
  return { choice, chosen, clear };
}
