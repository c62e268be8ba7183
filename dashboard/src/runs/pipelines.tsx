/** Pipelines that are kept: what each is, and how its last run stands. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { StoredPipeline } from '../../../src/job/pipeline/definition.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { pipelinesQuery, runsQuery, type RunPage } from '../api/runs.ts';
import { useTitle } from '../frame/shell.tsx';
import { Sheet } from '../parts/ask.tsx';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { State } from '../parts/state.tsx';
import { ago, counted, moment, repoName, shown } from '../parts/words.ts';
import { Places } from './list.tsx';
import { Start } from './start.tsx';
import { toldOfWhole } from './told.ts';

/** Steps that are named in a row. */
const MAX_NAMED = 6;

/** How its last run stands: among the newest of all, or else asked for. */
function LastRun({ id, newest }: { readonly id: string; readonly newest: RunPage | undefined }): ReactNode {
  const nowMs = useNow();
  const found = newest?.runs.find((one) => one.pipeline_id === id);
  const isOlder = found === undefined && newest !== undefined && newest.next_cursor !== null;
  const own = runsQuery({ pipeline: id, status: '', cursor: '', limit: 1 });
  const { data } = useQuery({ ...own, enabled: isOlder, refetchInterval: false });
  const run = found ?? data?.runs[0];
  if (newest === undefined || (isOlder && data === undefined)) return null;
  if (run === undefined) return <span className="quiet">not run yet</span>;
  return (
    <Link href={`/run/${run.run_id}`} className="last-run">
      <State told={toldOfWhole(run)} />
      <time dateTime={run.created_at} title={moment(run.created_at)} className="quiet">
        {ago(run.created_at, nowMs)}
      </time>
    </Link>
  );
}

function Row({
  pipeline: { pipeline_id: id, definition, created_by: by, updated_at: at },
  newest,
}: {
  readonly pipeline: StoredPipeline;
  readonly newest: RunPage | undefined;
}): ReactNode {
  const { name, steps, repo_url: repo } = definition;
  const named = steps.slice(0, MAX_NAMED).map((step) => shown(step.name));
  const asking = steps.filter(({ approval }) => approval !== null).length;
  return (
    <tr>
      <th scope="row" className="run-name">
        <Link href={`/pipeline/${id}`} dir="auto">
          {shown(name)}
        </Link>
        <span className="meta" dir="auto">
          {named.join(' · ')}
          {steps.length > MAX_NAMED ? ' · …' : ''}
        </span>
      </th>
      <td>
        <span className="nowrap">{counted(steps.length, 'step')}</span>
        {asking === 0 ? null : (
          <span className="quiet wide-only">
            {' '}
            ({asking} {asking === 1 ? 'asks' : 'ask'} first)
          </span>
        )}
      </td>
      <td className="quiet wide-only">
        {repo === null ? 'any' : <span title={shown(repo)}>{repoName(repo)}</span>}
      </td>
      <td>
        <LastRun id={id} newest={newest} />
      </td>
      <td className="quiet wide-only" title={moment(at)}>
        {by === null ? '–' : shown(by)}
      </td>
    </tr>
  );
}

function Nothing({ canSubmit }: { readonly canSubmit: boolean }): ReactNode {
  return (
    <Empty icon="flow" title="No pipelines are kept yet">
      <p>
        A pipeline is a list of steps that wait for each other, each a task for an agent. All of them end in
        one pull request. A repository may bring its own, in <code>.agent-runner/pipelines</code>.
      </p>
      {canSubmit ? (
        <Link href="/new/pipeline" className="button primary">
          Make the first one
        </Link>
      ) : null}
    </Empty>
  );
}

/** The page. */
export function PipelinesPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('Pipelines');
  const { data, error, refetch } = useQuery(pipelinesQuery);
  const { data: runs } = useQuery(runsQuery({ pipeline: '', status: '', cursor: '' }));
  const [isStarting, setStarting] = useState(false);
  const canSubmit = who.role !== 'read';
  const pipelines = data?.pipelines ?? [];
  return (
    <div className="page stack wide-page">
      <header className="page-head flush">
        <h1>Pipelines</h1>
        <Places at="pipelines" />
        {canSubmit ? (
          <div className="actions push">
            <button type="button" className="button" onClick={() => setStarting(true)}>
              <Icon name="right" /> Run one of a repository
            </button>
            <Link href="/new/pipeline" className="button primary">
              <Icon name="add" /> New pipeline
            </Link>
          </div>
        ) : null}
      </header>
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="pipelines" lines={6} /> : null}
      {data !== undefined && pipelines.length === 0 ? <Nothing canSubmit={canSubmit} /> : null}
      {pipelines.length === 0 ? null : (
        <div className="table-scroll card">
          <table className="table run-table">
            <thead>
              <tr>
                <th scope="col">Pipeline</th>
                <th scope="col">Steps</th>
                <th scope="col" className="wide-only">
                  Repository
                </th>
                <th scope="col">Last run</th>
                <th scope="col" className="wide-only">
                  Kept by
                </th>
              </tr>
            </thead>
            <tbody>
              {pipelines.map((pipeline) => (
                <Row key={pipeline.pipeline_id} pipeline={pipeline} newest={runs} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data?.next_cursor == null ? null : (
        <p className="quiet">The newest {pipelines.length}; `agent-runner pipeline list` shows all.</p>
      )}
      <Sheet open={isStarting} onClose={() => setStarting(false)} title="Run a pipeline of a repository">
        <Start pipeline={null} />
      </Sheet>
    </div>
  );
}
