/** What was spent day by day, drawn. The table below says the same in numbers, so that nobody has to see this. */
import type { ReactNode } from 'react';
import type { UsageSum } from '../../../../src/job/model/usage.ts';
import { amount, counted, money } from '../../parts/words.ts';
import { MEASURES, type Day, type Measure } from './days.ts';

const NAMES: Readonly<Record<Measure, string>> = { cost: 'Cost', tokens: 'Tokens', jobs: 'Jobs' };
const DATE = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', timeZone: 'UTC' });
/** The least that a day with anything at all is drawn by, in per cent. */
const LEAST = 1.5;

function valueOf(measure: Measure, value: number): string {
  return measure === 'cost' ? money(value) : amount(value);
}

function isUnknown(measure: Measure, sum: UsageSum | null): boolean {
  if (sum === null || measure === 'jobs') return false;
  return (measure === 'cost' ? sum.unpriced : sum.uncounted) > 0;
}

function titleOf(measure: Measure, { day, value, sum }: Day): string {
  const unknown =
    measure === 'cost' ? (sum?.unpriced ?? 0) : measure === 'tokens' ? (sum?.uncounted ?? 0) : 0;
  const besides = unknown === 0 ? '' : `, and ${counted(unknown, 'job')} of which nobody knows`;
  return `${DATE.format(new Date(day))}: ${valueOf(measure, value)}${besides}`;
}

/** The sentence that says what there is to see. */
function summaryOf(measure: Measure, days: readonly Day[]): string {
  const most = days.reduce((best, day) => (day.value > best.value ? day : best), { day: '', value: 0 });
  const first = days[0]?.day ?? '';
  const last = days.at(-1)?.day ?? '';
  const told = `${NAMES[measure]} by day, ${first} to ${last}`;
  return most.value === 0 ? `${told}: none` : `${told}: most on ${most.day}, ${valueOf(measure, most.value)}`;
}

/** The bars. */
export function Chart({
  days,
  measure,
  onMeasure,
}: {
  readonly days: readonly Day[];
  readonly measure: Measure;
  readonly onMeasure: (measure: Measure) => void;
}): ReactNode {
  const most = Math.max(0, ...days.map(({ value }) => value));
  const hasUnknown = days.some(({ sum }) => isUnknown(measure, sum));
  const middle = days[Math.floor((days.length - 1) / 2)];
  const marks = days.length < 3 ? days : [days[0], middle, days.at(-1)];
  return (
    <figure className="card chart">
      <figcaption>
        <h2 className="section-name">By day (UTC)</h2>
        <div className="choices" role="group" aria-label="What is drawn">
          {MEASURES.map((one) => (
            <button key={one} type="button" aria-pressed={one === measure} onClick={() => onMeasure(one)}>
              {NAMES[one]}
            </button>
          ))}
        </div>
      </figcaption>
      <div className="bars" role="img" aria-label={summaryOf(measure, days)}>
        <span className="most">{most === 0 ? '' : valueOf(measure, most)}</span>
        {days.map((day) => {
          const share = most === 0 || day.value === 0 ? 0 : Math.max(LEAST, (day.value / most) * 100);
          return (
            <span key={day.day} className="day" title={titleOf(measure, day)}>
              {isUnknown(measure, day.sum) ? <span className="unknown">?</span> : null}
              <span className="fill" style={{ height: `${share}%` }} />
            </span>
          );
        })}
      </div>
      <div className="marks" aria-hidden="true">
        {marks.map((day) =>
          day === undefined ? null : <span key={day.day}>{DATE.format(new Date(day.day))}</span>,
        )}
      </div>
      {most === 0 ? (
        <p className="hint">Nothing to draw: no {NAMES[measure].toLowerCase()} known in this time.</p>
      ) : null}
      {hasUnknown ? (
        <p className="hint">? marks days with jobs of which nobody knows; they are not in the bars.</p>
      ) : null}
    </figure>
  );
}
