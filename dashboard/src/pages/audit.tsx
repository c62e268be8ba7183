/** Who did what: what people, programmes and this machine asked of the server, the newest first. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { AuditFilter, NumberedAuditEntry } from '../../../src/job/access/access.ts';
import { auditQuery, keysQuery } from '../api/queries.ts';
import { useTitle } from '../frame/shell.tsx';
import { Icon } from '../parts/icon.tsx';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { State, type Told } from '../parts/state.tsx';
import { moment, shown } from '../parts/words.ts';

/** What was done, by the names of operations; one without words here is told by its name. */
const DID: Readonly<Record<string, string>> = {
  submitJob: 'asked for a job',
  shortSubmit: 'asked for a job',
  retryJob: 'asked for a job once more',
  cancelJob: 'cancelled a job',
  sendMessage: 'wrote to a job’s agent',
  approveJob: 'approved a job',
  redeliver: 'sent a callback again',
  createPipeline: 'kept a pipeline',
  deletePipeline: 'deleted a pipeline',
  runPipeline: 'started a run',
  startRun: 'started a run',
  cancelRun: 'cancelled a run',
  retryRun: 'retried a run',
  approveRun: 'answered an approval',
  createKey: 'made a key',
  revokeKey: 'took a key back',
  makeDemo: 'made the demo’s repository',
  githubWebhook: 'an event of the forge came',
  workflowCallback: 'a workflow told its end',
};
/** Who acts without a key. */
const LOCAL: Readonly<Record<string, string>> = { local: 'this machine' };
const FIRST_ERROR = 400;

function toldOfStatus(status: number): Told {
  return status < FIRST_ERROR
    ? { icon: 'tick', word: 'done', tone: 'quiet' }
    : { icon: 'stop', word: `refused (${status})`, tone: 'bad' };
}

function Target({ target }: { readonly target: string | null }): ReactNode {
  if (target === null) return null;
  const page = /^(job|run|pipe)-[0-9a-f]{12}$/.exec(target)?.[1];
  return page !== undefined ? (
    <Link href={`/${page === 'pipe' ? 'pipeline' : page}/${target}`}>
      <code>{target}</code>
    </Link>
  ) : (
    <code>{shown(target)}</code>
  );
}

interface RowProps {
  readonly entry: NumberedAuditEntry;
  readonly nameOf: (actor: string) => string;
  readonly onFilter: (change: AuditFilter) => void;
}

function Row({ entry, nameOf, onFilter }: RowProps): ReactNode {
  const { time, actor, action, target, status, address } = entry;
  return (
    <tr>
      <td className="quiet nowrap">
        <time dateTime={time}>{moment(time)}</time>
      </td>
      <th scope="row">
        <button type="button" className="link" title="Only what they did" onClick={() => onFilter({ actor })}>
          {shown(nameOf(actor))}
        </button>
      </th>
      <td>
        <button type="button" className="link" title="Only this" onClick={() => onFilter({ action })}>
          {shown(DID[action] ?? action)}
        </button>
      </td>
      <td>
        <Target target={target} />
      </td>
      <td>
        <State told={toldOfStatus(status)} />
      </td>
      <td className="quiet">{address === null ? '' : shown(address)}</td>
    </tr>
  );
}

function Table({ rows }: { readonly rows: readonly ReactNode[] }): ReactNode {
  return (
    <div className="table-scroll card" tabIndex={0} role="region" aria-label="Audit">
      <table className="table">
        <thead>
          <tr>
            {['When', 'Who', 'Did what', 'To what', 'Ended', 'From'].map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows}</tbody>
      </table>
    </div>
  );
}

const NAMES = ['actor', 'action', 'target'] as const;

/** What is looked for, which stands in the address. */
function useFilter(): readonly [AuditFilter, (next: AuditFilter) => void] {
  const [search, setSearch] = useSearchParams();
  const given = NAMES.flatMap((name) => {
    const value = search.get(name) ?? '';
    return value === '' ? [] : [[name, value.slice(0, 200)] as const];
  });
  const filter: AuditFilter = Object.fromEntries(given);
  return [filter, (next) => setSearch({ ...next })];
}

