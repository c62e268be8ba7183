/** What the time went into, one piece a step: waiting, too, and of very many steps the first and the last. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import { hasEnded } from '../api/queries.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { clock, counted, shownName, span } from '../parts/words.ts';
import type { PhaseTold } from './told.ts';

/** Steps are shown at least this wide, so that short ones are seen: a share of the whole. */
const LEAST_SHARE = 0.05;
const SIGN = { running: 'run', done: 'tick', failed: 'cross' } as const satisfies Record<string, IconName>;
const TONE = { running: 'live', done: 'ok', failed: 'bad' } as const;
/** A shorter wait in the queue is none, in milliseconds. */
const LEAST_WAIT_MS = 1000;
/** With more steps than this, those between the first and the last are folded. */
const MAX_STEPS = 12;
const FIRST_STEPS = 2;
const LAST_STEPS = 7;

/** The wait in the queue, as a step of its own; `null` where there was none. */
export function waitOf({
  status,
  created_at: createdAt,
  started_at: startedAt,
}: Pick<JobView, 'status' | 'created_at' | 'started_at'>): PhaseTold | null {
  const wait = { key: 'queue', name: 'queue', number: 1, startedAt: createdAt } as const;
  if (startedAt === null) return status === 'queued' ? { ...wait, state: 'running', ms: null } : null;
  const ms = Date.parse(startedAt) - Date.parse(createdAt);
  return ms < LEAST_WAIT_MS ? null : { ...wait, state: 'done', ms };
}

/** Steps that are shown, and those in their middle that are folded. */
export function foldedOf(phases: readonly PhaseTold[]): {
  readonly first: readonly PhaseTold[];
  readonly folded: readonly PhaseTold[];
  readonly last: readonly PhaseTold[];
} {
  if (phases.length <= MAX_STEPS) return { first: phases, folded: [], last: [] };
  const end = phases.length - LAST_STEPS;
  return {
    first: phases.slice(0, FIRST_STEPS),
    folded: phases.slice(FIRST_STEPS, end),
    last: phases.slice(end),
  };
}

function nameOf({ name, number, state }: PhaseTold): string {
  const plain = name === 'message' ? (state === 'running' ? 'waits for you' : 'your answer') : name;
  return shownName(number === 1 ? plain : `${plain} ${number}`);
}

function Step({ phase, total }: { readonly phase: PhaseTold; readonly total: number }): ReactNode {
  const nowMs = useNow();
  const ms = phase.ms ?? Math.max(0, nowMs - Date.parse(phase.startedAt));
  const share = Math.max(LEAST_SHARE, total === 0 ? 0 : ms / total);
  const name = nameOf(phase);
  const isWaiting = phase.state === 'running' && (phase.name === 'message' || phase.name === 'queue');
  const icon: IconName = isWaiting ? 'clock' : SIGN[phase.state];
  return (
    <li
      className={`step ${isWaiting ? 'warn' : TONE[phase.state]} p-${/^\w+$/.test(phase.name) ? phase.name : 'other'}`}
      style={{ flexGrow: share }}
      title={`${name}: ${phase.state}, began ${clock(phase.startedAt)}`}
    >
      <span className="step-name">
        <Icon name={icon} turns={icon === 'run'} />
        {name}
        <span className="unseen">{phase.state}</span>
      </span>
      <span className="quiet">{phase.ms === null ? span(Math.floor(ms / 1000) * 1000) : span(ms)}</span>
    </li>
  );
}

/** The steps, as long as they took. */
export function Timeline({
  phases,
  job,
}: {
  readonly phases: readonly PhaseTold[];
  readonly job: JobView;
}): ReactNode {
  const [isWhole, setWhole] = useState(false);
  const list = useRef<HTMLOListElement>(null);
  // Where there is no room for all, the step that goes on is the one to see.
  useEffect(() => {
    if (phases.length > 0) list.current?.scrollTo({ left: list.current.scrollWidth });
  }, [phases.length]);
  const wait = waitOf(job);
  const isOver = hasEnded(job);
  const all = [...(wait === null ? [] : [wait]), ...phases]
    .filter(({ name, ms }) => name !== 'save' || (ms ?? 0) > LEAST_WAIT_MS)
    // A step that was cut off with its job goes on no more.
    .map((phase) =>
      isOver && phase.state === 'running' && job.finished_at !== null
        ? {
            ...phase,
            state: 'failed' as const,
            ms: Math.max(0, Date.parse(job.finished_at) - Date.parse(phase.startedAt)),
          }
        : phase,
    );
  if (all.length === 0) return null;
  const { first, folded, last } = isWhole ? { first: all, folded: [], last: [] } : foldedOf(all);
  const total = all.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  const step = (phase: PhaseTold): ReactNode => <Step key={phase.key} phase={phase} total={total} />;
  return (
    <ol ref={list} className={`timeline card${isWhole ? ' is-whole' : ''}`} aria-label="Steps" tabIndex={0}>
      {first.map(step)}
      {folded.length === 0 ? null : (
        <li className="step folded">
          <button type="button" onClick={() => setWhole(true)}>
            <span className="step-name">… {counted(folded.length, 'step')}</span>
            <span className="quiet">{span(folded.reduce((sum, { ms }) => sum + (ms ?? 0), 0))}</span>
          </button>
        </li>
      )}
      {last.map(step)}
    </ol>
  );
}
