/** Asking for a job: a repository and a sentence are enough, the rest is there for who wants it. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState, type FormEvent, type ReactNode, type RefObject } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { Budget } from '../../../../src/job/request.ts';
import type { DemoView, WhoView } from '../../../../src/server/dashboard/view.ts';
import { post, Refusal } from '../../api/call.ts';
import { jobQuery, limitsQuery, queries, usageQuery } from '../../api/queries.ts';
import { useSay } from '../../frame/notices.tsx';
import { useTitle } from '../../frame/shell.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Failure } from '../../parts/notes.tsx';
import { shown } from '../../parts/words.ts';
import { AgentField } from './agent.tsx';
import { useDraft } from './draft.ts';
import { Field } from './field.tsx';
import { More, type PartProps } from './more.tsx';
import { bodyOf, faultsOf, isIssue, wishOf, type Faults, type Wish } from './wish.ts';

const NO_FAULTS: Faults = { byField: {}, other: [] };

function Demo({ onDemo }: { readonly onDemo: (demo: DemoView) => void }): ReactNode {
  const say = useSay();
  const [isBusy, setBusy] = useState(false);
  const make = async (): Promise<void> => {
    setBusy(true);
    try {
      onDemo(await post<DemoView>('/api/demo'));
    } catch (refusal) {
      say.failed(refusal);
    }
    setBusy(false);
  };
  return (
    <div className="note demo">
      <div>
        <p className="strong">Nothing at hand?</p>
        <p className="quiet">
          A small repository and a scripted agent: it breaks a test, the gate goes red, it mends it. No key,
          no network.
        </p>
      </div>
      <button type="button" className="button" disabled={isBusy} onClick={() => void make()}>
        Try the demo
      </button>
    </div>
  );
}

/** What was refused, in the server's words; what is about a field stands there, too. */
function Refused({ error, faults }: { readonly error: unknown; readonly faults: Faults }): ReactNode {
  return (
    <>
      <Failure error={error} />
      {faults.other.length === 0 ? null : (
        <ul className="field-errors">
          {faults.other.map(({ field, allowed }) => (
            <li key={field}>
              <b>{shown(field)}</b>: {shown(allowed)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Repository({ wish, faults, onChange }: PartProps): ReactNode {
  const known = useId();
  const { data: usage } = useQuery(usageQuery('repo', 'all'));
  const { data: limits } = useQuery(limitsQuery);
  const repos = (usage?.rows ?? []).flatMap(({ key }) => key ?? []);
  const onForge =
    limits?.has_forge === false
      ? 'A URL, or a path on the server’s machine; owner/name once the server has a token for a forge'
      : 'owner/name on the forge, a URL, a path on the server’s machine, or an issue: owner/name#12';
  return (
    <>
      <Field label="Repository" hint={onForge} fault={faults.repo}>
        {(tied) => (
          <input
            {...tied}
            required
            list={known}
            maxLength={4096}
            autoCapitalize="off"
            spellCheck={false}
            value={wish.repo}
            onChange={(event) => onChange({ repo: event.target.value })}
          />
        )}
      </Field>
      <datalist id={known}>
        {repos.map((repo) => (
          <option key={repo} value={repo} />
        ))}
      </datalist>
    </>
  );
}

const MODES: Readonly<Record<Wish['mode'], string>> = {
  change: 'Change the repository',
  ask: 'Only answer a question',
};

function Task({ wish, faults, onChange }: PartProps): ReactNode {
  const hint = isIssue(wish.repo)
    ? 'The issue is the task; what stands here is told beside it.'
    : wish.mode === 'ask'
      ? 'The question. Nothing is changed, and nothing proposed.'
      : 'What should change, in a sentence or more. The first line names the job.';
  return (
    <>
      <div className="choices" role="group" aria-label="What is asked for">
        {(Object.keys(MODES) as Wish['mode'][]).map((mode) => (
          <button
            key={mode}
            type="button"
            aria-pressed={wish.mode === mode}
            onClick={() => onChange({ mode })}
          >
            {MODES[mode]}
          </button>
        ))}
      </div>
      <Field label="Task" hint={hint} fault={faults.task}>
        {(tied) => (
          <textarea
            {...tied}
            required={!isIssue(wish.repo)}
            rows={7}
            dir="auto"
            value={wish.task}
            onChange={(event) => onChange({ task: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

/** Fills the form with what a job was asked by, where the address names one. */
function useSame(from: string | null, most: Budget, fill: (wish: Wish) => void): void {
  const say = useSay();
  const filled = useRef('');
  useEffect(() => {
    if (from === null || filled.current === from) return;
    filled.current = from;
    queries
      .fetchQuery(jobQuery(from))
      .then((job) => fill(wishOf(job, most)))
      .catch(say.failed);
  }, [from, most, fill, say]);
}

/** Leads to the first field that was refused. */
function useFirstFault(form: RefObject<HTMLFormElement | null>, faults: Faults): void {
  useEffect(() => {
    if (Object.keys(faults.byField).length > 0)
      form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  }, [form, faults]);
}

function Foot({
  isBusy,
  submit,
}: {
  readonly isBusy: boolean;
  readonly submit: RefObject<HTMLButtonElement | null>;
}): ReactNode {
  return (
    <div className="form-foot">
      <span className="hint">
        <Icon name="shield" /> Nothing is merged: it ends in a proposal, or in the reason why not.
      </span>
      <span className="hint">Ctrl Enter</span>
      <button ref={submit} type="submit" className="button primary" disabled={isBusy}>
        Ask for it
      </button>
    </div>
  );
}

/** The page. */
export function NewPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('New job');
  const [, go] = useLocation();
  const [search] = useSearchParams();
  const { wish, once, isKept, change, replace, forget } = useDraft(search);
  const [error, setError] = useState<unknown>(null);
  const [faults, setFaults] = useState(NO_FAULTS);
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useSame(search.get('from'), who.most, replace);
  useFirstFault(form, faults);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setError(null);
    setFaults(NO_FAULTS);
    setBusy(true);
    try {
      const { job_id: jobId } = await post<{ job_id: string }>('/api/jobs', bodyOf(wish), once);
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      forget();
      go(`/job/${jobId}`);
    } catch (refusal) {
      setError(refusal);
      setFaults(refusal instanceof Refusal ? faultsOf(refusal.fields) : NO_FAULTS);
      setBusy(false);
    }
  };
  const parts: PartProps = { wish, faults: faults.byField, onChange: change };
  return (
    <div className="page stack narrow">
      <header className="head-line">
        <h1>New job</h1>
        {isKept ? (
          <button type="button" className="button plain" onClick={forget}>
            Start over
          </button>
        ) : null}
      </header>
      {who.role === 'admin' ? (
        <Demo
          onDemo={({ repo, task, agent }) => {
            change({ repo, task, agent, mode: 'change' });
            button.current?.focus();
          }}
        />
      ) : null}
      <form
        ref={form}
        className="card form"
        onSubmit={(event) => void submit(event)}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) event.currentTarget.requestSubmit();
        }}
      >
        <Repository {...parts} />
        <Task {...parts} />
        <AgentField wish={wish} fault={parts.faults.agent} onChange={change} />
        <More {...parts} who={who} />
        {error === null ? null : <Refused error={error} faults={faults} />}
        <Foot isBusy={isBusy} submit={button} />
      </form>
    </div>
  );
}
