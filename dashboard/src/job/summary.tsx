/** The five answers: what was asked, what happened, is it proven, what did it cost, what now. */
import type { ReactNode } from 'react';
import type { GateReport } from '../../../src/job/gate.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import { hasEnded } from '../api/queries.ts';
import { Line } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { OUTCOME, State, toldOf, toldOfRun } from '../parts/state.tsx';
import {
  amount,
  counted,
  firstLine,
  moment,
  money,
  repoName,
  shown,
  span,
  webAddress,
} from '../parts/words.ts';
import type { LiveGate, PhaseTold } from './told.ts';

/** What the answers are made of. */
export interface SummaryProps {
  readonly job: JobView;
  readonly result: JobResult | undefined;
  readonly runs: readonly GateReport[];
  readonly live: LiveGate | null;
  readonly now: PhaseTold | null;
  readonly spent: { readonly usd: number | null; readonly tokens: number | null };
  /** What can be done, where something can. */
  readonly children: ReactNode;
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
  const rest = job.task.trim().split('\n').slice(1).join('\n').trim();
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
      {rest === '' ? null : (
        <details className="more">
          <summary>The whole task</summary>
          <p className="prose" dir="auto">
            {shown(job.task)}
          </p>
        </details>
      )}
    </>
  );
}

function Happened({ job, result, now }: SummaryProps): ReactNode {
  const said = job.outcome === null ? null : OUTCOME[job.outcome].means;
  const doing = now === null ? 'It waits for its turn' : (DOES[now.name] ?? now.name);
  return (
    <>
      <p>
        <State told={toldOf(job)} boxed />
        {result?.draft === true ? <span className="chip">draft</span> : null}
      </p>
      <p>{said ?? (job.status === 'needs_input' ? 'The agent asks something' : doing)}</p>
      {job.error === null ? null : <p className="quiet clamp">{shown(job.error.message)}</p>}
    </>
  );
}

function proofOf(run: GateReport): string {
  const broken = run.checks.filter(({ verdict }) => verdict === 'failed').length;
  const before = run.checks.filter(({ verdict }) => verdict === 'pre_existing').length;
  if (run.tamper.some(({ severity }) => severity === 'block')) return 'The change bends what judges it';
  if (run.verdict === 'none') return 'No checks were found: nothing is proven';
  if (broken > 0) return `${broken} of ${counted(run.checks.length, 'check')} broken by the change`;
  if (run.verdict === 'inconclusive') return 'A check could not be judged';
  return before > 0
    ? `Nothing new fails; ${counted(before, 'check')} red before too`
    : `${counted(run.checks.length, 'check')} pass, on base and on head`;
}

/** Whether it is proven. */
export function Proven({ runs, live }: Pick<SummaryProps, 'runs' | 'live'>): ReactNode {
  const last = runs.at(-1);
  const findings = last?.tamper.filter(({ severity }) => severity !== 'report').length ?? 0;
  if (live !== null) {
    const done = live.checks.filter(({ head }) => head !== 'waiting' && head !== 'running').length;
    return (
      <>
        <p>
          <State told={{ icon: 'run', word: 'Judging', tone: 'live' }} boxed />
        </p>
        <p>
          {done} of {counted(live.checks.length, 'check')} on head
        </p>
      </>
    );
  }
  if (last === undefined) {
    return (
      <>
        <p>
          <State told={{ icon: 'none', word: 'Not judged', tone: 'quiet' }} boxed />
        </p>
        <p className="quiet">The gate has not run</p>
      </>
    );
  }
  return (
    <>
      <p>
        <State told={toldOfRun(last)} boxed />
        {runs.length > 1 ? <span className="quiet"> run {runs.length}</span> : null}
      </p>
      <p>{proofOf(last)}</p>
      {findings === 0 ? null : (
        <p className="bad">
          <Icon name="shield" /> {counted(findings, 'tamper finding')}
        </p>
      )}
    </>
  );
}

function Spent({ job, result, spent }: SummaryProps): ReactNode {
  const nowMs = useNow();
  const tokens =
    result === undefined
      ? spent.tokens
      : result.total_tokens_in === null && result.total_tokens_out === null
        ? null
        : (result.total_tokens_in ?? 0) + (result.total_tokens_out ?? 0);
  const end = job.finished_at === null ? nowMs : Date.parse(job.finished_at);
  const ms = job.started_at === null ? null : Math.max(0, end - Date.parse(job.started_at));
  const turns = result === undefined ? '' : `, ${counted(result.turns, 'turn')}`;
  return (
    <>
      <p className="strong">{money(result === undefined ? spent.usd : result.total_cost)}</p>
      <p>
        {ms === null ? 'not begun' : span(job.finished_at === null ? Math.floor(ms / 1000) * 1000 : ms)}
        <span className="quiet"> · {amount(tokens)} tokens</span>
      </p>
      <p className="quiet">
        {shown(job.agent)}
        {job.model === null ? '' : ` (${shown(job.model)})`}
        {turns}
      </p>
    </>
  );
}

/** What can be done next. @param waits what is said of that while there is nothing to do */
export function Next({
  job,
  result,
  waits = 'Nothing: it ends by itself. A message reaches the agent when it asks next.',
  children,
}: Pick<SummaryProps, 'job' | 'result' | 'children'> & { readonly waits?: string | null }): ReactNode {
  const address = webAddress(job.pr_url);
  const number = address === null ? '' : (/\/pull\/(\d+)/.exec(address)?.[1] ?? '');
  const hint = job.error?.hint ?? null;
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

/** The five answers, side by side. */
export function Summary(props: SummaryProps): ReactNode {
  return (
    <dl className="answers card">
      <div>
        <dt>Asked</dt>
        <dd>
          <Asked job={props.job} />
        </dd>
      </div>
      <div>
        <dt>Happened</dt>
        <dd aria-live="polite">
          <Happened {...props} />
        </dd>
      </div>
      <div>
        <dt>Proven</dt>
        <dd>
          <Proven {...props} />
        </dd>
      </div>
      <div>
        <dt>Spent</dt>
        <dd>
          <Spent {...props} />
        </dd>
      </div>
      <div className="next">
        <dt>Next</dt>
        <dd>
          <Next {...props} />
        </dd>
      </div>
    </dl>
  );
}

/** The agent's own words at its end, which are a claim and look like one. */
export function Claim({ result }: { readonly result: JobResult | undefined }): ReactNode {
  if (result === undefined || result.summary.trim() === '') return null;
  return (
    <details className="claim card">
      <summary>
        <Icon name="say" /> <b>The agent says:</b> <span dir="auto">{firstLine(result.summary)}</span>
      </summary>
      <p className="prose" dir="auto">
        {shown(result.summary)}
      </p>
    </details>
  );
}
