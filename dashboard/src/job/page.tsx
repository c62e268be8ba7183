/** A job: five answers first, then the gate, and behind it everything else. */
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import type { GateReport } from '../../../src/job/gate.ts';
import type { JobEvent } from '../../../src/job/job.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { useFollowed, type Followed } from '../api/follow.ts';
import { diffQuery, gateQuery, hasEnded, jobQuery, queries, resultQuery } from '../api/queries.ts';
import { Standing } from '../frame/broken.tsx';
import { useTitle } from '../frame/shell.tsx';
import { useKeys } from '../frame/shortcuts.tsx';
import { Copy } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { Tabs, useTab } from '../parts/tabs.tsx';
import { firstLine, shown } from '../parts/words.ts';
import { Actions, Question } from './actions.tsx';
import { Checklist } from './activity/checklist.tsx';
import { planOf, type PlanItem } from './activity/plan.ts';
import type { SpentSoFar } from './answers/budget.ts';
import { Chain } from './answers/chain.tsx';
import { NextSteps, type Leads } from './answers/steps.tsx';
import { Deliveries } from './deliveries.tsx';
import { checkId, Gate } from './gate.tsx';
import { Log } from './log/log.tsx';
import { Provenance } from './provenance.tsx';
import { Story } from './story.tsx';
import { Claim, Summary } from './summary.tsx';
import { Timeline } from './timeline.tsx';
import { doingOf, liveGateOf, nowOf, phasesOf, spentOf, type LiveGate, type PhaseTold } from './told.ts';

const Changes = lazy(async () => ({ default: (await import('./changes/changes.tsx')).Changes }));

const TABS = ['gate', 'activity', 'log', 'changes', 'deliveries'] as const;
type Tab = (typeof TABS)[number];
const NAMES: Readonly<Record<Tab, string>> = {
  gate: 'Gate',
  activity: 'Activity',
  log: 'Log',
  changes: 'Changes',
  deliveries: 'Deliveries',
};

interface Told {
  readonly phases: readonly PhaseTold[];
  readonly live: LiveGate | null;
  readonly spent: SpentSoFar;
  readonly doing: string | null;
  readonly plan: readonly PlanItem[];
}

/** Whether what was asked of the job is old by this event. */
function isMark({ type, data }: JobEvent): boolean {
  return type === 'status' || type === 'phase' || (type === 'gate' && 'verdict' in data);
}

function Head({ job, actions }: { readonly job: JobView; readonly actions: ReactNode }): ReactNode {
  return (
    <header className="job-head">
      <p className="crumb">
        <Link href="/">
          <Icon name="left" /> Jobs
        </Link>
        {job.run_id === null ? null : (
          <Link href={`/run/${job.run_id}`}>
            <Icon name="flow" /> Step {shown(job.step ?? '')} of {job.run_id}
          </Link>
        )}
        <code>{job.job_id}</code>
        <Copy text={job.job_id} what="the id" />
      </p>
      <div className="head-line">
        <h1 dir="auto">{firstLine(job.task)}</h1>
        {actions}
      </div>
    </header>
  );
}

function Notes({ notices }: { readonly notices: readonly string[] }): ReactNode {
  if (notices.length === 0) return null;
  return (
    <ul className="remarks-list">
      {notices.map((notice, at) => (
        <li key={`${notice} ${at}`}>
          <Icon name="flag" /> {firstLine(notice)}
        </li>
      ))}
    </ul>
  );
}

interface PanelProps {
  readonly tab: Tab;
  readonly job: JobView;
  /** The commit of its change, where it is known. */
  readonly head: string | null;
  readonly runs: readonly GateReport[];
  readonly live: LiveGate | null;
  readonly followed: Followed;
  readonly mayAct: boolean;
}

function Panel({ tab, job, head, runs, live, followed, mayAct }: PanelProps): ReactNode {
  const { events, connection } = followed;
  const jobId = job.job_id;
  const isOver = hasEnded(job);
  return (
    <div id="panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
      <Standing key={tab}>
        <Suspense fallback={<Loading what={NAMES[tab]} />}>
          {tab === 'gate' ? <Gate jobId={jobId} runs={runs} live={live} hasEnded={isOver} /> : null}
          {tab === 'activity' ? <Story events={events} isOver={isOver} /> : null}
          {tab === 'log' ? (
            <Log jobId={jobId} events={events} connection={connection} hasEnded={isOver} />
          ) : null}
          {tab === 'changes' ? <Changes job={job} head={head} canAct={mayAct} /> : null}
          {tab === 'deliveries' && mayAct ? <Deliveries jobId={jobId} hasEnded={isOver} /> : null}
        </Suspense>
      </Standing>
    </div>
  );
}

