/** A job in the list: one glance says what was asked, where it stands and whether it is proven. */
import { memo, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { JobView } from '../../../src/job/view/view.ts';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { State, toldOf, UNTRUSTED, VERDICT } from '../parts/state.tsx';
import { StepCount } from './steps.tsx';
import { isRun } from './filter.ts';
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
  readonly isAt: boolean;
  readonly isChosen: boolean;
  readonly onChoose: ((jobId: string, isWide: boolean) => void) | null;
}

/** The address of the issue that a job was asked for on, where its repository tells of the forge. */
export function issueAddress({
  about,
  repo,
  pr_url: pull,
}: Pick<JobView, 'about' | 'repo' | 'pr_url'>): string | null {
  const [, name, number] = /^([\w.-]+\/[\w.-]+)#(\d{1,10})$/.exec(about ?? '') ?? [];
  if (name === undefined) return null;
  const known = [webAddress(repo), webAddress(pull)].find((url) => url !== null && URL.canParse(url));
  return known == null ? null : `${new URL(known).origin}/${name}/issues/${number}`;
}

function Forge({ job }: { readonly job: JobView }): ReactNode {
  const pull = webAddress(job.pr_url);
  const issue = issueAddress(job);
  const number = /#(\d+)$/.exec(job.about ?? '')?.[1];
  return (
    <>
      {issue === null ? null : (
        <a href={issue} className="above" rel="noreferrer" aria-label={`Issue ${number}`}>
          <Icon name="flag" /> #{number}
        </a>
      )}
      {pull === null ? null : (
        <a href={pull} className="above" rel="noreferrer">
          <Icon name="pull" /> {/\/pulls?\/(\d+)/.exec(pull)?.[1]?.replace(/^/, '#') ?? 'pull request'}
        </a>
      )}
    </>
  );
}

/** The row. */
export const Row = memo(function Row({ job, isAt, isChosen, onChoose }: RowProps): ReactNode {
  return (
    <>
      <span role="cell" className="c-choose">
        {onChoose === null ? null : (
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Choose ${firstLine(job.task)}`}
            onChange={(event) =>
              onChoose(job.job_id, event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey)
            }
          />
        )}
      </span>
      <span role="cell" className="c-state">
        <State told={toldOf(job)} />
      </span>
      <span role="cell" className="c-task">
        <Link href={`/job/${job.job_id}`} className="cover" data-at={isAt ? '' : undefined} dir="auto">
          {firstLine(job.task)}
        </Link>
        <span className="meta">
          {isRun(job) && job.run_id !== null ? (
            <StepCount runId={job.run_id} hasEnded={job.outcome !== null} />
          ) : null}
          {job.step === null ? null : <span className="step-of-run">step {shown(job.step)}</span>}
          <span title={shown(job.repo)}>{repoName(job.repo)}</span>
          <code>{job.job_id.replace('job-', '')}</code>
          <Forge job={job} />
          {job.user_id === null || job.user_id === '' ? null : <span>{shown(job.user_id)}</span>}
          {job.question === null ? null : <span className="warn">{firstLine(job.question)}</span>}
        </span>
      </span>
      <span role="cell" className="c-gate">
        <Proof job={job} />
      </span>
      <span role="cell" className="c-agent">
        {shown(job.agent)}
      </span>
      <span role="cell" className="c-cost">
        {money(job.total_cost)}
      </span>
      <span role="cell" className="c-took">
        <Took job={job} />
      </span>
      <span role="cell" className="c-age">
        <Age time={job.created_at} />
      </span>
    </>
  );
});
