/** The heart: what the repository's own checks said on the base and on the change, and what failed. */
import { Fragment, type ReactNode } from 'react';
import type { CheckReport, GateReport, TamperFinding } from '../../../src/job/gate.ts';
import { Icon } from '../parts/icon.tsx';
import { Empty } from '../parts/notes.tsx';
import { CHECK, SIDE, State, toldOfRun, type Told } from '../parts/state.tsx';
import { counted, shown, shownName, span } from '../parts/words.ts';
import { Ansi } from './log/ansi.tsx';
import type { LiveGate } from './told.ts';

const SEVERITY: Readonly<Record<TamperFinding['severity'], Told>> = {
  block: { icon: 'shield', word: 'blocks', tone: 'bad' },
  draft: { icon: 'flag', word: 'makes it a draft', tone: 'warn' },
  report: { icon: 'none', word: 'told only', tone: 'quiet' },
};

function testsText({ base_tests: base = null, head_tests: head = null }: CheckReport): string {
  if (base === null && head === null) return '';
  const sum = (one: typeof base): string =>
    one === null ? '?' : String(one.passed + one.failed + one.skipped);
  const parts = [sum(base) === sum(head) ? sum(head) : `${sum(base)} → ${sum(head)}`];
  if (head !== null && head.failed > 0) parts.push(`${head.failed} failed`);
  if (head !== null && head.skipped > 0) parts.push(`${head.skipped} skipped`);
  return parts.join(', ');
}

/** Names the row of a check of the last run, for who is led to it. */
export function checkId(check: string): string {
  return `check-${encodeURIComponent(check.toWellFormed())}`;
}

/** Where a check of a run printed to: the gate's own log of it, by the check's name. */
interface Printed {
  readonly jobId: string;
  /** From 1. */
  readonly run: number;
}

/** The address of all that a check printed on head. */
function outputAddress({ jobId, run }: Printed, check: string): string {
  return `/api/jobs/${jobId}/output?run=${run}&check=${encodeURIComponent(check.toWellFormed())}`;
}

function Failing({ check, printed }: { readonly check: CheckReport; readonly printed: Printed }): ReactNode {
  return (
    <tr className="why">
      <td colSpan={7}>
        <div className="why-body">
          {check.new_failures.length === 0 ? null : (
            <>
              <h4>New with this change</h4>
              <ul className="failures">
                {check.new_failures.map((name, at) => (
                  <li key={`${name} ${at}`}>
                    <Icon name="cross" /> <span dir="auto">{shown(name)}</span>
                  </li>
                ))}
              </ul>
            </>
          )}
          {check.excerpt.trim() === '' ? null : (
            <details open>
              <summary>What it printed</summary>
              <pre className="excerpt" tabIndex={0} aria-label={`What ${shownName(check.name)} printed`}>
                <Ansi text={check.excerpt} />
              </pre>
            </details>
          )}
          {check.log === null ? null : (
            <p>
              <a className="button small" href={outputAddress(printed, check.name)}>
                <Icon name="file" /> All that {shown(check.name)} printed
              </a>
            </p>
          )}
        </div>
      </td>
    </tr>
  );
}