/** What the log tells, read anew when it grows. */
function useTold(jobId: string, events: Followed['events']): Told {
  const told = useMemo(
    () => ({
      phases: phasesOf(events),
      live: liveGateOf(events),
      spent: spentOf(events),
      doing: doingOf(events),
      plan: planOf(events),
    }),
    [events],
  );
  const marks = useMemo(() => events.filter(isMark).length, [events]);
  useEffect(() => {
    if (marks === 0) return;
    for (const query of [jobQuery(jobId), gateQuery(jobId), diffQuery(jobId)])
      void queries.invalidateQueries({ queryKey: query.queryKey });
  }, [jobId, marks]);
  return told;
}

function bring(element: HTMLElement): void {
  element.scrollIntoView({ block: 'center' });
  element.focus({ preventScroll: true });
}

/** Brings an element into sight, and the keyboard to it: at once, or with the drawing that it comes with. */
function useWanted(): (id: string) => void {
  const wanted = useRef<string | null>(null);
  useEffect(() => {
    const element = wanted.current === null ? null : document.getElementById(wanted.current);
    if (element === null) return;
    wanted.current = null;
    bring(element);
  });
  return (id) => {
    const element = document.getElementById(id);
    if (element === null) wanted.current = id;
    else bring(element);
  };
}

/** Everything of a job that is there. */
function Whole({ job, who }: { readonly job: JobView; readonly who: WhoView }): ReactNode {
  const jobId = job.job_id;
  const { data: result } = useQuery(resultQuery(job));
  const { data: gate } = useQuery(gateQuery(jobId));
  const mayAct = who.role !== 'read';
  const followed = useFollowed(jobId);
  const told = useTold(jobId, followed.events);
  const tabs = TABS.filter((one) => one !== 'deliveries' || mayAct);
  const [tab, setTab] = useTab(tabs, 'gate');
  const [isWriting, setWriting] = useState(false);
  const [, go] = useLocation();
  const setWanted = useWanted();
  const runs = gate?.runs ?? [];
  const isOver = hasEnded(job);
  const live = isOver ? null : told.live;
  const now = isOver ? null : nowOf(told.phases);
  const answers = { ...told, job, result, runs, live, now, mayAct };
  useKeys({
    ...Object.fromEntries(tabs.map((one, at) => [String(at + 1), () => setTab(one)])),
    m: () => setWriting(mayAct),
    u: () => go('/'),
  });
  const leads: Leads = {
    onShow: setTab,
    onCheck(check) {
      setTab('gate');
      setWanted(checkId(check));
    },
    onFollow: () => setWriting(true),
    onAnswer: () => document.querySelector<HTMLElement>('.question textarea')?.focus(),
  };
  return (
    <div className="page job-page">
      <Head
        job={job}
        actions={mayAct ? <Actions job={job} isWriting={isWriting} onWriting={setWriting} /> : null}
      />
      {followed.connection === 'lost' ? (
        <p className="note warn-box" role="status">
          <Icon name="warn" /> The server was lost; this page goes on when it is back.
        </p>
      ) : null}
      <Question job={job} canAct={mayAct} />
      <Summary {...answers}>
        <NextSteps {...answers} {...leads} most={who.most} />
      </Summary>
      <Chain job={job} />
      <Timeline phases={told.phases} job={job} />
      <Checklist items={told.plan} isOver={isOver} />
      <Claim result={result} />
      <Notes notices={result?.notices ?? []} />
      <Tabs of="the job" names={NAMES} tabs={tabs} tab={tab} onTab={setTab} />
      <Panel
        tab={tab}
        job={job}
        head={result?.head_sha ?? runs.at(-1)?.commit ?? null}
        runs={runs}
        live={live}
        followed={followed}
        mayAct={mayAct}
      />
      <Provenance result={result} events={followed.events} />
    </div>
  );
}

/** The page. */
export function JobPage({ jobId, who }: { readonly jobId: string; readonly who: WhoView }): ReactNode {
  const { data: job, error, refetch } = useQuery(jobQuery(jobId));
  useTitle(job === undefined ? jobId : firstLine(job.task));
  if (job !== undefined) return <Whole job={job} who={who} />;
  return (
    <div className="page">
      {error === null ? (
        <Loading what="the job" lines={8} />
      ) : (
        <Failure error={error} onAgain={() => void refetch()} />
      )}
    </div>
  );
}
