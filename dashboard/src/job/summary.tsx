/** The five answers: what was asked, what happened, is it proven, what did it cost, what now. */
import type { ReactNode } from 'react';
import type { GateReport } from '../../../src/job/gate.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { OUTCOME, State, toldOf } from '../parts/state.tsx';
import { counted, firstLine, moment, repoName, shown, span } from '../parts/words.ts';
import type { SpentSoFar } from './answers/budget.ts';
import { Meters } from './answers/meter.tsx';
import { proofOf } from './answers/proof.ts';
import type { LiveGate, PhaseTold } from './told.ts';

/** What the answers are made of. */
export interface SummaryProps {
  readonly job: JobView;
  readonly result: JobResult | undefined;
  readonly runs: readonly GateReport[];
  readonly live: LiveGate | null;
  readonly now: PhaseTold | null;
  /** What the agent does just now, in its own words. */
  readonly doing: string | null;
  readonly phases: readonly PhaseTold[];
  readonly spent: SpentSoFar;
  /** Whether who looks may ask for jobs. */
  readonly mayAct: boolean;
}

const DOES: Readonly<Record<string, string>> = {
  prepare: 'Getting the repository ready',
  explore: 'Reading the repository',
  plan: 'Planning',
  build: 'The agent is at work',
  verify: 'The gate is judging',
  rebase: 'Looking whether the base moved',
  propose: 'Proposing the change',
  save: 'Saving the work',
  message: 'Waiting for an answer',
};

/** What was asked for. */
export function Asked({ job }: { readonly job: JobView }): ReactNode {
  return (
    <>
      <p className="strong">
        {repoName(job.repo)}
        {job.base === null ? null : (
          <>
            {' '}
            <span className="quiet">at</span> {shown(job.base)}
          </>
        )}
      </p>
      <p className="quiet">
        {job.user_id === null ? '' : `by ${shown(job.user_id)}, `}
        {moment(job.created_at)}
      </p>
      {job.task.trim() === firstLine(job.task) ? null : (
        <details className="more">
          <summary>The whole task</summary>
          <p className="prose" dir="auto" tabIndex={0} role="region" aria-label="Task">
            {shown(job.task)}
          </p>
        </details>
      )}
    </>
  );
}

function Happened({ job, result, now, doing }: SummaryProps): ReactNode {
  const said = job.outcome === null ? null : OUTCOME[job.outcome].means;
  const idle = job.status === 'queued' ? 'It waits for its turn' : 'It goes on';
  const about = now === null ? idle : (DOES[now.name] ?? now.name);
  return (
    <>
      <p>
        <State told={toldOf(job)} boxed />
        {result?.draft === true ? <span className="chip">draft</span> : null}
      </p>
      <p>{said ?? (job.status === 'needs_input' ? 'The agent asks something' : about)}</p>
      {doing === null || job.outcome !== null ? null : (
        <p className="quiet doing">
          <Icon name="tool" /> <span dir="auto">{firstLine(doing)}</span>
        </p>
      )}
      {job.error === null ? null : <p className="quiet clamp">{shown(job.error.message)}</p>}
    </>
  );
}

/** Whether it is proven. */
export function Proven({ job, runs, live }: Pick<SummaryProps, 'job' | 'runs' | 'live'>): ReactNode {
  const { told, says, findings } = proofOf(job, runs, live);
  return (
    <>
      <p>
        <State told={told} boxed />
        {runs.length > 1 && live === null ? <span className="quiet"> run {runs.length}</span> : null}
      </p>
      <p className={runs.length === 0 && live === null ? 'quiet' : undefined}>{says}</p>
      {job.outcome === 'no_change' && runs.at(-1)?.verdict === 'red' ? (
        <p className="quiet">That change was taken back.</p>
      ) : null}
      {findings === 0 ? null : (
        <p className="bad">
          <Icon name="shield" /> {counted(findings, 'tamper finding')}
        </p>
      )}
    </>
  );
}

function Spent({ job, result, spent, phases }: SummaryProps): ReactNode {
  const nowMs = useNow();
  const end = job.finished_at === null ? nowMs : Date.parse(job.finished_at);
  const ms = job.started_at === null ? null : Math.max(0, end - Date.parse(job.started_at));
  return (
    <>
      <Meters job={job} result={result} phases={phases} soFar={spent} />
      <p className="quiet">
        {shown(job.agent)}
        {job.model === null ? '' : ` (${shown(job.model)})`}
        {', '}
        <span className="nowrap">
          {ms === null
            ? 'not begun'
            : `${span(job.finished_at === null ? Math.floor(ms / 1000) * 1000 : ms)} in all`}
        </span>
      </p>
    </>
  );
}

/** What was asked, what happened, is it proven, what did it cost, what now. */
interface FrameProps {
  readonly asked: ReactNode;
  readonly happened: ReactNode;
  readonly proven: ReactNode;
  readonly spent: ReactNode;
  readonly next: ReactNode;
}

/** The frame of the five answers, side by side. */
export function Answers({ asked, happened, proven, spent, next }: FrameProps): ReactNode {
  return (
    <dl className="answers card">
      <div>
        <dt>Asked</dt>
        <dd>{asked}</dd>
      </div>
      <div>
        <dt>Happened</dt>
        <dd aria-live="polite">{happened}</dd>
      </div>
      <div>
        <dt>Proven</dt>
        <dd>{proven}</dd>
      </div>
      <div>
        <dt>Spent</dt>
        <dd>{spent}</dd>
      </div>
      <div className="next">
        <dt>Next</dt>
        <dd>{next}</dd>
      </div>
    </dl>
  );
}

/** The five answers, side by side. */
export function Summary(props: SummaryProps & { readonly children: ReactNode }): ReactNode {
  return (
    <Answers
      asked={<Asked job={props.job} />}
      happened={<Happened {...props} />}
      proven={<Proven {...props} />}
      spent={<Spent {...props} />}
      next={props.children}
    />
  );
}

/** The agent's own words at its end, which are a claim and look like one. */
export function Claim({ result }: { readonly result: JobResult | undefined }): ReactNode {
  if (result === undefined || result.summary.trim() === '') return null;
  // Where nothing else came of it, what it says is what came of it.
  const isAll = result.outcome === 'answered' || result.outcome === 'no_change';
  return (
    <details className="claim card" open={isAll}>
      <summary>
        <Icon name="say" /> <b>The agent says:</b>{' '}
        <span className="first-line" dir="auto">
          {firstLine(result.summary)}
        </span>
      </summary>
      <p className="prose" dir="auto">
        {shown(result.summary)}
      </p>
    </details>
  );
}
