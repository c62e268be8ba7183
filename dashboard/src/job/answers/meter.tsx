/** What was spent of what may be: money, time, tokens, turns; live while the job goes on. */
import type { ReactNode } from 'react';
import type { JobResult } from '../../../../src/job/result.ts';
import type { JobView } from '../../../../src/job/view/view.ts';
import { hasEnded } from '../../api/queries.ts';
import { useNow } from '../../parts/now.ts';
import { amount, counted, money, roundMoney, roundSpan, span } from '../../parts/words.ts';
import type { PhaseTold } from '../told.ts';
import { agentMs, metersOf, type Meter, type SpentSoFar } from './budget.ts';

/** From this share of a limit on a meter warns. */
const WARN_SHARE = 0.8;

function said({ name }: Meter, value: number): string {
  switch (name) {
    case 'money':
      return money(value);
    case 'time':
      return span(value < 1000 ? value : Math.floor(value / 1000) * 1000);
    case 'tokens':
      return `${amount(value)} tokens`;
    case 'turns':
      return counted(value, 'turn');
  }
}

const UNKNOWN: Readonly<Record<Meter['name'], string>> = {
  money: 'Cost unknown',
  time: 'Time unknown',
  tokens: 'tokens unknown',
  turns: 'turns unknown',
};

/** A limit, as short as it can be said. */
function saidLimit(meter: Meter, most: number): string {
  if (meter.name === 'tokens' || meter.name === 'turns') return amount(most);
  return meter.name === 'money' ? roundMoney(most) : roundSpan(most);
}

function One({ meter }: { readonly meter: Meter }): ReactNode {
  const { name, used, most } = meter;
  const share = used === null || most === null || most === 0 ? null : Math.min(1, used / most);
  return (
    <li className={`meter m-${name}${share !== null && share >= WARN_SHARE ? ' is-near' : ''}`}>
      <span title={name === 'time' ? 'The agent’s work; the gate and waiting do not count' : undefined}>
        <b>{used === null ? UNKNOWN[name] : said(meter, used)}</b>
        {most === null ? null : <span className="quiet"> of {saidLimit(meter, most)}</span>}
        {name === 'time' ? <span className="quiet"> at work</span> : null}
      </span>
      {share === null ? null : (
        <span className="meter-bar" aria-hidden="true">
          <span style={{ width: `${share * 100}%` }} />
        </span>
      )}
    </li>
  );
}

/** The meters. @param soFar what the log has told of it */
export function Meters({
  job,
  result,
  phases,
  soFar,
}: {
  readonly job: JobView;
  readonly result: JobResult | undefined;
  readonly phases: readonly PhaseTold[];
  readonly soFar: SpentSoFar;
}): ReactNode {
  const nowMs = useNow();
  const end = job.finished_at === null ? nowMs : Date.parse(job.finished_at);
  const meters = metersOf(job.budget, soFar, agentMs(phases, end), result);
  const isUncounted = meters.some(({ name, used }) => name === 'money' && used === null);
  // What has no limit is only told.
  const limited = meters.filter(({ name, most }) => name === 'money' || most !== null);
  const told = meters.filter((meter) => !limited.includes(meter) && meter.used !== null);
  return (
    <>
      <ul className="meters">
        {limited.map((meter) => (
          <One key={meter.name} meter={meter} />
        ))}
      </ul>
      {told.length === 0 ? null : <p>{told.map((meter) => said(meter, meter.used ?? 0)).join(', ')}</p>}
      {isUncounted && job.started_at !== null ? (
        <p className="quiet">
          {hasEnded(job) ? 'This agent counts no cost.' : 'Nothing was told of its cost yet.'}
        </p>
      ) : null}
    </>
  );
}
