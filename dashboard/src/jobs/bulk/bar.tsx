/** What can be done to several jobs at once, and what came of it. */
import { useRef, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { JobView } from '../../../../src/job/view/view.ts';
import { hasEnded } from '../../api/queries.ts';
import { useSay } from '../../frame/notices.tsx';
import { Sheet } from '../../parts/ask.tsx';
import { counted, firstLine, shown } from '../../parts/words.ts';
import { MAX_CHOSEN } from './choice.ts';
import { isRun } from '../filter.ts';
import { toAll, type Account, type Action } from './together.ts';

const DONE: Readonly<Record<Action, string>> = { cancel: 'cancelled', retry: 'asked for once more' };
/** Refused jobs that are named for one reason. */
const MAX_NAMED = 5;

function Told({ account, onClose }: { readonly account: Account; readonly onClose: () => void }): ReactNode {
  const { action, done, all, refused, left } = account;
  return (
    <>
      <p>
        {done} of {counted(all, 'job')} {done === 1 ? 'was' : 'were'} {DONE[action]}.
        {left === 0 ? '' : ` ${left} were left as they are, because it was stopped.`}
      </p>
      {refused.map(({ why, jobs }) => (
        <section key={why} className="refused">
          <h3>
            {counted(jobs.length, 'job')} refused: {shown(why)}
          </h3>
          <ul>
            {jobs.slice(0, MAX_NAMED).map((job) => (
              <li key={job.job_id}>
                <Link href={`/job/${job.job_id}`}>{firstLine(job.task)}</Link>
              </li>
            ))}
            {jobs.length > MAX_NAMED ? <li>and {jobs.length - MAX_NAMED} more</li> : null}
          </ul>
        </section>
      ))}
      <footer>
        <button type="button" className="button primary" onClick={onClose}>
          Close
        </button>
      </footer>
    </>
  );
}

interface AskProps {
  readonly action: Action;
  readonly jobs: readonly JobView[];
  readonly onNo: () => void;
  readonly onYes: () => void;
}

function Ask({ action, jobs, onNo, onYes }: AskProps): ReactNode {
  const runs = jobs.filter(isRun).length;
  return (
    <>
      <p>
        {action === 'cancel'
          ? `${counted(jobs.length, 'job')} will be stopped. What they did is saved.`
          : `${counted(jobs.length, 'new job')} will be asked what these were asked.`}
        {runs === 0 ? '' : ` ${counted(runs, 'run')} of pipelines among them, with their steps.`}
      </p>
      <footer>
        <button type="button" className="button plain" onClick={onNo}>
          No
        </button>
        <button
          type="button"
          className={action === 'cancel' ? 'button danger' : 'button primary'}
          onClick={onYes}
        >
          {action === 'cancel' ? 'Cancel them' : 'Ask'}
        </button>
      </footer>
    </>
  );
}

type Stage =
  | { readonly kind: 'asks'; readonly action: Action; readonly jobs: readonly JobView[] }
  | { readonly kind: 'works'; readonly action: Action; readonly all: number; readonly asked: number }
  | { readonly kind: 'done'; readonly account: Account };

function titleOf(stage: Stage): string {
  if (stage.kind === 'done') return 'What came of it';
  if (stage.kind === 'works') return stage.action === 'cancel' ? 'Cancelling' : 'Asking once more';
  return stage.action === 'cancel' ? 'Cancel these jobs?' : 'Ask for these once more?';
}

function Working({
  stage: { asked, all },
  onStop,
}: {
  readonly stage: Extract<Stage, { kind: 'works' }>;
  readonly onStop: () => void;
}): ReactNode {
  return (
    <>
      <p role="status">
        {asked} of {counted(all, 'job')}
      </p>
      <progress value={asked} max={all} aria-label="Jobs that were asked about" />
      <footer>
        <button type="button" className="button" onClick={onStop}>
          Stop here
        </button>
      </footer>
    </>
  );
}

interface BarProps {
  readonly jobs: readonly JobView[];
  readonly fit: Readonly<Record<Action, readonly JobView[]>>;
  readonly onAsk: (action: Action) => void;
  readonly onClear: () => void;
}

function Bar({ jobs, fit, onAsk, onClear }: BarProps): ReactNode {
  const button = (action: Action, word: string): ReactNode => (
    <button
      type="button"
      className="button"
      disabled={fit[action].length === 0}
      onClick={() => onAsk(action)}
    >
      {word} {fit[action].length === 0 ? '' : fit[action].length}
    </button>
  );
  return (
    <div className="bulk" role="region" aria-label="Chosen jobs">
      <span>
        {counted(jobs.length, 'job')} chosen
        {jobs.length >= MAX_CHOSEN ? ', which is as many as go at once' : ''}
      </span>
      {button('cancel', 'Cancel')}
      {button('retry', 'Retry')}
      <button type="button" className="button plain" onClick={onClear}>
        Let go
      </button>
    </div>
  );
}

/** The bar that stands below the list while jobs are chosen. */
export function Bulk({
  jobs,
  onClear,
}: {
  readonly jobs: readonly JobView[];
  readonly onClear: () => void;
}): ReactNode {
  const say = useSay();
  const [stage, setStage] = useState<Stage | null>(null);
  const stop = useRef(new AbortController());
  if (jobs.length === 0 && stage === null) return null;
  const fit: Readonly<Record<Action, readonly JobView[]>> = {
    cancel: jobs.filter((job) => !hasEnded(job)),
    retry: jobs.filter(hasEnded),
  };
  const act = async (action: Action, meant: readonly JobView[]): Promise<void> => {
    stop.current = new AbortController();
    const show = (asked: number): void => setStage({ kind: 'works', action, all: meant.length, asked });
    show(0);
    const account = await toAll(meant, action, show, stop.current.signal);
    onClear();
    const isWhole = account.refused.length === 0 && account.left === 0;
    setStage(isWhole ? null : { kind: 'done', account });
    if (isWhole) say.done(`${counted(account.done, 'job')} ${DONE[action]}`);
  };
  const close = (): void => {
    if (stage?.kind === 'works') stop.current.abort();
    else setStage(null);
  };
  return (
    <>
      {jobs.length === 0 ? null : (
        <Bar
          jobs={jobs}
          fit={fit}
          onAsk={(action) => setStage({ kind: 'asks', action, jobs: fit[action] })}
          onClear={onClear}
        />
      )}
      <Sheet open={stage !== null} onClose={close} title={stage === null ? '' : titleOf(stage)}>
        {stage?.kind === 'asks' ? (
          <Ask
            action={stage.action}
            jobs={stage.jobs}
            onNo={() => setStage(null)}
            onYes={() => void act(stage.action, stage.jobs)}
          />
        ) : null}
        {stage?.kind === 'works' ? <Working stage={stage} onStop={() => stop.current.abort()} /> : null}
        {stage?.kind === 'done' ? <Told account={stage.account} onClose={() => setStage(null)} /> : null}
      </Sheet>
    </>
  );
}