function Filters({
  filter,
  people,
  onChange,
}: {
  readonly filter: AuditFilter;
  readonly people: readonly (readonly [id: string, name: string])[];
  readonly onChange: (next: AuditFilter) => void;
}): ReactNode {
  const [typed, setTyped] = useState(filter.target ?? '');
  const { actor, action, target, ...rest } = filter;
  const set = (name: (typeof NAMES)[number], value: string): void => {
    const { [name]: _, ...others } = { actor, action, target };
    const kept = Object.entries({ ...others, [name]: value }).filter(
      ([, one]) => one !== undefined && one !== '',
    );
    onChange({ ...rest, ...Object.fromEntries(kept) });
  };
  const find = (event: FormEvent): void => {
    event.preventDefault();
    set('target', typed.trim());
  };
  const actions = action === undefined || action in DID ? Object.keys(DID) : [action, ...Object.keys(DID)];
  const strangers =
    actor === undefined || people.some(([id]) => id === actor) ? [] : [[actor, actor] as const];
  return (
    <search className="filters">
      <label className="select">
        <span className="unseen">Who</span>
        <select value={actor ?? ''} onChange={(event) => set('actor', event.target.value)}>
          <option value="">Everybody</option>
          {[...strangers, ...people].map(([id, name]) => (
            <option key={id} value={id}>
              {shown(name)}
            </option>
          ))}
        </select>
        <Icon name="down" />
      </label>
      <label className="select">
        <span className="unseen">Did what</span>
        <select value={action ?? ''} onChange={(event) => set('action', event.target.value)}>
          <option value="">Everything</option>
          {actions.map((one) => (
            <option key={one} value={one}>
              {DID[one] ?? one} ({one})
            </option>
          ))}
        </select>
        <Icon name="down" />
      </label>
      <form className="search" onSubmit={find}>
        <span className="unseen" id="audit-target">
          To which job, run or key
        </span>
        <input
          type="search"
          aria-labelledby="audit-target"
          placeholder="Id of a job, run or key"
          maxLength={200}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            if (event.target.value === '') set('target', '');
          }}
        />
      </form>
    </search>
  );
}

/** The page. */
export function AuditPage(): ReactNode {
  useTitle('Audit');
  const [filter, setFilter] = useFilter();
  const { data: keys } = useQuery(keysQuery);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    auditQuery(filter),
  );
  const people = [
    ...Object.entries(LOCAL),
    ...(keys ?? []).map((key) => [key.key_id, `${key.name} (${key.key_id})`] as const),
  ];
  const nameOf = (actor: string): string =>
    LOCAL[actor] ?? keys?.find((key) => key.key_id === actor)?.name ?? actor;
  const entries = data?.pages.flatMap((page) => page.entries);
  return (
    <div className="page stack">
      <div>
        <h1>Audit</h1>
        <p className="quiet">What was asked of this server, by whom. Looking is not written down.</p>
      </div>
      <Filters key={filter.target ?? ''} filter={filter} people={people} onChange={setFilter} />
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {entries === undefined && error === null ? <Loading what="the audit" lines={8} /> : null}
      {entries === undefined ? null : entries.length === 0 ? (
        <Empty
          icon="search"
          title={Object.keys(filter).length === 0 ? 'Nothing was done yet' : 'Nothing fits this'}
        >
          {Object.keys(filter).length === 0 ? null : (
            <button type="button" className="button" onClick={() => setFilter({})}>
              Show everything
            </button>
          )}
        </Empty>
      ) : (
        <Table
          rows={entries.map((entry) => (
            <Row
              key={entry.number}
              entry={entry}
              nameOf={nameOf}
              onFilter={(change) => setFilter({ ...filter, ...change })}
            />
          ))}
        />
      )}
      {hasNextPage ? (
        <div>
          <button
            type="button"
            className="button"
            disabled={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            Show older ones
          </button>
        </div>
      ) : null}
    </div>
  );
}
