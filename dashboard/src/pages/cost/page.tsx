/** What was spent: by day, repository, agent and model. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { UsageKey, UsageSum } from '../../../../src/job/model/usage.ts';
import { usageQuery, type UsageView } from '../../api/queries.ts';
import { useTitle } from '../../frame/shell.tsx';
import { addressOf, ALL } from '../../jobs/filter.ts';
import { Icon } from '../../parts/icon.tsx';
import { useNow } from '../../parts/now.ts';
import { Empty, Failure, Loading } from '../../parts/notes.tsx';
import { amount, counted, money, repoName, shown } from '../../parts/words.ts';

import { Budgets } from './budgets.tsx';
import { Chart } from './chart.tsx';
import { bestMeasure, daysOf, measured, MEASURES } from './days.ts';

const BY: Readonly<Record<UsageKey, string>> = {
  day: 'Day',
  repo: 'Repository',
  agent: 'Agent',
  model: 'Model',
};
const SINCE: Readonly<Record<string, string>> = {
  '7': '7 days',
  '30': '30 days',
  '90': '90 days',
  all: 'All',
};
const DAY_MS = 86_400_000;

function sinceOf(days: string): string {
  if (days === 'all') return 'all';
  return new Date(Date.now() - Number(days) * DAY_MS).toISOString().slice(0, 10);
}

function nameOf(by: UsageKey, { key }: UsageSum): string {
  if (key === null) return by === 'model' ? 'none named' : 'unknown';
  return by === 'repo' ? repoName(key) : shown(key);
}

function Total({ total }: { readonly total: UsageSum }): ReactNode {
  const facts: readonly (readonly [string, string])[] = [
    ['Cost', total.cost_usd === null ? 'unknown' : money(total.cost_usd)],
    ['Jobs', total.jobs.toLocaleString('en')],
    ['Tokens in', amount(total.tokens_in)],
    ['Tokens out', amount(total.tokens_out)],
    ['Turns', amount(total.turns)],
  ];
  return (
    <dl className="figures card">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Sums as a table. */
export function csvOf({ by, rows }: Pick<UsageView, 'by' | 'rows'>): string {
  const cell = (value: string | number | null): string => {
    const text = value === null ? '' : String(value);
    // A table programme takes a cell that begins so for a formula.
    const safe = /^\s*[=+\-@|%\t\r\n＝＋－＠]/u.test(text) && typeof value === 'string' ? `'${text}` : text;
    return `"${safe.replaceAll('"', '""')}"`;
  };
  const lines = rows.map((row) =>
    [row.key, row.jobs, row.cost_usd, row.tokens_in, row.tokens_out, row.turns].map(cell).join(','),
  );
  return [`${by},jobs,cost_usd,tokens_in,tokens_out,turns`, ...lines, ''].join('\r\n');
}

/** A sum, and how much is not in it because nobody knows: not known is not nothing. */
function Known({
  value,
  unknown,
  say,
}: {
  readonly value: number | null;
  readonly unknown: number;
  readonly say: (value: number | null) => string;
}): ReactNode {
  if (value === null) return <span className="quiet">{unknown === 0 ? '–' : 'unknown'}</span>;
  return (
    <>
      {say(value)}
      {unknown === 0 ? null : (
        <span className="quiet" title={`${counted(unknown, 'job')} of which nobody knows`}>
          {' '}
          + {unknown}?
        </span>
      )}
    </>
  );
}

/** Where the jobs of a sum are listed; `null` where the list knows no such filter. */
function listOf(by: UsageKey, days: string): ((key: string) => string) | null {
  if (by !== 'repo' && by !== 'agent') return null;
  // The list counts today as the first of its days.
  const span = days === 'all' ? '' : String(Number(days) + 1);
  return (key) => `/?${addressOf({ ...ALL, kind: 'all', days: span, [by]: key })}`;
}

