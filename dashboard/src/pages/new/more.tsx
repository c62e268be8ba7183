/** What few requests say: where to begin, what may be spent, how it is judged and proposed, who is told. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Budget } from '../../../../src/job/request.ts';
import type { LimitsView, WhoView } from '../../../../src/server/dashboard/view.ts';
import { limitsQuery } from '../../api/queries.ts';
import { amount, money } from '../../parts/words.ts';
import { Field } from './field.tsx';
import { isEmpty, NOTHING, type Faults, type Wish } from './wish.ts';

/** What the parts of the form are made of. */
export interface PartProps {
  readonly wish: Wish;
  readonly faults: Faults['byField'];
  readonly onChange: (change: Partial<Wish>) => void;
}

/** Fields that hold a text. */
type TextName = { [Name in keyof Wish]: Wish[Name] extends boolean ? never : Name }[keyof Wish];

function TextField({
  name,
  label,
  hint,
  wish,
  faults,
  onChange,
  ...rest
}: PartProps & {
  readonly name: Exclude<TextName, 'mode'>;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly type?: 'url';
  readonly pattern?: string;
  readonly title?: string;
}): ReactNode {
  return (
    <Field label={label} hint={hint} fault={faults[name]}>
      {(tied) => (
        <input
          {...tied}
          {...rest}
          maxLength={2000}
          autoCapitalize="off"
          spellCheck={false}
          value={wish[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
}

function Amount({
  name,
  label,
  unit,
  hint,
  min,
  max,
  step,
  wish,
  faults,
  onChange,
}: PartProps & {
  readonly name: 'maxCost' | 'maxTokens' | 'maxTurns' | 'minutes' | 'priority';
  readonly label: string;
  readonly unit?: string;
  readonly hint?: string | undefined;
  readonly min: number;
  readonly max?: number | undefined;
  readonly step: string;
}): ReactNode {
  return (
    <Field label={unit === undefined ? label : `${label}, in ${unit}`} hint={hint} fault={faults[name]}>
      {(tied) => (
        <input
          {...tied}
          type="number"
          inputMode="decimal"
          min={min}
          max={max}
          step={step}
          value={wish[name]}
          onChange={(event) => onChange({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
}

function Spending({ budget, ...props }: PartProps & { readonly budget: Budget }): ReactNode {
  const { max_cost_usd: cost, max_tokens: tokens, max_turns: turns } = budget;
  const minutes = budget.timeout_s / 60;
  const most = (text: string | null): string =>
    text === null ? 'No limit unless given' : `At most ${text}, and that unless given`;
  return (
    <fieldset className="group">
      <legend>What it may spend</legend>
      <div className="field-grid">
        <Amount
          {...props}
          name="maxCost"
          label="Cost"
          unit="dollars"
          min={0}
          max={cost ?? undefined}
          step="any"
          hint={most(cost === null ? null : money(cost))}
        />
        <Amount
          {...props}
          name="minutes"
          label="The agent’s time"
          unit="minutes"
          min={0.1}
          max={minutes}
          step="any"
          hint={most(String(Math.round(minutes * 10) / 10))}
        />
        <Amount
          {...props}
          name="maxTokens"
          label="Tokens"
          min={1}
          max={tokens ?? undefined}
          step="1"
          hint={most(tokens === null ? null : amount(tokens))}
        />
        <Amount
          {...props}
          name="maxTurns"
          label="Turns of the agent"
          min={1}
          max={turns ?? 500}
          step="1"
          hint={most(turns === null ? null : String(turns))}
        />
      </div>
    </fieldset>
  );
}

function Work({ limits, ...props }: PartProps & { readonly limits: LimitsView | undefined }): ReactNode {
  const { wish, faults, onChange } = props;
  const sandboxes = limits?.sandboxes ?? [];
  return (
    <fieldset className="group">
      <legend>How it works</legend>
      <div className="field-grid">
        <TextField
          {...props}
          name="base"
          label="Base"
          hint="Branch, tag or commit to begin from; the default branch unless given"
        />
        <TextField
          {...props}
          name="model"
          label="Model"
          hint={limits?.model == null ? 'As configured unless given' : `${limits.model} unless given`}
        />
        <Field
          label="Sandbox"
          fault={faults.sandbox}
          hint="Where the agent’s commands run. Whether it has a network, the server’s settings say."
        >
          {(tied) => (
            <select
              {...tied}
              value={wish.sandbox}
              onChange={(event) => onChange({ sandbox: event.target.value })}
            >
              <option value="">
                {limits === undefined ? 'As configured' : `As configured (${limits.sandbox})`}
              </option>
              {sandboxes.map((name) => (
                <option key={name} value={name}>
                  {name === 'auto'
                    ? 'auto: the strongest that works'
                    : name === 'host'
                      ? 'host: no isolation'
                      : name}
                </option>
              ))}
              {wish.sandbox === '' || sandboxes.some((name) => name === wish.sandbox) ? null : (
                <option value={wish.sandbox}>{wish.sandbox}</option>
              )}
            </select>
          )}
        </Field>
        <Amount
          {...props}
          name="priority"
          label="Priority"
          min={-1000}
          max={1000}
          step="1"
          hint="Higher goes first; 0 unless given"
        />
        <TextField
          {...props}
          name="session"
          label="Session"
          hint="Jobs of one session go on from one another, one after another"
          pattern="[A-Za-z0-9_\-]{1,64}"
          title="1 to 64 letters, digits, _ and -"
        />
      </div>
    </fieldset>
  );
}

function Check({
  name,
  label,
  wish,
  onChange,
}: PartProps & { readonly name: 'draft' | 'testChanges'; readonly label: string }): ReactNode {
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={wish[name]}
        onChange={(event) => onChange({ [name]: event.target.checked })}
      />
      {label}
    </label>
  );
}

function Proposal({
  limits,
  isAdmin,
  ...props
}: PartProps & { readonly limits: LimitsView | undefined; readonly isAdmin: boolean }): ReactNode {
  const { wish, faults, onChange } = props;
  return (
    <fieldset className="group">
      <legend>How it is judged and proposed</legend>
      {isAdmin ? (
        <Field
          label="Checks"
          fault={faults.checks}
          hint="A command a line, with a name before a colon if you like. The repository’s own checks unless given."
        >
          {(tied) => (
            <textarea
              {...tied}
              rows={2}
              className="code"
              spellCheck={false}
              placeholder="test: npm test"
              value={wish.checks}
              onChange={(event) => onChange({ checks: event.target.value })}
            />
          )}
        </Field>
      ) : null}
      <div className="field-grid">
        <TextField {...props} name="labels" label="Labels" hint="Of the pull request, by commas" />
        <TextField
          {...props}
          name="reviewers"
          label="Reviewers"
          hint="Logins, or teams as org/team, by commas"
        />
        <TextField
          {...props}
          name="callback"
          type="url"
          label="Callback"
          hint={
            limits?.callbacks === false
              ? 'The server has no WEBHOOK_SECRET to sign one with, and refuses it'
              : 'Told of the end by a signed POST'
          }
        />
      </div>
      <Check {...props} name="draft" label="Propose it as a draft" />
      <Check {...props} name="testChanges" label="It may change tests: they are what is asked for" />
    </fieldset>
  );
}

/** The fields behind a fold, which opens by itself where one of them was filled in or refused. */
export function More({ who, ...props }: PartProps & { readonly who: WhoView }): ReactNode {
  const { data: limits } = useQuery(limitsQuery);
  const { repo, task, agent, mode } = NOTHING;
  const isUsed = !isEmpty({ ...props.wish, repo, task, agent, mode });
  const hasFault = Object.keys(props.faults).some(
    (name) => !['repo', 'task', 'agent', 'mode'].includes(name),
  );
  const [isOpen, setOpen] = useState(isUsed);
  return (
    <details
      className="more-fields"
      open={isOpen || hasFault}
      onToggle={(event) => setOpen(event.currentTarget.open)}
      // A browser can't lead to a field that is folded away.
      onInvalidCapture={() => setOpen(true)}
    >
      <summary>Base, budget, sandbox, checks, callback and more</summary>
      <div className="stack">
        <Work {...props} limits={limits} />
        <Spending {...props} budget={who.most} />
        <Proposal {...props} limits={limits} isAdmin={who.role === 'admin'} />
      </div>
    </details>
  );
}
