/** Asking for a job: a repository and a sentence are enough, the rest is there for who wants it. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { AgentView, DemoView, WhoView } from '../../../src/server/dashboard/view.ts';
import { onceKey, post, Refusal } from '../api/call.ts';
import { agentsQuery, queries, usageQuery } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure } from '../parts/notes.tsx';
import { shown } from '../parts/words.ts';

/** What is being asked for, as it stands in the fields. */
interface Wish {
  readonly repo: string;
  readonly task: string;
  readonly agent: string;
  readonly model: string;
  readonly base: string;
  readonly sandbox: string;
  readonly maxCost: string;
  readonly minutes: string;
  readonly draft: boolean;
  readonly mode: 'change' | 'ask';
  readonly callback: string;
}

const NOTHING: Wish = {
  repo: '',
  task: '',
  agent: '',
  model: '',
  base: '',
  sandbox: '',
  maxCost: '',
  minutes: '',
  draft: false,
  mode: 'change',
  callback: '',
};

/** The fields of the API by what people see, for refusals that name one. */
const FIELDS: Readonly<Record<string, string>> = {
  repo: 'Repository',
  task: 'Task',
  agent: 'Agent',
  base: 'Base',
};

function bodyOf(wish: Wish): Readonly<Record<string, unknown>> {
  const named = Object.entries({
    agent: wish.agent,
    model: wish.model.trim(),
    base: wish.base.trim(),
    sandbox: wish.sandbox,
    callback_url: wish.callback.trim(),
  }).filter(([, value]) => value !== '');
  const budget = {
    ...(wish.maxCost === '' ? {} : { max_cost_usd: Number(wish.maxCost) }),
    ...(wish.minutes === '' ? {} : { timeout_s: Math.round(Number(wish.minutes) * 60) }),
  };
  return {
    repo: wish.repo.trim(),
    task: wish.task.trim(),
    ...Object.fromEntries(named),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(wish.draft ? { draft: true } : {}),
    ...(wish.mode === 'ask' ? { mode: 'ask' } : {}),
  };
}

interface PartProps {
  readonly wish: Wish;
  readonly onChange: (change: Partial<Wish>) => void;
}

function Field({
  label,
  hint,
  children,
}: {
  readonly label: string;
  readonly hint?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <label className="field">
      <span>{label}</span>
      {children}
      {hint === undefined ? null : <small className="hint">{hint}</small>}
    </label>
  );
}

function agentHint(agents: readonly AgentView[], wanted: string, fallback: string | null): string {
  const one = agents.find(({ name }) => name === (wanted === '' ? fallback : wanted));
  if (one === undefined)
    return wanted === '' && fallback === null ? 'None is configured here: choose one' : '';
  return shown(one.ready || one.fix === null ? one.detail : `${one.detail}: ${one.fix}`);
}

function AgentField({ wish, onChange }: PartProps): ReactNode {
  const { data } = useQuery(agentsQuery);
  const agents = data?.agents ?? [];
  const fallback = data?.default ?? null;
  return (
    <Field label="Agent" hint={agentHint(agents, wish.agent, fallback)}>
      <select value={wish.agent} onChange={(event) => onChange({ agent: event.target.value })}>
        <option value="">{fallback === null ? 'As configured' : `As configured (${fallback})`}</option>
        {wish.agent === '' || agents.some(({ name }) => name === wish.agent) ? null : (
          <option value={wish.agent}>{wish.agent}</option>
        )}
        {agents
          .toSorted((a, b) => Number(b.ready) - Number(a.ready))
          .map(({ name, ready }) => (
            <option key={name} value={name}>
              {name}
              {ready ? '' : ' (not ready)'}
            </option>
          ))}
      </select>
    </Field>
  );
}

function Choices({ wish, onChange }: PartProps): ReactNode {
  return (
    <>
      <label className="check">
        <input
          type="checkbox"
          checked={wish.draft}
          onChange={(event) => onChange({ draft: event.target.checked })}
        />
        Propose it as a draft
      </label>
      <label className="check">
        <input
          type="checkbox"
          checked={wish.mode === 'ask'}
          onChange={(event) => onChange({ mode: event.target.checked ? 'ask' : 'change' })}
        />
        Only answer a question; nothing is changed
      </label>
    </>
  );
}

