/** What a job goes on with, what goes on with it, and what it repeats. */
import { useQuery } from '@tanstack/react-query';
import { Fragment, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { JobView } from '../../../../src/job/view/view.ts';
import { jobQuery, sessionQuery } from '../../api/queries.ts';
import { Icon } from '../../parts/icon.tsx';
import { State, toldOf } from '../../parts/state.tsx';
import { firstLine } from '../../parts/words.ts';

/** Most jobs of a chain that are shown; the newest, and the one that is looked at. */
const MAX_SHOWN = 6;

/** The jobs of a chain that are shown, the oldest first, and how many are left out before them. */
export function chainOf(
  job: JobView,
  latest: readonly JobView[],
  count: number,
): { readonly jobs: readonly JobView[]; readonly left: number } {
  const all = latest.some(({ job_id: id }) => id === job.job_id) ? latest : [...latest, job];
  const inOrder = all.toSorted((a, b) => a.created_at.localeCompare(b.created_at));
  const at = inOrder.findIndex(({ job_id: id }) => id === job.job_id);
  const from = Math.max(0, Math.min(at, inOrder.length - MAX_SHOWN));
  const jobs = inOrder.slice(from, from + MAX_SHOWN);
  return { jobs, left: Math.max(0, count - jobs.length) };
}

function Repeats({ jobId }: { readonly jobId: string }): ReactNode {
  const { data } = useQuery(jobQuery(jobId));
  return (
    <p className="repeats quiet">
      <Icon name="again" /> Asked once more: it repeats{' '}
      <Link href={`/job/${jobId}`}>{data === undefined ? jobId : firstLine(data.task)}</Link>
      {data === undefined ? null : <State told={toldOf(data)} />}
    </p>
  );
}

/** The chain a job is in; nothing where it is alone. */
export function Chain({ job }: { readonly job: JobView }): ReactNode {
  const { data } = useQuery(sessionQuery(job));
  const { jobs, left } = chainOf(job, data?.latest ?? [], data?.jobs ?? 1);
  return (
    <>
      {job.retry_of === null ? null : <Repeats jobId={job.retry_of} />}
      {jobs.length < 2 ? null : (
        <nav className="chain card" aria-label="Jobs that go on from one another">
          {left === 0 ? null : <span className="quiet">{left} more</span>}
          {jobs.map((one, at) => (
            <Fragment key={one.job_id}>
              {at === 0 ? null : <Icon name="right" />}
              {one.job_id === job.job_id ? (
                <span className="link" aria-current="page">
                  <State told={toldOf(one)} /> <span dir="auto">{firstLine(one.task)}</span>
                </span>
              ) : (
                <Link className="link" href={`/job/${one.job_id}`} title={firstLine(one.task)}>
                  <State told={toldOf(one)} /> <span dir="auto">{firstLine(one.task)}</span>
                </Link>
              )}
            </Fragment>
          ))}
        </nav>
      )}
    </>
  );
}
