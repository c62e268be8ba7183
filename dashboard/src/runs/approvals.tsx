/** What a run asks before it goes on: by which step, of whom, and the answer. */
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { post } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { runQuery } from '../api/runs.ts';
import { useSay } from '../frame/notices.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure } from '../parts/notes.tsx';
import { counted, shown } from '../parts/words.ts';
import { asks, whyNot, type RunStep } from './told.ts';

/** Questions that are shown at once; the others come when these are answered. */
const MAX_SHOWN = 10;

interface AskProps {
  readonly run: RunView;
  readonly step: RunStep & { readonly approval: NonNullable<RunStep['approval']> };
  readonly who: WhoView;
}

/** Where the answer to a step's question is, for the keyboard. */
function answerId(step: string): string {
  return `answer-${step}`;
}

/** Takes the keyboard to the answer of a step that asks. */
export function goToAnswer(step: string): void {
  document.querySelector<HTMLElement>(`#${CSS.escape(answerId(step))}`)?.focus();
}

/** The keyboard goes to the step when its question is about to go. */
function goToStep(step: string): void {
  const node = document.querySelector<HTMLElement>(`[data-step="${CSS.escape(step)}"]`);
  (node ?? document.querySelector<HTMLElement>('#main'))?.focus();
}

function Buttons({
  step,
  isBusy,
  onReject,
}: {
  readonly step: string;
  readonly isBusy: boolean;
  readonly onReject: () => void;
}): ReactNode {
  return (
    <div className="approve-foot">
      <button
        id={answerId(step)}
        type="submit"
        className="button primary"
        aria-label={`Approve ${step}`}
        disabled={isBusy}
      >
        <Icon name="tick" /> Approve
      </button>
      <button
        type="button"
        className="button"
        aria-label={`Reject ${step}`}
        disabled={isBusy}
        onClick={onReject}
      >
        <Icon name="cross" /> Reject
      </button>
      <span className="hint">The first answer counts. A rejected step fails.</span>
    </div>
  );
}

function Answer({ run, step }: Pick<AskProps, 'run' | 'step'>): ReactNode {
  const say = useSay();
  const [said, setSaid] = useState<string | null>(null);
  const noteId = useId();
  const [comment, setComment] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const decide = async (approved: boolean): Promise<void> => {
    setBusy(true);
    setError(null);
    const said = comment.trim() === '' ? {} : { comment: comment.trim() };
    try {
      const next = await post<RunView>(`/api/runs/${run.run_id}/approve`, {
        step: step.name,
        approved,
        ...said,
      });
      const words = approved ? 'approved' : 'rejected';
      goToStep(step.name);
      setSaid(`It is ${words}; the run goes on as soon as a worker takes it up.`);
      queries.setQueryData(runQuery(run.run_id).queryKey, next);
      say.done(`${step.name} is ${words}`);
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void decide(true);
  };
  if (said !== null) return <p role="status">{said}</p>;
  return (
    <form className="words" onSubmit={submit}>
      <label htmlFor={noteId}>A note (optional)</label>
      <textarea
        id={noteId}
        rows={2}
        maxLength={4000}
        dir="auto"
        value={comment}
        onChange={(event) => setComment(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
            event.currentTarget.form?.requestSubmit();
        }}
      />
      {error === null ? null : <Failure error={error} />}
      <Buttons step={step.name} isBusy={isBusy} onReject={() => void decide(false)} />
    </form>
  );
}

function Ask({ run, step, who }: AskProps): ReactNode {
  const { approvers, message } = step.approval;
  const no = whyNot(who, approvers);
  return (
    <section className="question card" aria-label={`${step.name} asks`}>
      <p className="quiet">
        <Icon name="ask" /> <b>{shown(step.name)}</b> asks before it begins.{' '}
        {approvers.length === 0
          ? 'Whoever may start jobs can answer.'
          : `To be answered by ${shown(approvers.join(' or '))}.`}
      </p>
      <p className="prose strong" dir="auto">
        {shown(message)}
      </p>
      {no === null ? (
        <Answer run={run} step={step} />
      ) : (
        <p id={answerId(step.name)} tabIndex={-1} className="quiet">
          <Icon name="key" /> {no}
        </p>
      )}
    </section>
  );
}

/** All that it asks: approvals, and the questions of its steps' agents, which are answered on their pages. */
export function Approvals({ run, who }: { readonly run: RunView; readonly who: WhoView }): ReactNode {
  const asking = run.steps.filter(asks);
  if (asking.length === 0) return null;
  return (
    <>
      {asking.slice(0, MAX_SHOWN).map((step) => {
        const { approval, job_id: jobId, name } = step;
        if (approval !== null) return <Ask key={name} run={run} step={{ ...step, approval }} who={who} />;
        return (
          <section key={name} className="question card" aria-label={`${name} asks`}>
            <p>
              <Icon name="ask" /> The agent of <b>{shown(name)}</b> can’t go on without an answer.{' '}
              {jobId === null ? null : <Link href={`/job/${jobId}`}>Answer it there</Link>}
            </p>
          </section>
        );
      })}
      {asking.length > MAX_SHOWN ? (
        <p className="quiet">{counted(asking.length - MAX_SHOWN, 'more question')} below these.</p>
      ) : null}
    </>
  );
}
