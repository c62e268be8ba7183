/** Running a pipeline: one that is kept, or one that a repository brings along. What is said here wins over its own. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import type { StoredPipeline } from '../../../src/job/pipeline/definition.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { onceKey, post, Refusal } from '../api/call.ts';
import { agentsQuery, queries, usageQuery } from '../api/queries.ts';
import { Icon } from '../parts/icon.tsx';
import { Failure } from '../parts/notes.tsx';
import { shown } from '../parts/words.ts';

interface Wish {
  readonly name: string;
  readonly repo: string;
  readonly base: string;
  readonly agent: string;
  readonly model: string;
  readonly maxCost: string;
  readonly minutes: string;
  readonly draft: boolean;
}

const NOTHING: Wish = {
  name: '',
  repo: '',
  base: '',
  agent: '',
  model: '',
  maxCost: '',
  minutes: '',
  draft: false,
};

/** What is sent: only what was said. */
function bodyOf({ repo, base, agent, model, maxCost, minutes, draft }: Wish): Record<string, unknown> {
  const named = Object.entries({ repo: repo.trim(), base: base.trim(), agent, model: model.trim() });
  const budget = {
    ...(maxCost === '' ? {} : { max_cost_usd: Number(maxCost) }),
    ...(minutes === '' ? {} : { timeout_s: Math.round(Number(minutes) * 60) }),
  };
  return {
    ...Object.fromEntries(named.filter(([, value]) => value !== '')),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(draft ? { draft: true } : {}),
  };
}

interface FieldProps {
  readonly wish: Wish;
  readonly onChange: (part: Partial<Wish>) => void;
}

function Text({
  label,
  hint,
  value,
  onValue,
  ...rest
}: {
  readonly label: string;
  readonly hint?: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
} & Pick<React.ComponentProps<'input'>, 'required' | 'list' | 'type' | 'min' | 'step'>): ReactNode {
  return (
    <label className="field">
      <span>{label}</span>
      <input
        {...rest}
        maxLength={4096}
        autoCapitalize="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onValue(event.target.value)}
      />
      {hint === undefined ? null : <small className="hint">{hint}</small>}
    </label>
  );
}

function More({ wish, onChange }: FieldProps): ReactNode {
  const { data } = useQuery(agentsQuery);
  return (
    <details className="more-fields">
      <summary>Base, agent, budget</summary>
      <div className="field-grid">
        <Text
          label="Base"
          hint="Branch, tag or commit"
          value={wish.base}
          onValue={(base) => onChange({ base })}
        />
        <label className="field">
          <span>Agent</span>
          <select value={wish.agent} onChange={(event) => onChange({ agent: event.target.value })}>
            <option value="">As the pipeline or the server has it</option>
            {(data?.agents ?? []).map(({ name, ready }) => (
              <option key={name} value={name}>
                {name}
                {ready ? '' : ' (not ready)'}
              </option>
            ))}
          </select>
          <small className="hint">Of steps that name none</small>
        </label>
        <Text label="Model" value={wish.model} onValue={(model) => onChange({ model })} />
        <Text
          label="Most all steps may cost, in dollars"
          type="number"
          min="0"
          step="0.01"
          value={wish.maxCost}
          onValue={(maxCost) => onChange({ maxCost })}
        />
        <Text
          label="Longest it may take, in minutes"
          type="number"
          min="0.1"
          step="any"
          value={wish.minutes}
          onValue={(minutes) => onChange({ minutes })}
        />
      </div>
      <label className="check">
        <input
          type="checkbox"
          checked={wish.draft}
          onChange={(event) => onChange({ draft: event.target.checked })}
        />
        Propose it as a draft
      </label>
    </details>
  );
}

/** What the server did not take, with every field that it names. */
export function Refused({ error }: { readonly error: unknown }): ReactNode {
  const fields = error instanceof Refusal ? error.fields : [];
  return (
    <>
      <Failure error={error} />
      {fields.length < 2 ? null : (
        <ul className="field-errors">
          {fields.map(({ field, allowed }) => (
            <li key={`${field} ${allowed}`}>
              <b>{shown(field)}</b>: {shown(allowed)}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** Repositories that were worked on before. */
function Known({ id }: { readonly id: string }): ReactNode {
  const { data: usage } = useQuery(usageQuery('repo', 'all'));
  return (
    <datalist id={id}>
      {(usage?.rows ?? [])
        .flatMap(({ key }) => key ?? [])
        .map((repo) => (
          <option key={repo} value={repo} />
        ))}
    </datalist>
  );
}

/** On which repository, and which pipeline of it where none is given. */
function Where({
  pipeline,
  wish,
  onChange,
}: FieldProps & { readonly pipeline: StoredPipeline | null }): ReactNode {
  const known = useId();
  const own = pipeline?.definition.repo_url ?? null;
  return (
    <>
      <Text
        label="Repository"
        hint={
          own === null
            ? 'owner/name on the forge, a URL, or a path on the server’s machine'
            : `${shown(own)} unless given`
        }
        required={own === null}
        list={known}
        value={wish.repo}
        onValue={(value) => onChange({ repo: value })}
      />
      <Known id={known} />
      {pipeline === null ? (
        <Text
          label="Pipeline"
          hint="The name of a file in its .agent-runner/pipelines, without the ending"
          required
          value={wish.name}
          onValue={(name) => onChange({ name })}
        />
      ) : null}
    </>
  );
}

/** The form. @param pipeline the one that is run; `null`: one of a repository, by its name @param repo filled in */
export function Start({
  pipeline,
  repo = '',
}: {
  readonly pipeline: StoredPipeline | null;
  readonly repo?: string;
}): ReactNode {
  const [, go] = useLocation();
  const [wish, setWish] = useState({ ...NOTHING, repo });
  const [once, setOnce] = useState(onceKey);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const change = (part: Partial<Wish>): void => {
    setWish((before) => ({ ...before, ...part }));
    // Another wish is another run.
    setOnce(onceKey());
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      const { run_id: runId } =
        pipeline === null
          ? await post<RunView>('/api/runs', { ...bodyOf(wish), pipeline: wish.name.trim() }, once)
          : await post<RunView>(`/api/pipelines/${pipeline.pipeline_id}/run`, bodyOf(wish), once);
      void queries.invalidateQueries({ queryKey: ['runs'] });
      go(`/run/${runId}`);
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <form className="card form" onSubmit={(event) => void submit(event)}>
      <Where pipeline={pipeline} wish={wish} onChange={change} />
      <More wish={wish} onChange={change} />
      {error === null ? null : <Refused error={error} />}
      <div className="form-foot">
        <span className="hint">
          <Icon name="shield" /> All steps end in one proposal, judged as a whole. Nothing is merged.
        </span>
        <button type="submit" className="button primary" disabled={isBusy}>
          Run it
        </button>
      </div>
    </form>
  );
}