function More({ wish, onChange }: PartProps): ReactNode {
  return (
    <details className="more-fields">
      <summary>Base, budget, sandbox and more</summary>
      <div className="field-grid">
        <Field label="Base" hint="Branch, tag or commit; the default branch unless given">
          <input
            value={wish.base}
            maxLength={200}
            onChange={(event) => onChange({ base: event.target.value })}
          />
        </Field>
        <Field label="Model" hint="As configured unless given">
          <input
            value={wish.model}
            maxLength={200}
            onChange={(event) => onChange({ model: event.target.value })}
          />
        </Field>
        <Field label="Most it may cost, in dollars">
          <input
            type="number"
            min="0"
            step="0.01"
            value={wish.maxCost}
            onChange={(event) => onChange({ maxCost: event.target.value })}
          />
        </Field>
        <Field label="Longest it may take, in minutes">
          <input
            type="number"
            min="0.1"
            step="any"
            value={wish.minutes}
            onChange={(event) => onChange({ minutes: event.target.value })}
          />
        </Field>
        <Field label="Sandbox">
          <select value={wish.sandbox} onChange={(event) => onChange({ sandbox: event.target.value })}>
            <option value="">As configured</option>
            <option value="auto">auto: the strongest that works</option>
            <option value="bubblewrap">bubblewrap</option>
            <option value="host">host: no isolation</option>
          </select>
        </Field>
        <Field label="Tell this address of its end" hint="A signed POST">
          <input
            type="url"
            value={wish.callback}
            maxLength={2000}
            onChange={(event) => onChange({ callback: event.target.value })}
          />
        </Field>
      </div>
      <Choices wish={wish} onChange={onChange} />
    </details>
  );
}

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

function Refused({ error }: { readonly error: unknown }): ReactNode {
  const fields = error instanceof Refusal ? error.fields : [];
  return (
    <>
      <Failure error={error} />
      {fields.length === 0 ? null : (
        <ul className="field-errors">
          {fields.map(({ field, allowed }) => (
            <li key={field}>
              <b>{FIELDS[field] ?? field}</b>: {shown(allowed)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function What({ wish, onChange }: PartProps): ReactNode {
  const known = useId();
  const { data: usage } = useQuery(usageQuery('repo', 'all'));
  const repos = (usage?.rows ?? []).flatMap(({ key }) => key ?? []);
  return (
    <>
      <Field label="Repository" hint="owner/name on the forge, a URL, or a path on the server’s machine">
        <input
          required
          list={known}
          maxLength={4096}
          autoCapitalize="off"
          spellCheck={false}
          value={wish.repo}
          onChange={(event) => onChange({ repo: event.target.value })}
        />
      </Field>
      <datalist id={known}>
        {repos.map((repo) => (
          <option key={repo} value={repo} />
        ))}
      </datalist>
      <Field label="Task" hint="What should change, in a sentence or more. The first line names the job.">
        <textarea
          required
          rows={7}
          dir="auto"
          value={wish.task}
          onChange={(event) => onChange({ task: event.target.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
              event.currentTarget.form?.requestSubmit();
          }}
        />
      </Field>
    </>
  );
}

/** The page. */
export function NewPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('New job');
  const [, go] = useLocation();
  const [search] = useSearchParams();
  const [wish, setWish] = useState<Wish>({
    ...NOTHING,
    repo: search.get('repo') ?? '',
    task: search.get('task') ?? '',
  });
  const [once, setOnce] = useState(onceKey);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const change = (part: Partial<Wish>): void => {
    setWish((before) => ({ ...before, ...part }));
    // Another wish is another job.
    setOnce(onceKey());
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      const { job_id: jobId } = await post<{ job_id: string }>('/api/jobs', bodyOf(wish), once);
      void queries.invalidateQueries({ queryKey: ['jobs'] });
      go(`/job/${jobId}`);
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <div className="page stack narrow">
      <h1>New job</h1>
      {who.role === 'admin' ? (
        <Demo onDemo={(demo) => change({ repo: demo.repo, task: demo.task, agent: demo.agent })} />
      ) : null}
      <form className="card form" onSubmit={(event) => void submit(event)}>
        <What wish={wish} onChange={change} />
        <AgentField wish={wish} onChange={change} />
        <More wish={wish} onChange={change} />
        {error === null ? null : <Refused error={error} />}
        <div className="form-foot">
          <span className="hint">
            <Icon name="shield" /> Nothing is merged: it ends in a proposal, or in the reason why not.
          </span>
          <button type="submit" className="button primary" disabled={isBusy}>
            Ask for it
          </button>
        </div>
      </form>
    </div>
  );
}
