/** What the agent said and did, and what the runner told of it, in its order; at its end while one follows. */
import { memo, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import type { JobEvent } from '../../../src/job/job.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { Empty } from '../parts/notes.tsx';
import { useNow } from '../parts/now.ts';
import { ago, firstLine, moment, shown, shownName } from '../parts/words.ts';
import { editLines } from './activity/edit.ts';
import { itemsOf, type Edit, type Item } from './activity/items.ts';
import { Ansi } from './log/ansi.tsx';

const ICONS: Readonly<Record<Item['kind'], IconName>> = {
  gate: 'shield',
  agent: 'say',
  thought: 'none',
  tool: 'tool',
  note: 'flag',
  plan: 'list',
  mark: 'right',
  error: 'warn',
  person: 'say',
};
/** Kinds of tools, as agents' protocol has them. */
const TOOLS: Readonly<Record<string, readonly [icon: IconName, name: string]>> = {
  read: ['file', 'Read'],
  edit: ['tool', 'Edit'],
  delete: ['cross', 'Delete'],
  move: ['right', 'Move'],
  search: ['search', 'Search'],
  execute: ['board', 'Run'],
  think: ['say', 'Think'],
  fetch: ['out', 'Fetch'],
};
/** The newest that are shown at first, and how many more are on request. */
const FIRST_ITEMS = 200;
const MORE_ITEMS = 400;
/** Longer words are folded, in characters. */
const MAX_OPEN_CHARS = 1200;

function iconOf({ kind, state, tool }: Item): IconName {
  if (state === 'failed') return 'warn';
  if (kind === 'gate') return state === 'red' ? 'bad' : state === 'green' ? 'ok' : 'shield';
  return kind === 'tool' ? (TOOLS[tool]?.[0] ?? 'tool') : ICONS[kind];
}

function EditShown({ edit }: { readonly edit: Edit }): ReactNode {
  const { lines, left } = editLines(edit.before, edit.after);
  return (
    <figure className="edit">
      <figcaption>{shownName(edit.path)}</figcaption>
      <div tabIndex={0} role="region" aria-label={`Edit of ${shownName(edit.path)}`}>
        {lines.map(({ sign, text }, at) => (
          // Lines have no name but their place.
          // oxlint-disable-next-line react/no-array-index-key
          <div key={at} className={`edit-line ${sign === '+' ? 'd-insert' : sign === '−' ? 'd-delete' : ''}`}>
            <span className="sign">{sign}</span>
            <code>{shown(text)}</code>
          </div>
        ))}
        {left === 0 ? null : <p className="hint">{left} more lines</p>}
      </div>
    </figure>
  );
}

/** What of a place is told: the end of its path, which says where in the repository it is. */
function placesText({ title, places }: Item): string {
  const told = places.filter(
    (place) => !title.includes(place) && !title.includes(place.split('/').at(-1) ?? place),
  );
  const names = told.slice(0, 3).map((place) => place.split('/').slice(-2).join('/'));
  return told.length > 3 ? `${names.join(', ')} and ${told.length - 3} more` : names.join(', ');
}

function Call({ item }: { readonly item: Item }): ReactNode {
  const { input, output, edits, state, tool, title } = item;
  const name = TOOLS[tool]?.[1];
  const places = placesText(item);
  const isTold = input !== '' && input !== title;
  const head = (
    <>
      {name === undefined ? null : <b className="tool-name">{name} </b>}
      <span dir="auto">{firstLine(name === undefined ? title : title.replace(/^[a-z_]+: (?=\S)/, ''))}</span>
      {places === '' ? null : <span className="quiet"> {shown(places)}</span>}
      {state === 'failed' ? <span className="bad"> failed</span> : null}
      {state === 'in_progress' || state === 'pending' ? <span className="quiet"> goes on</span> : null}
    </>
  );
  if (!isTold && output === '' && edits.length === 0) return <p>{head}</p>;
  return (
    <>
      {!isTold && output === '' ? (
        <p>{head}</p>
      ) : (
        <details open={state === 'failed'}>
          <summary>{head}</summary>
          {isTold ? (
            <pre tabIndex={0} aria-label="What it was given">
              {shown(input)}
            </pre>
          ) : null}
          {output === '' ? null : (
            <pre tabIndex={0} aria-label="What came of it">
              <Ansi text={output} />
            </pre>
          )}
        </details>
      )}
      {edits.map((edit, at) => (
        // A call may edit one file twice.
        // oxlint-disable-next-line react/no-array-index-key
        <EditShown key={at} edit={edit} />
      ))}
    </>
  );
}

function Said({ item }: { readonly item: Item }): ReactNode {
  const { kind, title, output } = item;
  if (kind === 'plan')
    return (
      <details>
        <summary>{title}</summary>
        <pre tabIndex={0} aria-label="The plan">
          {shown(output)}
        </pre>
      </details>
    );
  if (title.length <= MAX_OPEN_CHARS && kind !== 'thought')
    return (
      <p className="prose" dir="auto">
        {shown(title)}
      </p>
    );
  return (
    <details>
      <summary>
        {kind === 'thought' ? 'Thought: ' : null}
        <span dir="auto">{firstLine(title)}</span>
      </summary>
      <p className="prose" dir="auto">
        {shown(title)}
      </p>
    </details>
  );
}

function Time({ time }: { readonly time: string }): ReactNode {
  const nowMs = useNow();
  const told = ago(time, nowMs);
  return (
    <time dateTime={time} title={moment(time)}>
      {told === 'now' ? told : `${told} ago`}
    </time>
  );
}

const Entry = memo(function Entry({ item }: { readonly item: Item }): ReactNode {
  // Of a tool call it is what the agent wrote, which names no class of ours.
  const isVerdict = item.kind === 'gate' && /^(red|green)$/.test(item.state);
  const goesOn = item.kind === 'tool' && (item.state === 'in_progress' || item.state === 'pending');
  return (
    <li className={`entry e-${item.kind}${isVerdict ? ` s-${item.state}` : ''}`}>
      <Icon name={goesOn ? 'run' : iconOf(item)} turns={goesOn} />
      <div>{item.kind === 'tool' ? <Call item={item} /> : <Said item={item} />}</div>
      <Time time={item.time} />
    </li>
  );
});

/** Keeps the end in sight while one is there; who scrolls up is left where they are. */
function useEnd(count: number, isOver: boolean) {
  const end = useRef<HTMLLIElement>(null);
  const [isFollowing, setFollowing] = useState(false);
  useEffect(() => {
    if (isFollowing && !isOver && count > 0) end.current?.scrollIntoView({ block: 'end' });
  }, [isFollowing, isOver, count]);
  useEffect(() => {
    if (!isFollowing) return;
    const leave = (event: WheelEvent | KeyboardEvent): void => {
      const isUp = event instanceof WheelEvent ? event.deltaY < 0 : /^(ArrowUp|PageUp|Home)$/.test(event.key);
      if (isUp) setFollowing(false);
    };
    addEventListener('wheel', leave, { passive: true });
    addEventListener('keydown', leave);
    return () => {
      removeEventListener('wheel', leave);
      removeEventListener('keydown', leave);
    };
  }, [isFollowing]);
  return { end, isFollowing, setFollowing };
}

/** The story. @param isOver whether the job has ended */
export function Story({
  events,
  isOver,
}: {
  readonly events: readonly JobEvent[];
  readonly isOver: boolean;
}): ReactNode {
  const items = useMemo(() => itemsOf(events), [events]);
  const [most, setMost] = useState(FIRST_ITEMS);
  const { end, isFollowing, setFollowing } = useEnd(items.length, isOver);
  const shownItems = items.slice(-most);
  if (items.length === 0) {
    return (
      <Empty icon="say" title="Nothing has happened yet">
        <p>What the agent says and does appears here as it happens.</p>
      </Empty>
    );
  }
  const jump = (): void => {
    setFollowing(!isFollowing && !isOver);
    if (!isFollowing) end.current?.scrollIntoView({ block: 'end' });
  };
  return (
    <div className="card">
      <div className="story-bar">
        <span className="quiet">{items.length.toLocaleString('en')} entries</span>
        {shownItems.length < items.length ? (
          <button type="button" className="button small" onClick={() => setMost(most + MORE_ITEMS)}>
            Show {Math.min(MORE_ITEMS, items.length - shownItems.length)} earlier ones
          </button>
        ) : null}
        <button
          type="button"
          className="button small"
          aria-pressed={isOver ? undefined : isFollowing}
          onClick={jump}
        >
          <Icon name="down" /> {isOver ? 'To the end' : 'Follow'}
        </button>
      </div>
      <ol className="story">
        {shownItems.map((item) => (
          <Entry key={item.key} item={item} />
        ))}
        <li ref={end} className="story-end" aria-hidden="true" />
      </ol>
    </div>
  );
}
