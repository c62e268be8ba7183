/** Asks a worker for colours: of what is seen alone, a block of lines at a time, each once. */
import { useSyncExternalStore } from 'react';
import type { Change, Hunk } from '../parse.ts';
import type { Run } from './colour.ts';
import type { Language } from './language.ts';
import type { Asked, Coloured } from './worker.ts';

/** Lines of a block: what a long hunk is coloured by; a comment or text over its edge may look otherwise there. */
export const BLOCK_LINES = 300;
/** Longer lines are not coloured, in characters: nobody wrote them by hand. */
const MAX_LINE_CHARS = 500;
/** How long the worker may think about one block, in milliseconds; then it is ended, and the block stays plain. */
const PATIENCE_MS = 3000;
/** How long it may take to come, with the grammar, from a server that is far or busy. */
const LOADING_MS = 60_000;
/** How often a worker is made anew; after that, nothing more is coloured on this page. */
const MAX_WORKERS = 4;
/** Blocks that wait; the oldest are asked for again when they are seen again. */
const MAX_WAITING = 16;
/** Blocks whose colours are kept. */
const MAX_BLOCKS = 2000;

/** Colours of the lines of a block, by their place in it: as they were, and as they are. */
export interface BlockColours {
  readonly runs: readonly (readonly Run[] | undefined)[];
}

const NONE: BlockColours = { runs: [] };

function isOld({ type }: Change): boolean {
  return type !== 'insert';
}
function isNew({ type }: Change): boolean {
  return type !== 'delete';
}

const STARRED: ReadonlySet<Language> = new Set([
  'c',
  'cpp',
  'csharp',
  'css',
  'dart',
  'go',
  'groovy',
  'java',
  'javascript',
  'kotlin',
  'less',
  'php',
  'rust',
  'scala',
  'scss',
  'swift',
  'typescript',
]);

/** Whether lines begin in the middle of a comment, as hunks often do: nothing else begins with a star. */
function beginsInside(language: Language, lines: readonly string[]): boolean {
  const first = lines.find((line) => line.trim() !== '') ?? '';
  return STARRED.has(language) && /^\s*\*(\s|\/|$)/.test(first);
}

type Runs = Exclude<Coloured['runs'], 'begun'>;

interface Wish {
  readonly language: Language;
  readonly lines: readonly string[];
  readonly take: (runs: Runs) => void;
  /** Called where it was passed over, because others were asked for since. */
  readonly drop: () => void;
}

/** The worker, which has one block before it at a time; what was asked for last comes first, because that is what is seen. */
function createColourist(): { readonly ask: (wish: Wish) => void } {
  let worker: Worker | null = null;
  let [made, id] = [0, 0];
  let current: Wish | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waiting: Wish[] = [];
  const end = (runs: Runs): void => {
    clearTimeout(timer);
    const ended = current;
    current = null;
    ended?.take(runs);
    next();
  };
  const giveUp = (): void => {
    worker?.terminate();
    worker = null;
    end(null);
  };
  const open = (): Worker | null => {
    if (made++ >= MAX_WORKERS) return null;
    const opened = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    opened.addEventListener('message', ({ data }: MessageEvent<Coloured>) => {
      if (data.id !== id) return;
      if (data.runs !== 'begun') return end(data.runs);
      clearTimeout(timer);
      timer = setTimeout(giveUp, PATIENCE_MS);
    });
    opened.addEventListener('error', giveUp);
    return opened;
  };
  const next = (): void => {
    if (current !== null) return;
    current = waiting.pop() ?? null;
    if (current === null) return;
    worker ??= open();
    if (worker === null) {
      for (const { take } of [current, ...waiting.splice(0)]) take(null);
      current = null;
      return;
    }
    timer = setTimeout(giveUp, LOADING_MS);
    const { language, lines } = current;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
    worker.postMessage({ id: ++id, language, lines } satisfies Asked);
  };
  return {
    ask(wish) {
      waiting.push(wish);
      if (waiting.length > MAX_WAITING) waiting.shift()?.drop();
      next();
    },
  };
}

const colourist = createColourist();
const listeners = new Set<() => void>();
/** Colours by hunk and block; forgotten with the hunk, the oldest beyond `MAX_BLOCKS`. */
const known = new Map<string, BlockColours>();
const names = new WeakMap<Hunk, number>();
let named = 0;

function keyOf(hunk: Hunk, block: number): string {
  let name = names.get(hunk);
  if (name === undefined) names.set(hunk, (name = ++named));
  return `${name} ${block}`;
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Asks for one side of a block and lays its colours beside the lines they are of. */
function colourSide(
  key: string,
  language: Language,
  changes: readonly Change[],
  side: (change: Change) => boolean,
): void {
  const places = changes.flatMap((change, at) => (side(change) ? [at] : []));
  // What is too long stands as an empty line, so that those around it have their places.
  const lines = places.map((at) => {
    const text = changes[at]?.content ?? '';
    return text.length > MAX_LINE_CHARS ? '' : text;
  });
  if (lines.length === 0) return;
  const isInside = beginsInside(language, lines);
  const take = (runs: Runs): void => {
    if (runs === null || !known.has(key)) return;
    const laid = [...(known.get(key)?.runs ?? [])];
    for (const [at, place] of places.entries()) {
      // A line that is on both sides is coloured as it is now.
      const isOwn = side === isNew || changes[place]?.type === 'delete';
      if (isOwn && lines[at] !== '') laid[place] = runs[isInside ? at + 1 : at];
    }
    known.set(key, { runs: laid });
    tell();
  };
  colourist.ask({
    language,
    lines: isInside ? ['/*', ...lines] : lines,
    take,
    drop: () => known.delete(key),
  });
}

function colour(key: string, language: Language, hunk: Hunk, block: number): void {
  known.set(key, NONE);
  for (const oldest of [...known.keys()].slice(0, Math.max(0, known.size - MAX_BLOCKS))) known.delete(oldest);
  const changes = hunk.changes.slice(block * BLOCK_LINES, (block + 1) * BLOCK_LINES);
  colourSide(key, language, changes, isNew);
  if (changes.some(({ type }) => type === 'delete')) colourSide(key, language, changes, isOld);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * The colours of a line, as soon as they are there.
 *
 * @param at the line's place in its hunk
 * @returns `undefined` while it has none
 */
export function useColours(language: Language | null, hunk: Hunk, at: number): readonly Run[] | undefined {
  const block = Math.floor(at / BLOCK_LINES);
  const key = keyOf(hunk, block);
  const read = (): readonly Run[] | undefined => known.get(key)?.runs[at - block * BLOCK_LINES];
  const runs = useSyncExternalStore(subscribe, read);
  if (language !== null && !known.has(key))
    queueMicrotask(() => known.has(key) || colour(key, language, hunk, block));
  return runs;
}
