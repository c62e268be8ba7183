/** What works on the server's machine, and how to mend what does not. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { FindingView } from '../../../src/server/dashboard/view.ts';
import { doctorQuery, readyQuery } from '../api/queries.ts';
import { useTitle } from '../frame/shell.tsx';
import { Line } from '../parts/copy.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { State, type Told } from '../parts/state.tsx';
import { counted, shown } from '../parts/words.ts';

const TOLD: Readonly<Record<FindingView['state'], Told>> = {
  ok: { icon: 'ok', word: 'Works', tone: 'ok' },
  warning: { icon: 'warn', word: 'Mind', tone: 'warn' },
  failed: { icon: 'bad', word: 'Broken', tone: 'bad' },
};
const ORDER: readonly FindingView['state'][] = ['failed', 'warning', 'ok'];

function Finding({ finding }: { readonly finding: FindingView }): ReactNode {
  return (
    <li className="finding">
      <State told={TOLD[finding.state]} />
      <div>
        <h3>{shown(finding.name)}</h3>
        <p className="quiet">{shown(finding.detail)}</p>
        {finding.fix === null ? null : <p className="fix">{shown(finding.fix)}</p>}
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
  const { data, error, refetch, isFetching } = useQuery(doctorQuery);
  const ready = useQuery(readyQuery);
  const sorted = data?.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return (
    <div className="page">
      <header className="head-line">
        <div>
          <h1>Doctor</h1>
          <p className="quiet">{data === undefined ? 'Looking at this machine…' : summaryOf(data)}</p>
        </div>
        <button type="button" className="button" disabled={isFetching} onClick={() => void refetch()}>
          Look again
        </button>
      </header>
      {ready.data?.checks.worker === 'none' ? (
        <div className="note warn-box">
          <p>No worker runs jobs in this server. Start one on the same home:</p>
          <Line text="agent-runner worker --loop" what="the command" />
        </div>
      ) : null}
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {sorted === undefined ? (
        error === null ? (
          <Loading what="what works here" lines={8} />
        ) : null
      ) : (
        <ul className="card findings">
          {sorted.map((finding) => (
            <Finding key={`${finding.name} ${finding.detail}`} finding={finding} />
          ))}
        </ul>
      )}
    </div>
  );
}
