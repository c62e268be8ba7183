/** Who is to edit: what each agent is, whether it is ready on the server's machine, and how to make it ready. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { AgentView } from '../../../../src/server/dashboard/view.ts';
import { agentsQuery } from '../../api/queries.ts';
import { Mending } from '../../parts/mending.tsx';
import { State } from '../../parts/state.tsx';
import { shown } from '../../parts/words.ts';
import { Field } from './field.tsx';
import type { Wish } from './wish.ts';

/** What each is, for who reads its name for the first time. */
const KINDS: Readonly<Record<string, string>> = {
  builtin: 'The runner’s own agent: needs a model, and nothing installed',
  command: 'The command that AGENT_CMD names on the server',
  patch: 'No model: applies a diff that the task brings along',
  claude: 'Claude Code, by its ACP adapter',
  codex: 'Codex of OpenAI, by its ACP adapter',
  gemini: 'Gemini CLI of Google',
  copilot: 'GitHub Copilot CLI',
  goose: 'Goose of Block',
  qwen: 'Qwen Code',
  opencode: 'OpenCode',
  openhands: 'OpenHands',
  cursor: 'Cursor’s agent on the command line',
  simulated: 'No model: plays a story on the demo’s repository, as good as a rehearsal',
  'minimal-runner': 'No model: changes nothing, which tries the way there and back',
};

/** Stories of the simulated agent are one agent. */
function isStory(name: string): boolean {
  return name.startsWith('simulated:');
}

function kindOf(name: string): string {
  return KINDS[name.split(':')[0] ?? ''] ?? 'Declared in the settings of the server';
}

function All({ agents: all }: { readonly agents: readonly AgentView[] }): ReactNode {
  const agents = all.filter(({ name }) => !isStory(name));
  return (
    <details className="more-fields">
      <summary>
        {agents.filter(({ ready }) => ready).length} of {agents.length} agents are ready here: which, and what
        the others lack
      </summary>
      <ul className="agents">
        {agents.map(({ name, ready, detail, fix }) => (
          <li key={name}>
            <State
              told={
                ready
                  ? { icon: 'ok', word: 'Ready', tone: 'ok' }
                  : { icon: 'none', word: 'Not ready', tone: 'quiet' }
              }
            />
            <div>
              <p>
                <b>{shown(name)}</b> <span className="quiet">{kindOf(name)}</span>
              </p>
              {ready ? null : <p className="quiet">{shown(detail)}</p>}
              {ready || fix === null ? null : <Mending text={fix} />}
            </div>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The field. */
export function AgentField({
  wish,
  fault,
  onChange,
}: {
  readonly wish: Wish;
  readonly fault: string | undefined;
  readonly onChange: (change: Partial<Wish>) => void;
}): ReactNode {
  const { data } = useQuery(agentsQuery);
  const agents = (data?.agents ?? []).toSorted((a, b) => Number(b.ready) - Number(a.ready));
  const fallback = data?.default ?? null;
  const name = wish.agent === '' ? fallback : wish.agent;
  const one = agents.find((agent) => agent.name === name);
  const isStranger = wish.agent !== '' && one === undefined;
  const group = (fits: (agent: AgentView) => boolean): ReactNode =>
    agents.filter(fits).map((agent) => (
      <option key={agent.name} value={agent.name}>
        {agent.name}
      </option>
    ));
  return (
    <>
      <Field
        label="Agent"
        fault={fault}
        hint={
          name === null ? (
            data === undefined ? (
              ''
            ) : (
              'No agent is configured or installed here; a rehearsal needs none: choose one'
            )
          ) : (
            <>
              {one !== undefined && isStory(name) ? shown(one.detail) : kindOf(name)}
              {one === undefined || one.ready ? null : (
                <>
                  . <b className="warn">Not ready here:</b> {shown(one.detail)}
                </>
              )}
            </>
          )
        }
      >
        {(tied) => (
          <select
            {...tied}
            value={wish.agent}
            required={data !== undefined && fallback === null}
            onChange={(event) => onChange({ agent: event.target.value })}
          >
            <option value="">{fallback === null ? 'Choose one' : `As configured (${fallback})`}</option>
            {isStranger ? <option value={wish.agent}>{wish.agent}</option> : null}
            <optgroup label="Ready here">{group((agent) => agent.ready && !isStory(agent.name))}</optgroup>
            <optgroup label="Not ready here">{group((agent) => !agent.ready)}</optgroup>
            <optgroup label="Rehearsals without a model">{group((agent) => isStory(agent.name))}</optgroup>
          </select>
        )}
      </Field>
      {one === undefined || one.ready || one.fix === null ? null : <Mending text={one.fix} />}
      {agents.length === 0 ? null : <All agents={agents} />}
    </>
  );
}
