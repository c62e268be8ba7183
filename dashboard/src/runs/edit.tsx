/** Making a pipeline, and changing one, as text; what is wrong with it is shown where it stands. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type FormEvent, type ReactNode, type RefObject } from 'react';
import { Link, useLocation } from 'wouter';
import type { StoredPipeline } from '../../../src/job/pipeline/definition.ts';
import { postText, Refusal, type FieldError } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { pipelineQuery } from '../api/runs.ts';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { counted, shown } from '../parts/words.ts';
import { offsetOf, textOf } from './text.ts';

/** Height of a line of the text, as its style has it. */
const LINE_REM = 1.5;
const TEMPLATE = `name: checks
steps:
  - name: lint
    task: Mend what the linter finds.
  - name: test
    task: Add the tests that are missing.
    depends_on: [lint]
`;

/** Lines whose numbers are drawn: more than are ever seen at once. */
const DRAWN_LINES = 80;

/** Numbers of the lines beside the text, with a sign where something is wrong. @param top how far it is scrolled, in lines */
function Lines({
  count,
  wrong,
  top,
}: {
  readonly count: number;
  readonly wrong: ReadonlySet<number>;
  readonly top: number;
}): ReactNode {
  const first = Math.floor(top);
  return (
    <div className="text-lines" aria-hidden="true">
      <div style={{ transform: `translateY(${(first - top) * LINE_REM}rem)` }}>
        {Array.from({ length: Math.min(DRAWN_LINES, count - first) }, (_, at) => first + at + 1).map(
          (line) => (
            <div key={line} className={wrong.has(line) ? 'text-line wrong' : 'text-line'}>
              {wrong.has(line) ? '! ' : ''}
              {line}
            </div>
          ),
        )}
      </div>
    </div>
  );
}

