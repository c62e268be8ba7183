/** The keyboard: one listener for the page, and a list of what may be pressed that is made of the same table. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { Sheet } from '../parts/ask.tsx';
import { keep, kept } from '../parts/kept.ts';

/** What a page does at a key. */
export type Keys = Readonly<Record<string, () => void>>;

/** How long the second key of two may take, in milliseconds. */
const SECOND_MS = 1200;
/** Where `g` and a second key lead. */
const PLACES: Readonly<Record<string, readonly [path: string, name: string]>> = {
  j: ['/', 'jobs'],
  n: ['/new', 'a new job'],
  p: ['/pipeline', 'pipelines'],
  r: ['/run', 'runs of pipelines'],
  c: ['/cost', 'cost'],
  k: ['/keys', 'keys'],
  a: ['/audit', 'audit'],
  d: ['/doctor', 'doctor'],
};
const KNOWN: readonly (readonly [group: string, rows: readonly (readonly [keys: string, does: string])[]])[] =
  [
    [
      'Anywhere',
      [
        ['?', 'this list'],
        ...Object.entries(PLACES).map(([key, [, name]]) => [`g ${key}`, `go to ${name}`] as const),
      ],
    ],
    [
      'Jobs',
      [
        ['j k', 'down, up'],
        ['Enter', 'open'],
        ['x', 'choose'],
        ['/', 'search'],
        ['Escape', 'let go of what is chosen'],
      ],
    ],
    [
      'A job',
      [
        ['1 … 5', 'gate, activity, log, changes, deliveries'],
        ['m', 'write a message or a follow-up'],
        ['/', 'search the log'],
        ['u', 'back to the jobs'],
      ],
    ],
    [
      'A run of a pipeline',
      [
        ['1 … 5', 'steps, gate, log, changes, deliveries'],
        ['a', 'answer what it asks'],
        ['← → ↑ ↓', 'in the graph: along its edges, and between steps side by side'],
        ['Enter', 'open the step'],
        ['+ − 0', 'closer, further away, all of it'],
        ['u', 'back to the runs'],
      ],
    ],
    [
      'A change',
      [
        ['j k', 'down and up by a line'],
        ['J K', 'the same, and choose the lines'],
        ['c', 'remark on the line, or on those that are chosen'],
        ['n p', 'next and previous file'],
        ['] [', 'next and previous place that is changed'],
      ],
    ],
  ];

/** Where it is kept that single keys are to do nothing: who speaks to a computer may set them off by a word. */
const OFF = 'single-keys';

/** Whether a key is meant for the pages: not for what is being written, nor for a dialog, which has the keyboard to itself. */
function isForPages(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing)
    return false;
  return !isTyping(event) && document.querySelector('[role="dialog"]') === null && kept(OFF) === null;
}

/** Whether a key is meant for what is being written. */
function isTyping({ target }: KeyboardEvent): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    !(target instanceof HTMLInputElement && target.type === 'checkbox')
  );
}

/** Lets a page hear keys, by what `KeyboardEvent.key` calls them. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      if (!isForPages(event)) return;
      const does = latest.current[event.key];
      if (does === undefined) return;
      event.preventDefault();
      does();
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, []);
}

/** Turns single keys off, which WCAG 2.1.4 asks of pages that have them. */
function Switch(): ReactNode {
  const [isOn, setOn] = useState(kept(OFF) === null);
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={isOn}
        onChange={({ target: { checked } }) => {
          keep(OFF, checked ? null : 'off');
          setOn(checked);
        }}
      />
      Single keys do something
    </label>
  );
}

/** Keys that hold on every page, and the list of all. */
export function Shortcuts({
  open,
  onOpen,
}: {
  readonly open: boolean;
  readonly onOpen: (open: boolean) => void;
}): ReactNode {
  const [, go] = useLocation();
  const [since, setSince] = useState(-Infinity);
  const after = (key: string): (() => void) | undefined => {
    const place = PLACES[key];
    return place === undefined ? undefined : () => go(place[0]);
  };
  useEffect(() => {
    // Heard before the keys of the page: after `g`, a `j` is not the next row.
    const listen = (event: KeyboardEvent): void => {
      if (!isForPages(event)) return;
      const isSecond = event.timeStamp - since < SECOND_MS;
      setSince(event.key === 'g' ? event.timeStamp : -Infinity);
      const does = isSecond ? after(event.key) : undefined;
      if (does === undefined) return;
      event.preventDefault();
      does();
    };
    addEventListener('keydown', listen, true);
    return () => removeEventListener('keydown', listen, true);
  });
  useKeys({ '?': () => onOpen(true) });
  return (
    <Sheet open={open} onClose={() => onOpen(false)} title="Keyboard">
      {KNOWN.map(([group, rows]) => (
        <section key={group} className="keys-group">
          <h3>{group}</h3>
          <dl>
            {rows.map(([keys, does]) => (
              <div key={keys}>
                <dt>
                  {keys.split(' ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
      <Switch />
    </Sheet>
  );
}
