/**
 * All jobs as they change: one stream for the tab while a page shows many of them. It goes on where it was cut off, also
 * behind a server that was started anew, and rests while nobody sees the tab: a browser has six connections for all tabs.
 */
import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import { whileSeen } from './awake.ts';
import { createEar } from './silence.ts';
import type { Connection } from './follow.ts';
import { queries, whoQuery } from './queries.ts';

/** A job as it stood after a change. */
export interface Change {
  readonly change: number;
  readonly job: JobView;
}

/** Who is told of changes. */
interface Listener {
  readonly onChanges: (changes: readonly Change[]) => void;
  /** More changed than is told: everything is to be read anew. */
  readonly onReset: () => void;
}

/** Pause in which changes are collected before they are shown, in milliseconds. */
const COLLECT_MS = 120;
/** Pause before a stream that was refused is tried again, in milliseconds. */
const AGAIN_MS = 2000;
/** Latest changes that are kept for pages whose reading was begun before them. */
const MAX_RECENT = 500;

let connection: Connection = 'connecting';
let source: EventSource | null = null;
let last: number | null = null;
let users = 0;
let again: ReturnType<typeof setTimeout> | null = null;
let leave: (() => void) | null = null;
let collecting: ReturnType<typeof setTimeout> | null = null;
let waiting: Change[] = [];
let recent: readonly Change[] = [];
const listeners = new Set<Listener>();
const watchers = new Set<() => void>();

function show(next: Connection): void {
  if (next === connection) return;
  connection = next;
  for (const tell of watchers) tell();
}

function flush(): void {
  collecting = null;
  const changes = waiting;
  waiting = [];
  if (changes.length === 0) return;
  recent = [...recent, ...changes].slice(-MAX_RECENT);
  for (const { onChanges } of listeners) onChanges(changes);
}

const ear = createEar(connect, () => show('lost'));

function stop(): void {
  ear.rest();
  source?.close();
  source = null;
  if (again !== null) clearTimeout(again);
  again = null;
}

function connect(): void {
  stop();
  const opened = new EventSource(last === null ? '/api/changes' : `/api/changes?after=${last}`);
  source = opened;
  ear.asked();
  opened.addEventListener('open', () => {
    ear.heard();
    show('live');
  });
  opened.addEventListener('job', (event: MessageEvent<string>) => {
    ear.heard();
    last = Number(event.lastEventId);
    waiting.push({ change: last, job: JSON.parse(event.data) as JobView });
    collecting ??= setTimeout(flush, COLLECT_MS);
  });
  opened.addEventListener('ready', (event: MessageEvent<string>) => {
    last = Number(event.lastEventId);
  });
  opened.addEventListener('reset', (event: MessageEvent<string>) => {
    last = Number(event.lastEventId);
    [waiting, recent] = [[], []];
    for (const { onReset } of listeners) onReset();
  });
  opened.addEventListener('error', () => {
    show('lost');
    ear.rest();
    if (opened.readyState !== EventSource.CLOSED) return ear.asked();
    // Refused, not cut off: the browser gives up, and this does not. Whoever may not come in any more is sent to log in.
    void queries.invalidateQueries({ queryKey: whoQuery.queryKey });
    again = setTimeout(connect, AGAIN_MS);
  });
}

function begin(after: number): void {
  if (users++ > 0) return;
  last ??= after;
  leave = whileSeen(connect, stop);
}

function end(): void {
  if (--users > 0) return;
  leave?.();
  leave = null;
  if (collecting !== null) clearTimeout(collecting);
  flush();
}

/** What changed last, for whoever has read something from before it. */
export function recentChanges(): readonly Change[] {
  return recent;
}

function watch(tell: () => void): () => void {
  watchers.add(tell);
  return () => watchers.delete(tell);
}

/**
 * Follows all jobs while a page shows them.
 *
 * @param after the change up to which the page has read; `null` follows nothing yet
 * @param listener the same object from one drawing to the next
 */
export function useChanges(after: number | null, listener: Listener): Connection {
  const isKnown = after !== null;
  const start = useRef(after);
  useEffect(() => {
    start.current = after;
  }, [after]);
  useEffect(() => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listener]);
  useEffect(() => {
    // Where it begins is asked once: from then on the stream knows.
    if (!isKnown || start.current === null) return undefined;
    begin(start.current);
    return end;
  }, [isKnown]);
  return useSyncExternalStore(watch, () => connection);
}
