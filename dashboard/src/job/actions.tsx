/** What a person can do to a job: stop it, ask again, answer it, tell its agent something, go on from it. */
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import type { Budget } from '../../../src/job/request.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import { onceKey, post } from '../api/call.ts';
import { hasEnded, jobQuery, queries, sessionQuery } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { CancelSheet, Sheet } from '../parts/ask.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure } from '../parts/notes.tsx';
import { shown } from '../parts/words.ts';

interface Accepted {
  readonly job_id: string;
}

/** Asks for a job that goes on with what this one left, on its branch. */
export async function followUp(job: JobView, task: string): Promise<string> {
  const asked = { repo: job.repo, task, agent: job.agent, session_id: job.session_id ?? job.job_id };
  const { job_id: jobId } = await post<Accepted>('/api/jobs', asked, onceKey());
  await queries.invalidateQueries({ queryKey: sessionQuery(job).queryKey });
  return jobId;
}

/** Asks once more for what an ended job was asked, and goes to the new one. @param budget what may be spent otherwise */
export function useRetry(job: JobView): (budget?: Partial<Budget>) => Promise<void> {
  const say = useSay();
  const [, go] = useLocation();
  return async (budget = {}) => {
    const body = Object.keys(budget).length === 0 ? undefined : { budget };
    const { job_id: jobId } = await post<Accepted>(`/api/jobs/${job.job_id}/retry`, body, onceKey());
    say.done('Asked once more, as a new job');
    go(`/job/${jobId}`);
  };
}

/** Leaves words for the agent of a job that has not ended. */
export async function sendMessage(job: JobView, text: string): Promise<void> {
  await post(`/api/jobs/${job.job_id}/messages`, { text });
  await queries.invalidateQueries(jobQuery(job.job_id));
}

/** A field for words, with the button that sends them. It empties itself when they were taken. */
export function Words({
  label,
  button,
  onSend,
  onLeave,
  autoFocus = false,
}: {
  readonly label: string;
  readonly button: string;
  readonly onSend: (text: string) => Promise<void>;
  /** Where the words are kept for later, and may be left unsaid. */
  readonly onLeave?: () => void;
  readonly autoFocus?: boolean;
}): ReactNode {
  const id = useId();
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      await onSend(text.trim());
      setText('');
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <form className="words" onSubmit={(event) => void send(event)}>
      <label htmlFor={id}>{label}</label>
      <textarea
        id={id}
        rows={3}
        required
        maxLength={100_000}
        // It is there because somebody just asked for it.
        autoFocus={autoFocus}
        dir="auto"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
            event.currentTarget.form?.requestSubmit();
        }}
      />
      {error === null ? null : <Failure error={error} />}
      <div className="words-foot">
        <span className="hint">Ctrl Enter {onLeave === undefined ? 'sends' : 'keeps'} it</span>
        {onLeave === undefined ? null : (
          <button type="button" className="button plain" onClick={onLeave}>
            Discard
          </button>
        )}
        <button type="submit" className="button primary" disabled={isBusy || text.trim() === ''}>
          {button}
        </button>
      </div>
    </form>
  );
}

/** The question of a job that waits, and the answer to it. */
export function Question({ job, canAct }: { readonly job: JobView; readonly canAct: boolean }): ReactNode {
  const say = useSay();
  if (job.status !== 'needs_input' || job.question === null) return null;
  const answer = async (text: string): Promise<void> => {
    await sendMessage(job, text);
    say.done('Answered: the job goes on');
  };
  return (
    <section className="question card" aria-label="Question of the agent">
      <p className="quiet">
        <Icon name="ask" /> The agent can’t go on without an answer:
      </p>
      <p className="prose strong" dir="auto">
        {shown(job.question)}
      </p>
      {canAct ? <Words label="Your answer" button="Answer" onSend={answer} /> : null}
    </section>
  );
}

function WriteSheet({
  open,
  isOver,
  onClose,
  onSend,
}: {
  readonly open: boolean;
  readonly isOver: boolean;
  readonly onClose: () => void;
  readonly onSend: (text: string) => Promise<void>;
}): ReactNode {
  return (
    <Sheet open={open} onClose={onClose} title={isOver ? 'Follow up on this job' : 'Message for the agent'}>
      <Words
        label={
          isOver
            ? 'What should be different? A new job goes on from this one’s change, on its branch.'
            : 'The agent reads it when it asks next.'
        }
        button={isOver ? 'Ask for it' : 'Send'}
        onSend={onSend}
        autoFocus
      />
    </Sheet>
  );
}

/** The buttons of a job. @param isWriting whether the field for words is open */
export function Actions({
  job,
  isWriting,
  onWriting,
}: {
  readonly job: JobView;
  readonly isWriting: boolean;
  readonly onWriting: (isWriting: boolean) => void;
}): ReactNode {
  const say = useSay();
  const [, go] = useLocation();
  const retry = useRetry(job);
  const [isAsked, setAsked] = useState(false);
  const isOver = hasEnded(job);
  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (refusal) {
      say.failed(refusal);
    }
  };
  const cancel = async (): Promise<void> => {
    setAsked(false);
    await post(`/api/jobs/${job.job_id}/cancel`);
    await queries.invalidateQueries(jobQuery(job.job_id));
    say.done('Cancelled: what it did is saved');
  };
  const write = async (text: string): Promise<void> => {
    if (isOver) go(`/job/${await followUp(job, text)}`);
    else await sendMessage(job, text);
    onWriting(false);
    say.done(isOver ? 'Asked for: it goes on where this one ended' : 'Left for the agent');
  };
  return (
    <>
      <div className="actions">
        <button type="button" className="button" onClick={() => onWriting(true)}>
          <Icon name="say" /> {isOver ? 'Follow up' : 'Message'}
        </button>
        {isOver ? (
          <>
            <button type="button" className="button" onClick={() => void attempt(retry)}>
              <Icon name="again" /> Retry
            </button>
            <Link className="button" href={`/new?from=${job.job_id}`} title="The same again, with changes">
              Retry with changes
            </Link>
          </>
        ) : (
          <button type="button" className="button" onClick={() => setAsked(true)}>
            <Icon name="stop" /> Cancel
          </button>
        )}
      </div>
      <CancelSheet
        title="Cancel this job?"
        open={isAsked}
        onClose={() => setAsked(false)}
        onCancel={() => void attempt(cancel)}
      >
        It is stopped where it is. What it did is saved, and can be got back.
      </CancelSheet>
      <WriteSheet open={isWriting} isOver={isOver} onClose={() => onWriting(false)} onSend={write} />
    </>
  );
}
