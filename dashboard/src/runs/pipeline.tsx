/** A pipeline that is kept: its steps, its text, its runs, and running it. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link, useLocation, useSearchParams } from 'wouter';
import type { StoredPipeline } from '../../../src/job/pipeline/definition.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { remove } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { pipelineQuery, runsQuery } from '../api/runs.ts';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { Sheet } from '../parts/ask.tsx';
import { Copy } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { counted, moment, shown } from '../parts/words.ts';
import { Steps } from './graph/steps.tsx';
import { RunTable } from './list.tsx';
import { Start } from './start.tsx';
import { textOf } from './text.ts';
import { definedSteps } from './told.ts';

function Delete({ pipeline }: { readonly pipeline: StoredPipeline }): ReactNode {
  const say = useSay();
  const [, go] = useLocation();
  const [isAsked, setAsked] = useState(false);
  const { name } = pipeline.definition;
  const forget = async (): Promise<void> => {
    setAsked(false);
    try {
      await remove(`/api/pipelines/${pipeline.pipeline_id}`);
      await queries.invalidateQueries({ queryKey: ['pipelines'] });
      say.done(`${name} is deleted`);
      go('/pipeline');
    } catch (refusal) {
      say.failed(refusal);
    }
  };
  return (
    <>
      <button type="button" className="button" onClick={() => setAsked(true)}>
        <Icon name="cross" /> Delete
      </button>
      <Sheet open={isAsked} onClose={() => setAsked(false)} title={`Delete ${shown(name)}?`}>
        <p>It is forgotten, and can no longer be run by its name. Its runs stay.</p>
        <footer>
          <button type="button" className="button plain" onClick={() => setAsked(false)}>
            No
          </button>
          <button type="button" className="button danger" onClick={() => void forget()}>
            Delete it
          </button>
        </footer>
      </Sheet>
    </>
  );
}

function AsText({ pipeline }: { readonly pipeline: StoredPipeline }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const { data: text } = useQuery({
    queryKey: ['pipeline-text', pipeline.pipeline_id, pipeline.updated_at],
    queryFn: () => textOf(pipeline.definition),
    staleTime: Infinity,
    enabled: isOpen,
  });
  return (
    <details className="card as-text" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Icon name="file" /> As text (YAML)
      </summary>
      {text === undefined ? (
        <Loading what="the text" />
      ) : (
        <>
          <Copy text={text} what="the text" />
          <pre tabIndex={0} aria-label="The pipeline as text">
            {shown(text)}
          </pre>
        </>
      )}
    </details>
  );
}

function Runs({ id }: { readonly id: string }): ReactNode {
  const { data } = useQuery(runsQuery({ pipeline: id, status: '', cursor: '' }));
  if (data === undefined) return <Loading what="its runs" />;
  if (data.runs.length === 0) return <p className="quiet">It has not run yet.</p>;
  return <RunTable runs={data.runs} />;
}

/** What a step of a pipeline leads to, of which nothing runs. */
function doNothing(): void {}

function Loaded({ pipeline, who }: { readonly pipeline: StoredPipeline; readonly who: WhoView }): ReactNode {
  const { pipeline_id: id, definition, created_by: by, updated_at: at } = pipeline;
  const canSubmit = who.role !== 'read';
  const [search] = useSearchParams();
  // Whoever comes from a run wants it once more on the same repository.
  const repo = search.get('repo') ?? '';
  const [isStarting, setStarting] = useState(repo !== '');
  useTitle(shown(definition.name));
  return (
    <div className="page job-page">
      <header className="job-head">
        <p className="crumb">
          <Link href="/pipeline">
            <Icon name="left" /> Pipelines
          </Link>
          <code>{id}</code>
          <Copy text={id} what="the id" />
        </p>
        <div className="head-line">
          <h1 dir="auto">{shown(definition.name)}</h1>
          {canSubmit ? (
            <div className="actions">
              <button type="button" className="button primary" onClick={() => setStarting(true)}>
                <Icon name="right" /> Run
              </button>
              <Link href={`/pipeline/${id}/change`} className="button">
                <Icon name="file" /> Change
              </Link>
              <Delete pipeline={pipeline} />
            </div>
          ) : null}
        </div>
        <p className="quiet">
          {counted(definition.steps.length, 'step')}
          {definition.repo_url === null ? '' : ` on ${shown(definition.repo_url)}`}
          {by === null ? '' : `, kept by ${shown(by)}`}, {moment(at)}
        </p>
      </header>
      <Steps
        key={at}
        steps={definedSteps(definition.steps)}
        plan={definition.steps}
        hasRun={false}
        onOpen={doNothing}
      />
      <AsText pipeline={pipeline} />
      <section className="stack">
        <h2>Runs</h2>
        <Runs id={id} />
      </section>
      <Sheet open={isStarting} onClose={() => setStarting(false)} title={`Run ${shown(definition.name)}`}>
        <Start pipeline={pipeline} repo={repo} />
      </Sheet>
    </div>
  );
}

/** The page. @param id or name of the pipeline */
export function PipelinePage({ id, who }: { readonly id: string; readonly who: WhoView }): ReactNode {
  const { data, error, refetch } = useQuery(pipelineQuery(id));
  if (data !== undefined) return <Loaded pipeline={data} who={who} />;
  return (
    <div className="page">
      {error === null ? (
        <Loading what="the pipeline" lines={8} />
      ) : (
        <Failure error={error} onAgain={() => void refetch()} />
      )}
    </div>
  );
}