function Checks({
  checks,
  printed,
  isLast,
}: {
  readonly checks: readonly CheckReport[];
  readonly printed: Printed;
  readonly isLast: boolean;
}): ReactNode {
  return (
    <div className="table-scroll" tabIndex={0} role="region" aria-label="Checks">
      <table className="table gate-table">
        <thead>
          <tr>
            <th scope="col">Check</th>
            <th scope="col">Base</th>
            <th scope="col">Head</th>
            <th scope="col">Verdict</th>
            <th scope="col">Tests</th>
            <th scope="col" className="end">
              Time
            </th>
            <th scope="col">Command</th>
          </tr>
        </thead>
        <tbody>
          {checks.map((check, at) => (
            <Fragment key={`${check.name} ${at}`}>
              <tr
                className={check.verdict === 'failed' ? 'is-bad' : ''}
                id={isLast ? checkId(check.name) : undefined}
                tabIndex={-1}
              >
                <th scope="row">{shownName(check.name)}</th>
                <td>
                  <State told={SIDE[check.base]} />
                </td>
                <td>
                  <State told={SIDE[check.head]} />
                </td>
                <td>
                  <State told={CHECK[check.verdict]} />
                  {check.verdict === 'passed' ? null : <span className="reason">{shown(check.reason)}</span>}
                </td>
                <td className="quiet">{testsText(check)}</td>
                <td className="quiet end">{span(check.duration_ms)}</td>
                <td className="command">
                  <code title={shown(check.command)}>{shown(check.command)}</code>
                  {check.log === null ||
                  check.verdict === 'failed' ||
                  check.verdict === 'inconclusive' ? null : (
                    <a href={outputAddress(printed, check.name)}>what it printed</a>
                  )}
                </td>
              </tr>
              {check.verdict === 'failed' || check.verdict === 'inconclusive' ? (
                <Failing check={check} printed={printed} />
              ) : null}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Tamper({ findings }: { readonly findings: readonly TamperFinding[] }): ReactNode {
  if (findings.length === 0) return null;
  return (
    <section className="tamper" aria-label="Tamper findings">
      <h4>
        <Icon name="shield" /> The change touches its own judge
      </h4>
      <ul>
        {findings.map((one, at) => (
          // Two findings may be alike in everything.
          // oxlint-disable-next-line react/no-array-index-key
          <li key={at}>
            <State told={SEVERITY[one.severity]} />
            <code>
              {shownName(one.file)}
              {one.line === null ? '' : `:${one.line}`}
            </code>
            <span>{shown(one.detail)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function headline(run: GateReport): string {
  const broken = run.checks.filter(({ verdict }) => verdict === 'failed').map(({ name }) => name);
  if (run.tamper.some(({ severity }) => severity === 'block')) return 'the change bends what judges it';
  if (run.verdict === 'none') return 'no checks were found';
  if (broken.length > 0)
    return `${shown(broken.join(', '))} passed before and ${broken.length === 1 ? 'fails' : 'fail'} now`;
  if (run.verdict === 'inconclusive') return 'a check did not come to an end that says anything';
  return run.checks.some(({ verdict }) => verdict === 'pre_existing')
    ? 'nothing fails that did not fail before'
    : 'everything passes';
}

function Run({
  jobId,
  run,
  at,
  of,
}: {
  readonly jobId: string;
  readonly run: GateReport;
  readonly at: number;
  readonly of: number;
}): ReactNode {
  const isLast = at === of;
  const told = toldOfRun(run);
  return (
    <details className={`card run ${told.tone}-edge`} open={isLast}>
      <summary>
        <State told={told} boxed />
        <h3>
          {of === 1 ? 'Gate' : `Gate run ${at} of ${of}`}: {headline(run)}
        </h3>
        <span className="quiet">
          <code>{run.commit.slice(0, 10)}</code> · {span(run.duration_ms)}
        </span>
      </summary>
      <Checks checks={run.checks} printed={{ jobId, run: at }} isLast={isLast} />
      <Tamper findings={run.tamper} />
    </details>
  );
}

function Live({ live }: { readonly live: LiveGate }): ReactNode {
  return (
    <section className="card run live-edge" aria-label="The gate at work">
      <header className="run-head">
        <State told={{ icon: 'run', word: 'Judging', tone: 'live' }} boxed />
        <h3>
          Gate run {live.run}: {counted(live.checks.length, 'check')} on base and on head
        </h3>
      </header>
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Checks at work">
        <table className="table gate-table">
          <thead>
            <tr>
              <th scope="col">Check</th>
              <th scope="col">Base</th>
              <th scope="col">Head</th>
              <th scope="col">With base’s tests</th>
            </tr>
          </thead>
          <tbody>
            {live.checks.map((check) => (
              <tr key={check.name}>
                <th scope="row">{shownName(check.name)}</th>
                <td>
                  <State told={SIDE[check.base]} />
                </td>
                <td>
                  <State told={SIDE[check.head]} />
                </td>
                <td>{check.restored === null ? null : <State told={SIDE[check.restored]} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** Every run of the gate, the latest first. */
export function Gate({
  jobId,
  runs,
  live,
  hasEnded,
}: {
  readonly jobId: string;
  readonly runs: readonly GateReport[];
  readonly live: LiveGate | null;
  readonly hasEnded: boolean;
}): ReactNode {
  if (runs.length === 0 && live === null) {
    return (
      <Empty icon="shield" title={hasEnded ? 'The gate did not run' : 'The gate has not run yet'}>
        <p>
          {hasEnded
            ? 'There was no change to judge, or the job ended before.'
            : 'When the agent has changed something, the repository’s own checks run on the base and on the change.'}
        </p>
      </Empty>
    );
  }
  return (
    <div className="runs">
      {live === null ? null : <Live live={live} />}
      {runs
        .map((run, at) => (
          <Run key={`${run.commit} ${at}`} jobId={jobId} run={run} at={at + 1} of={runs.length} />
        ))
        .toReversed()}
    </div>
  );
}
