/** A job in the list: one glance says what was asked, where it stands and whether it is proven. */
import { useQuery } from '@tanstack/react-query';
import { memo, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { JobView } from '../../../src/job/view/view.ts';
import { hasEnded, jobQuery } from '../api/queries.ts';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { State, toldOf, UNTRUSTED, VERDICT } from '../parts/state.tsx';
import { ago, firstLine, moment, money, repoName, shown, span, webAddress } from '../parts/words.ts';

function Age({ time }: { readonly time: string }): ReactNode {
  const nowMs = useNow();
  return (
    <time dateTime={time} title={moment(time)}>
      {ago(time, nowMs)}
    </time>
  );
}

function Took({ job }: { readonly job: JobView }): ReactNode {
  const nowMs = useNow();
  if (job.started_at === null) return <>–</>;
  const end = job.finished_at === null ? nowMs : Date.parse(job.finished_at);
  const ms = Math.max(0, end - Date.parse(job.started_at));
  return <>{span(job.finished_at === null ? Math.floor(ms / 1000) * 1000 : ms)}</>;
}

function Proof({ job }: { readonly job: JobView }): ReactNode {
  if (job.gate_verdict === null) return <span className="quiet">–</span>;
  return <State told={job.outcome === 'tampered' ? UNTRUSTED : VERDICT[job.gate_verdict]} />;
}

/** The columns, for whoever sees them and for whoever is told of them. */
export const COLUMNS: readonly (readonly [name: string, label: string])[] = [
  ['state', 'State'],
  ['task', 'Task'],
  ['gate', 'Gate'],
  ['agent', 'Agent'],
  ['cost', 'Cost'],
  ['took', 'Took'],
  ['age', 'Asked'],
];

interface RowProps {
  readonly job: JobView;
  /** Whether it is asked for again with the front of the list. */
  readonly isFresh: boolean;
  readonly isAt: boolean;
  readonly isChosen: boolean;
  readonly onChoose: ((jobId: string) => void) | null;
}

/** The row. */
export const Row = memo(function Row({
  job: listed,
  isFresh,
  isAt,
  isChosen,
  onChoose,
}: RowProps): ReactNode {
  const { data: job = listed } = useQuery({
    ...jobQuery(listed.job_id),
    ...(isFresh ? {} : { initialData: listed }),
    enabled: !isFresh && !hasEnded(listed),
  });
  const seen = isFresh ? listed : job;
  const address = webAddress(seen.pr_url);
  return (
    <>
      <span role="cell" className="c-choose">
        {onChoose === null ? null : (
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Choose ${firstLine(seen.task)}`}
            onChange={() => onChoose(seen.job_id)}
          />
        )}
      </span>
      <span role="cell" className="c-state">
        <State told={toldOf(seen)} />
      </span>
      <span role="cell" className="c-task">
        <Link href={`/job/${seen.job_id}`} className="cover" data-at={isAt ? '' : undefined} dir="auto">
          {firstLine(seen.task)}
        </Link>
        <span className="meta">
          <span title={shown(seen.repo)}>{repoName(seen.repo)}</span>
          <code>{seen.job_id.replace('job-', '')}</code>
          {seen.step === null ? null : (
            <span>
              step {shown(seen.step)} of {seen.run_id}
            </span>
          )}
          {address === null ? null : (
            <a href={address} className="above" rel="noreferrer">
              <Icon name="pull" /> {/\/pull\/(\d+)/.exec(address)?.[1] ?? 'pull request'}
            </a>
          )}
          {seen.question === null ? null : <span className="warn">{firstLine(seen.question)}</span>}
        </span>
      </span>
      <span role="cell" className="c-gate">
        <Proof job={seen} />
      </span>
      <span role="cell" className="c-agent">
        {shown(seen.agent)}
      </span>
      <span role="cell" className="c-cost">
        {money(seen.total_cost)}
      </span>
      <span role="cell" className="c-took">
        <Took job={seen} />
      </span>
      <span role="cell" className="c-age">
        <Age time={seen.created_at} />
      </span>
    </>
  );
});