function Mistakes({
  fields,
  onGo,
}: {
  readonly fields: readonly FieldError[];
  readonly onGo: (field: FieldError) => void;
}): ReactNode {
  return (
    <section className="mistakes" role="alert" aria-label="Mistakes">
      <p>
        <Icon name="warn" /> {counted(fields.length, 'mistake')}
      </p>
      <ul>
        {fields.map((field, at) => (
          // Two may be alike in everything.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={at}>
            {field.line === undefined ? null : (
              <button type="button" className="button small" onClick={() => onGo(field)}>
                Line {field.line}
                {field.column === undefined ? '' : `, column ${field.column}`}
              </button>
            )}
            <span>
              <code>{shown(field.field)}</code>: {shown(field.allowed)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface Kept {
  readonly isBusy: boolean;
  readonly error: unknown;
  /** @param anyway whether one of the name is replaced that was not read here */
  readonly keep: (text: string, anyway: boolean) => Promise<void>;
}

/** Keeps a text. @param pipeline the one that is changed; `null`: a new one */
function useKeeping(pipeline: StoredPipeline | null): Kept {
  const say = useSay();
  const [, go] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const keep = async (text: string, anyway: boolean): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      // Somebody may have changed it meanwhile, and the name may be changed to that of another one.
      const read = pipeline === null ? '' : `&read_at=${encodeURIComponent(pipeline.updated_at)}`;
      const how = anyway ? '?replace=true' : pipeline === null ? '' : `?replace=true${read}`;
      const kept = await postText<StoredPipeline>(`/api/pipelines${how}`, text, 'application/yaml');
      const { name } = kept.definition;
      queries.setQueryData(pipelineQuery(kept.pipeline_id).queryKey, kept);
      void queries.invalidateQueries({ queryKey: ['pipelines'] });
      const isOther = pipeline !== null && kept.pipeline_id !== pipeline.pipeline_id;
      say.done(
        isOther ? `${name} is kept beside ${pipeline.definition.name}, which stays` : `${name} is kept`,
      );
      go(`/pipeline/${kept.pipeline_id}`);
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return { isBusy, error, keep };
}

interface TextBoxProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly fields: readonly FieldError[];
  readonly area: RefObject<HTMLTextAreaElement | null>;
}

function TextBox({ text, onText, fields, area }: TextBoxProps): ReactNode {
  const [top, setTop] = useState(0);
  return (
    <div className="text-box card">
      <Lines
        count={text.split('\n').length}
        wrong={new Set(fields.flatMap(({ line }) => line ?? []))}
        top={top}
      />
      <textarea
        ref={area}
        aria-label="The pipeline as text"
        aria-invalid={fields.length > 0}
        required
        wrap="off"
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        onChange={(event) => onText(event.target.value)}
        onScroll={({ currentTarget }) => {
          const linePx = Number.parseFloat(getComputedStyle(currentTarget).lineHeight);
          setTop(currentTarget.scrollTop / linePx);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
            event.currentTarget.form?.requestSubmit();
        }}
      />
    </div>
  );
}

function Editor({
  first,
  pipeline,
}: {
  readonly first: string;
  readonly pipeline: StoredPipeline | null;
}): ReactNode {
  const area = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(first);
  const { isBusy, error, keep } = useKeeping(pipeline);
  const refusal = error instanceof Refusal ? error : null;
  const fields = refusal?.fields ?? [];
  const isTaken = refusal?.status === 409;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void keep(text, false);
  };
  const goTo = ({ line = 1, column = 1 }: FieldError): void => {
    const at = offsetOf(text, line, column);
    area.current?.focus();
    area.current?.setSelectionRange(at, at);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <p className="quiet">YAML, or JSON. Every field is described in docs/pipelines.md.</p>
      <TextBox text={text} onText={setText} fields={fields} area={area} />
      {error === null ? null : fields.length > 0 ? (
        <Mistakes fields={fields} onGo={goTo} />
      ) : (
        <Failure error={error} />
      )}
      <div className="form-foot">
        <span className="hint">Ctrl Enter keeps it</span>
        <span className="actions">
          {isTaken ? (
            <button type="button" className="button" disabled={isBusy} onClick={() => void keep(text, true)}>
              Replace the one there is
            </button>
          ) : null}
          <button type="submit" className="button primary" disabled={isBusy}>
            Keep it
          </button>
        </span>
      </div>
    </form>
  );
}

function Change({ pipeline }: { readonly pipeline: StoredPipeline }): ReactNode {
  // What somebody types is not replaced when the pipeline is asked for again.
  const [first, setFirst] = useState<{ readonly text: string; readonly read: StoredPipeline } | null>(null);
  useEffect(() => {
    let isHere = true;
    void textOf(pipeline.definition).then((text) =>
      isHere ? setFirst((old) => old ?? { text, read: pipeline }) : undefined,
    );
    return () => {
      isHere = false;
    };
  }, [pipeline]);
  if (first === null) return <Loading what="the text" />;
  return <Editor first={first.text} pipeline={first.read} />;
}

/** The page. @param id or name of the pipeline that is changed; `null`: a new one */
export function EditPage({ id }: { readonly id: string | null }): ReactNode {
  const { data, error, refetch } = useQuery({ ...pipelineQuery(id ?? ''), enabled: id !== null });
  const title = id === null ? 'New pipeline' : `Change ${shown(data?.definition.name ?? '')}`;
  useTitle(title);
  return (
    <div className="page stack">
      <header>
        <p className="crumb">
          <Link href={id === null ? '/pipeline' : `/pipeline/${id}`}>
            <Icon name="left" /> {id === null ? 'Pipelines' : 'The pipeline'}
          </Link>
        </p>
        <h1>{title}</h1>
      </header>
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {id === null ? <Editor first={TEMPLATE} pipeline={null} /> : null}
      {data === undefined ? (
        id === null || error !== null ? null : (
          <Loading what="the pipeline" />
        )
      ) : (
        <Change pipeline={data} />
      )}
    </div>
  );
}
