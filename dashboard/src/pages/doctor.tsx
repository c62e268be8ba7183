/** What works on the server's machine, and how to mend what does not. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { FindingView } from '../../../src/server/dashboard/view.ts';
import { doctorQuery, readyQuery } from '../api/queries.ts';
import { useTitle } from '../frame/shell.tsx';
import { Line } from '../parts/copy.tsx';
import { Mending } from '../parts/mending.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { State, type Told } from '../parts/state.tsx';
import { clock, counted, shown } from '../parts/words.ts';

const TOLD: Readonly<Record<FindingView['state'], Told>> = {
  ok: { icon: 'ok', word: 'Works', tone: 'ok' },
  warning: { icon: 'warn', word: 'Mind', tone: 'warn' },
  failed: { icon: 'bad', word: 'Broken', tone: 'bad' },
};
const ORDER: readonly FindingView['state'][] = ['failed', 'warning', 'ok'];

/** What findings are about, by how their names begin; what is none of these is about the machine. */
const GROUPS: readonly (readonly [name: string, about: RegExp])[] = [
  ['Agents and models', /agent|model|price|gateway|provider/i],
  ['Sandboxes', /sandbox/i],
  ['Forge and callbacks', /forge|github|webhook|callback|trigger|workflow|dispatch/i],
  ['This machine', /./],
];

interface Group {
  readonly name: string;
  readonly findings: readonly FindingView[];
}

/** The findings by what they are about; a group with something broken stands first, and in it what is broken. */
export function grouped(findings: readonly FindingView[]): readonly Group[] {
  const groupOf = ({ name }: FindingView): string | undefined =>
    GROUPS.find(([, about]) => about.test(name))?.[0];
  const worst = ({ findings: all }: Group): number =>
    Math.min(...all.map(({ state }) => ORDER.indexOf(state)));
  return GROUPS.map(([name]) => ({
    name,
    findings: findings
      .filter((finding) => groupOf(finding) === name)
      .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state)),
  }))
    .filter(({ findings: all }) => all.length > 0)
    .toSorted((a, b) => worst(a) - worst(b));
}

function Finding({ finding }: { readonly finding: FindingView }): ReactNode {
  return (
    <li className="finding">
      <State told={TOLD[finding.state]} />
      <div>
        <h3>{shown(finding.name)}</h3>
        <p className="quiet">{shown(finding.detail)}</p>
        {finding.fix === null ? null : <Mending text={finding.fix} />}
      </div>
    </li>
  );
}

function summaryOf(findings: readonly FindingView[]): string {
  const broken = findings.filter(({ state }) => state === 'failed').length;
  const mind = findings.filter(({ state }) => state === 'warning').length;
  if (broken > 0) return `${counted(broken, 'thing')} to mend`;
  return mind > 0 ? `Everything needed works; ${counted(mind, 'thing')} to know` : 'Everything works';
}

/** The page. */
export function DoctorPage(): ReactNode {
  useTitle('Doctor');
  const { data, error, refetch, isFetching, dataUpdatedAt } = useQuery(doctorQuery);
  const ready = useQuery(readyQuery);
  const told =
    data === undefined
      ? 'Looking at this machine…'
      : `${summaryOf(data)}, as of ${clock(new Date(dataUpdatedAt).toISOString())}`;
  return (
    <div className="page stack">
      <header className="head-line">
        <div>
          <h1>Doctor</h1>
          <p className="quiet" role="status">
            {told}
          </p>
        </div>
        <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>
          {isFetching ? 'Looking…' : 'Check again'}
        </button>
      </header>
      {ready.data?.checks.worker === 'none' ? (
        <div className="note warn-box">
          <p>No worker runs jobs in this server. Start one on the same home:</p>
          <Line text="agent-runner worker --loop" what="the command" />
        </div>
      ) : null}
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="what works here" lines={8} /> : null}
      {grouped(data ?? []).map(({ name, findings }) => (
        <section key={name} aria-label={name}>
          <h2 className="section-name">{name}</h2>
          <ul className="card findings">
            {findings.map((finding) => (
              <Finding key={`${finding.name} ${finding.detail}`} finding={finding} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
