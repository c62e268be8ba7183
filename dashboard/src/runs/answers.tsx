/** The five answers of a run: what was asked, what happened, is it proven, what did it cost, what now. */
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { GateReport } from '../../../src/job/gate.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import { isOver } from '../api/runs.ts';
import { hasEnded } from '../api/queries.ts';
import { withoutPaths } from '../job/answers/next.ts';
import { Answers, Asked, Proven } from '../job/summary.tsx';
import type { LiveGate } from '../job/told.ts';
import { Line } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { State } from '../parts/state.tsx';
import { amount, counted, money, shown, span, webAddress } from '../parts/words.ts';
import { happenedTo, progressOf, toldOfWhole } from './told.ts';

interface RunAnswersProps {
  readonly run: RunView;
  readonly job: JobView;
  readonly result: JobResult | undefined;
  readonly gates: readonly GateReport[];
  readonly live: LiveGate | null;
  /** What the run does itself, where it does something. */
  readonly phase: string | null;
  readonly children: ReactNode;
}

function Happened({ run, result, phase }: RunAnswersProps): ReactNode {
  const { of, ended, failed, cancelled, skipped } = progressOf(run.steps);
  const rest = Object.entries({ failed, cancelled, skipped })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ');
  return (
    <>
      <p>
        <State told={toldOfWhole(run)} boxed />
        {result?.draft === true ? <span className="chip">draft</span> : null}
      </p>
      <p>{happenedTo(run, phase)}</p>
      {run.error === null ? null : <p className="quiet clamp">{shown(run.error.message)}</p>}
      <p>
        <progress max={of} value={ended} aria-label="Steps that ended" />
        <span className="quiet">
          {ended} of {counted(of, 'step')}
          {rest === '' ? '' : `: ${rest}`}
        </span>
      </p>
    </>
  );
}

function Spent({ run, result }: RunAnswersProps): ReactNode {
  const nowMs = useNow();
  const end = run.finished_at === null ? nowMs : Date.parse(run.finished_at);
  const ms = run.started_at === null ? null : Math.max(0, end - Date.parse(run.started_at));
  const tokens = (result?.total_tokens_in ?? 0) + (result?.total_tokens_out ?? 0);
  return (
    <>
      <p className="strong">{money(run.total_cost)}</p>
      <p>
        {ms === null ? 'not begun' : span(run.finished_at === null ? Math.floor(ms / 1000) * 1000 : ms)}
        {tokens === 0 ? null : <span className="quiet"> · {amount(tokens)} tokens</span>}
      </p>
      <p className="quiet">all steps together{isOver(run) ? '' : ', of those that ended'}</p>
    </>
  );
}

/** What can be done next. @param waits what is said of that while there is nothing to do */
function Next({
  job,
  result,
  waits,
  children,
}: Pick<RunAnswersProps, 'job' | 'result' | 'children'> & { readonly waits: string | null }): ReactNode {
  const address = webAddress(job.pr_url);
  const number = address === null ? '' : (/\/pull\/(\d+)/.exec(address)?.[1] ?? '');
  const hint = withoutPaths(job.error?.hint ?? null);
  return (
    <>
      {address === null ? null : (
        <a className="button primary" href={address} rel="noreferrer">
          <Icon name="out" /> Open pull request {number === '' ? '' : `#${number}`}
        </a>
      )}
      {result === undefined || result.push_command === null ? null : (
        <div>
          <p className="quiet">Publish it:</p>
          <Line text={result.push_command} what="the command that publishes it" />
        </div>
      )}
      {hint === null ? null : <p>{shown(hint)}</p>}
      {address === null && result?.push_command == null && result?.branch != null ? (
        <div>
          <p className="quiet">In the repository, as the branch</p>
          <Line text={result.branch} what="the branch" />
        </div>
      ) : null}
      {children}
      {hasEnded(job) || job.status === 'needs_input' || waits === null ? null : (
        <p className="quiet">{waits}</p>
      )}
    </>
  );
}

function AskedOf({ run, job }: RunAnswersProps): ReactNode {
  return (
    <>
      <Asked job={job} />
      {run.pipeline_id === null ? null : (
        <p>
          <Link href={`/pipeline/${run.pipeline_id}`}>The pipeline</Link>
        </p>
      )}
      {run.retries === null ? null : (
        <p>
          <Link href={`/run/${run.retries}`}>The run before</Link>
        </p>
      )}
    </>
  );
}

/** The answers, side by side, as those of a job. */
export function RunAnswers(props: RunAnswersProps): ReactNode {
  const { run, job, result, gates, live, children } = props;
  const isAsking = toldOfWhole(run).icon === 'ask';
  return (
    <Answers
      asked={<AskedOf {...props} />}
      happened={<Happened {...props} />}
      proven={<Proven job={job} runs={gates} live={live} />}
      spent={<Spent {...props} />}
      next={
        <Next job={job} result={result} waits={isAsking ? null : 'Nothing: it ends by itself.'}>
          {isAsking ? <p>An answer to what it asks, above.</p> : null}
          {isOver(run) && run.status !== 'completed' ? (
            <p>A retry runs what failed once more, and takes over what was done.</p>
          ) : null}
          {children}
        </Next>
      }
    />
  );
}
