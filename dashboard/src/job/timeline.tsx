/** What the time went into, one piece a step. */
import type { ReactNode } from 'react';
import { Icon } from '../parts/icon.tsx';
import { useNow } from '../parts/now.ts';
import { clock, shownName, span } from '../parts/words.ts';
import type { PhaseTold } from './told.ts';

/** Steps are shown at least this wide, so that short ones are seen: a share of the whole. */
const LEAST_SHARE = 0.05;
const SIGN = { running: 'run', done: 'tick', failed: 'cross' } as const;
const TONE = { running: 'live', done: 'ok', failed: 'bad' } as const;

function Step({ phase, total }: { readonly phase: PhaseTold; readonly total: number }): ReactNode {
  const nowMs = useNow();
  const ms = phase.ms ?? Math.max(0, nowMs - Date.parse(phase.startedAt));
  const share = Math.max(LEAST_SHARE, total === 0 ? 0 : ms / total);
  const name = shownName(phase.number === 1 ? phase.name : `${phase.name} ${phase.number}`);
  return (
    <li
      className={`step ${TONE[phase.state]} p-${/^\w+$/.test(phase.name) ? phase.name : 'other'}`}
      style={{ flexGrow: share }}
      title={`${name}: ${phase.state}, began ${clock(phase.startedAt)}`}
    >
      <span className="step-name">
        <Icon name={SIGN[phase.state]} turns={phase.state === 'running'} />
        {name}
        <span className="unseen">{phase.state}</span>
      </span>
      <span className="quiet">{phase.ms === null ? span(Math.floor(ms / 1000) * 1000) : span(ms)}</span>
    </li>
  );
}

/** The steps, as long as they took. */
export function Timeline({ phases }: { readonly phases: readonly PhaseTold[] }): ReactNode {
  const shown = phases.filter(({ name, ms }) => name !== 'save' || (ms ?? 0) > 1000);
  const total = shown.reduce((sum, { ms }) => sum + (ms ?? 0), 0);
  if (shown.length === 0) return null;
  return (
    <ol className="timeline card" aria-label="Steps" tabIndex={0}>
      {shown.map((phase) => (
        <Step key={phase.key} phase={phase} total={total} />
      ))}
    </ol>
  );
}