function Rows({ usage, days }: { readonly usage: UsageView; readonly days: string }): ReactNode {
  const { by, rows } = usage;
  const list = listOf(by, days);
  const measure = bestMeasure(rows);
  const values = rows.map((row) => measured(measure, row) ?? 0);
  const most = Math.max(...values, 0);
  return (
    <div className="table-scroll card" tabIndex={0} role="region" aria-label={`Spent by ${by}`}>
      <table className="table cost-table">
        <thead>
          <tr>
            <th scope="col">{BY[by]}</th>
            <th scope="col">{most === 0 ? <span className="unseen">Share</span> : `Share of ${measure}`}</th>
            <th scope="col" className="end">
              Cost
            </th>
            <th scope="col" className="end">
              Jobs
            </th>
            <th scope="col" className="end">
              Tokens in
            </th>
            <th scope="col" className="end">
              Tokens out
            </th>
            <th scope="col" className="end">
              Turns
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={row.key ?? ''}>
              <th scope="row" title={shown(row.key ?? '')}>
                {list === null || row.key === null ? (
                  nameOf(by, row)
                ) : (
                  <Link href={list(row.key.toWellFormed())}>{nameOf(by, row)}</Link>
                )}
              </th>
              <td className="share">
                {most === 0 ? null : (
                  <meter
                    min={0}
                    max={most}
                    value={values[at] ?? 0}
                    aria-label={`Share of ${nameOf(by, row)}`}
                  />
                )}
              </td>
              <td className="end strong">
                <Known value={row.cost_usd} unknown={row.unpriced} say={money} />
              </td>
              <td className="end">{row.jobs.toLocaleString('en')}</td>
              <td className="end quiet">
                <Known value={row.tokens_in} unknown={row.uncounted} say={amount} />
              </td>
              <td className="end quiet">
                <Known value={row.tokens_out} unknown={row.uncounted} say={amount} />
              </td>
              <td className="end quiet">{amount(row.turns)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Unknown({ total }: { readonly total: UsageSum }): ReactNode {
  const parts = [
    ...(total.running > 0 ? [`${counted(total.running, 'job')} not ended, and not in the sums`] : []),
    ...(total.unpriced > 0 ? [`${counted(total.unpriced, 'job')} whose cost nobody knows`] : []),
    ...(total.uncounted > 0 ? [`${counted(total.uncounted, 'job')} whose tokens nobody counted`] : []),
  ];
  return parts.length === 0 ? null : <p className="hint">Besides: {parts.join('; ')}.</p>;
}

/** The page. */
export function CostPage(): ReactNode {
  useTitle('Cost');
  const [search, setSearch] = useSearchParams();
  const by = (Object.keys(BY) as UsageKey[]).find((one) => one === search.get('by')) ?? 'day';
  const days = Object.keys(SINCE).find((one) => one === search.get('since')) ?? '30';
  const since = sinceOf(days);
  const { data, error, refetch } = useQuery(usageQuery(by, since));
  const nowMs = useNow();
  const measure = MEASURES.find((one) => one === search.get('of')) ?? bestMeasure(data?.rows ?? []);
  const choose = (next: Readonly<Record<string, string>>): void =>
    setSearch({ by, since: days, ...(search.has('of') ? { of: measure } : {}), ...next }, { replace: true });
  const csv =
    data === undefined ? '' : `data:text/csv;charset=utf-8,${encodeURIComponent(csvOf(data).toWellFormed())}`;
  return (
    <div className="page stack">
      <header className="head-line">
        <h1>Cost</h1>
        <div className="actions">
          <div className="choices" role="group" aria-label="By">
            {(Object.keys(BY) as UsageKey[]).map((one) => (
              <button key={one} type="button" aria-pressed={by === one} onClick={() => choose({ by: one })}>
                {BY[one]}
              </button>
            ))}
          </div>
          <div className="choices" role="group" aria-label="Since">
            {['7', '30', '90', 'all'].map((one) => (
              <button
                key={one}
                type="button"
                aria-pressed={days === one}
                onClick={() => choose({ since: one })}
              >
                {SINCE[one]}
              </button>
            ))}
          </div>
        </div>
      </header>
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="what was spent" lines={8} /> : null}
      {data === undefined ? null : data.rows.length === 0 ? (
        <Empty icon="coin" title="Nothing was spent">
          <p>No job was asked for in this time.</p>
        </Empty>
      ) : (
        <>
          {data.total === null ? null : <Total total={data.total} />}
          {by === 'day' ? (
            <Chart
              days={daysOf(data.rows, since, nowMs, measure)}
              measure={measure}
              onMeasure={(of) => choose({ of })}
            />
          ) : null}
          <Budgets />
          <Rows usage={data} days={days} />
          <div className="form-foot">
            {data.total === null ? <span /> : <Unknown total={data.total} />}
            <a className="button small" href={csv} download={`cost-by-${by}.csv`}>
              <Icon name="down" /> CSV
            </a>
          </div>
        </>
      )}
    </div>
  );
}
