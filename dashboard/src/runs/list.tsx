/** Runs of pipelines, the newest first, as they stand. What is looked for stands in the address. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { runsQuery } from '../api/runs.ts';
import { useTitle } from '../frame/shell.tsx';
import { useNow } from '../parts/now.ts';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { State, STATUS } from '../parts/state.tsx';
import { ago, firstLine, moment, money, repoName, shown, span } from '../parts/words.ts';
import { asks, progressOf, toldOfWhole } from './told.ts';

const CHOICES = ['running', 'needs_input', 'queued', 'completed', 'failed', 'cancelled'] as const;

function Times({ run }: { readonly run: RunView }): ReactNode {
  const nowMs = useNow();
  const end = run.finished_at === null ? nowMs : Date.parse(run.finished_at);
  const ms = run.started_at === null ? null : Math.max(0, end - Date.parse(run.started_at));
  return (
    <>
      <td className="end quiet wide-only">
        {ms === null ? '–' : span(run.finished_at === null ? Math.floor(ms / 1000) * 1000 : ms)}
      </td>
      <td className="end quiet">
        <time dateTime={run.created_at} title={moment(run.created_at)}>
          {ago(run.created_at, nowMs)}
        </time>
      </td>
    </>
  );
}

function Row({ run }: { readonly run: RunView }): ReactNode {
  const { ended, of } = progressOf(run.steps);
  const asking = run.steps.find((step) => asks(step) && step.approval !== null);
  return (
    <tr>
      <td>
        <State told={toldOfWhole(run)} />
      </td>
      <th scope="row" className="run-name">
        <Link href={`/run/${run.run_id}`} dir="auto">
          {shown(run.pipeline)}
        </Link>
        <span className="meta">
          <span title={shown(run.repo)}>{repoName(run.repo)}</span>
          <code>{run.run_id.replace('run-', '')}</code>
        </span>
        {asking?.approval == null ? null : (
          <span className="warn asks-line">{firstLine(asking.approval.message)}</span>
        )}
      </th>
      <td className="of-steps">
        <progress max={of} value={ended} aria-label="Steps that ended" />
        <span className="quiet">
          {ended}/{of}
        </span>
      </td>
      <td className="end quiet wide-only">{money(run.total_cost)}</td>
      <Times run={run} />
    </tr>
  );
}

/** The runs that a question was answered with. */
export function RunTable({ runs }: { readonly runs: readonly RunView[] }): ReactNode {
  return (
    <div className="table-scroll card">
      <table className="table run-table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Run</th>
            <th scope="col">Steps</th>
            <th scope="col" className="end wide-only">
              Cost
            </th>
            <th scope="col" className="end wide-only">
              Took
            </th>
            <th scope="col" className="end">
              Asked
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <Row key={run.run_id} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The places that belong to pipelines. */
export function Places({ at }: { readonly at: 'pipelines' | 'runs' }): ReactNode {
  const places = [
    ['pipelines', '/pipeline', 'Pipelines'],
    ['runs', '/run', 'Runs'],
  ] as const;
  return (
    <nav className="choices" aria-label="Pipelines">
      {places.map(([name, path, label]) => (
        <Link key={name} href={path} {...(at === name ? { 'aria-current': 'page' as const } : {})}>
          {label}
        </Link>
      ))}
    </nav>
  );
}

/** The page. */
export function RunsPage(): ReactNode {
  useTitle('Runs');
  const [search, setSearch] = useSearchParams();
  const [status, cursor] = [search.get('status') ?? '', search.get('before') ?? ''];
  const { data, error, refetch } = useQuery(runsQuery({ pipeline: '', status, cursor }));
  const show = (wanted: { readonly status?: string; readonly before?: string }): void => {
    setSearch(Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== '')));
  };
  return (
    <div className="page stack wide-page">
      <header className="page-head flush">
        <h1>Runs</h1>
        <Places at="runs" />
        <div className="choices" role="group" aria-label="Status">
          {['', ...CHOICES].map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={status === one}
              onClick={() => show({ status: one })}
            >
              {one === '' ? 'All' : STATUS[one as (typeof CHOICES)[number]].word}
            </button>
          ))}
        </div>
      </header>
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="runs" lines={8} /> : null}
      {data === undefined || data.runs.length > 0 ? null : (
        <Empty icon="flow" title={status === '' && cursor === '' ? 'No runs yet' : 'No run fits this'}>
          <p>A run takes a pipeline through its steps, and ends in one pull request of them all.</p>
          <Link href={status === '' ? '/pipeline' : '/run'} className="button">
            {status === '' ? 'To the pipelines' : 'Show all runs'}
          </Link>
        </Empty>
      )}
      {data === undefined || data.runs.length === 0 ? null : <RunTable runs={data.runs} />}
      <p className="pager">
        {cursor === '' ? null : (
          <button type="button" className="button" onClick={() => show({ status })}>
            The newest
          </button>
        )}
        {data?.next_cursor == null ? null : (
          <button
            type="button"
            className="button"
            onClick={() => show({ status, before: data.next_cursor ?? '' })}
          >
            Older
          </button>
        )}
      </p>
    </div>
  );
}
