/** A run of a pipeline: what it asks, five answers, its steps as they stand, and the parts that every job has. */
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import type { GateReport } from '../../../src/job/gate.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { JobView } from '../../../src/job/view/view.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { onceKey, post } from '../api/call.ts';
import { useFollowed, type Followed } from '../api/follow.ts';
import { diffQuery, gateQuery, jobQuery, queries, resultQuery } from '../api/queries.ts';
import { isOver, runQuery } from '../api/runs.ts';
import { Standing } from '../frame/broken.tsx';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { useKeys } from '../frame/shortcuts.tsx';
import { Deliveries } from '../job/deliveries.tsx';
import { Gate } from '../job/gate.tsx';
import { Log } from '../job/log/log.tsx';
import { Provenance } from '../job/provenance.tsx';
import { liveGateOf, nowOf, phasesOf, type LiveGate } from '../job/told.ts';
import { CancelSheet } from '../parts/ask.tsx';
import { Copy } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { Tabs, useTab } from '../parts/tabs.tsx';
import { shown } from '../parts/words.ts';
import { RunAnswers } from './answers.tsx';
import { Approvals, goToAnswer } from './approvals.tsx';
import { Steps } from './graph/steps.tsx';
import { asks, ownEvents, readableEvents, shownSteps, timesOf, withSkipped } from './told.ts';

const Changes = lazy(async () => ({ default: (await import('../job/changes/changes.tsx')).Changes }));

const TABS = ['steps', 'gate', 'log', 'changes', 'deliveries'] as const;
type Tab = (typeof TABS)[number];
const NAMES: Readonly<Record<Tab, string>> = {
  steps: 'Steps',
  gate: 'Gate of the whole',
  log: 'Log',
  changes: 'Changes',
  deliveries: 'Deliveries',
};
/**
 * Least pause between two questions about a run that the log tells something of, and what each of its steps adds to it, in
 * milliseconds: the answer has them all.
 */
const PAUSE_MS = 400;
const PAUSE_MS_PER_STEP = 2;

/** Asks for the run again when its log says something, though not more often than somebody could see. */
function useAskedAgain(runId: string, jobId: string, { events }: Followed): void {
  const marks = useMemo(
    () => events.filter(({ type }) => type === 'status' || type === 'phase' || type === 'gate').length,
    [events],
  );
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  useEffect(() => {
    if (marks === 0 || timer.current !== null) return;
    const steps = queries.getQueryData(runQuery(runId).queryKey)?.steps.length ?? 0;
    timer.current = setTimeout(
      () => {
        timer.current = null;
        for (const query of [runQuery(runId), jobQuery(jobId), gateQuery(jobId), diffQuery(jobId)])
          void queries.invalidateQueries({ queryKey: query.queryKey });
      },
      PAUSE_MS + steps * PAUSE_MS_PER_STEP,
    );
  }, [marks, runId, jobId]);
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
      timer.current = null;
    },
    [],
  );
}

/** What can be done to a run that has ended: what failed is run once more, or all of it. */
function Again({
  run,
  isBusy,
  onRetry,
}: {
  readonly run: RunView;
  readonly isBusy: boolean;
  readonly onRetry: () => void;
}): ReactNode {
  if (run.status !== 'completed') {
    return (
      <button type="button" className="button" disabled={isBusy} onClick={onRetry}>
        <Icon name="again" /> Retry what failed
      </button>
    );
  }
  if (run.pipeline_id === null) return null;
  return (
    <Link className="button" href={`/pipeline/${run.pipeline_id}?repo=${encodeURIComponent(run.repo)}`}>
      <Icon name="again" /> Run again
    </Link>
  );
}

/** What can be done to a run: stop it, or run it again. */
function Actions({ run }: { readonly run: RunView }): ReactNode {
  const say = useSay();
  const [, go] = useLocation();
  const [isAsked, setAsked] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const attempt = async (what: () => Promise<void>): Promise<void> => {
    setBusy(true);
    try {
      await what();
    } catch (refusal) {
      say.failed(refusal);
    }
    setBusy(false);
  };
  const cancel = async (): Promise<void> => {
    setAsked(false);
    const next = await post<RunView>(`/api/runs/${run.run_id}/cancel`);
    queries.setQueryData(runQuery(run.run_id).queryKey, next);
    say.done('Cancelled: what its steps did is saved');
  };
  const retry = async (): Promise<void> => {
    const { run_id: runId } = await post<RunView>(`/api/runs/${run.run_id}/retry`, undefined, onceKey());
    say.done('What failed runs once more, in a new run');
    go(`/run/${runId}`);
  };
  return (
    <>
      <div className="actions">
        {isOver(run) ? (
          <Again run={run} isBusy={isBusy} onRetry={() => void attempt(retry)} />
        ) : (
          <button type="button" className="button" disabled={isBusy} onClick={() => setAsked(true)}>
            <Icon name="stop" /> Cancel
          </button>
        )}
      </div>
      <CancelSheet
        title="Cancel this run?"
        open={isAsked}
        onClose={() => setAsked(false)}
        onCancel={() => void attempt(cancel)}
      >
        The jobs of its steps are stopped where they are. What they did is saved, and a retry takes it over.
      </CancelSheet>
    </>
  );
}

function Head({ run, actions }: { readonly run: RunView; readonly actions: ReactNode }): ReactNode {
  return (
    <header className="job-head">
      <p className="crumb">
        <Link href="/run">
          <Icon name="left" /> Runs
        </Link>
        <code>{run.run_id}</code>
        <Copy text={run.run_id} what="the id" />
      </p>
      <div className="head-line">
        <h1 dir="auto">{shown(run.pipeline)}</h1>
        {actions}
      </div>
    </header>
  );
}

interface LoadedProps {
  readonly run: RunView;
  readonly job: JobView;
  readonly who: WhoView;
  readonly followed: Followed;
}

/** What its log tells of it, read anew when it grows. */
function useRead({ events }: Followed): {
  readonly times: ReturnType<typeof timesOf>;
  readonly live: LiveGate | null;
  readonly phase: string | null;
  readonly log: Followed['events'];
} {
  return useMemo(() => {
    const own = ownEvents(events);
    const phase = nowOf(phasesOf(own))?.name ?? null;
    return { times: timesOf(events), live: liveGateOf(own), phase, log: readableEvents(events) };
  }, [events]);
}

interface PanelProps extends Pick<LoadedProps, 'run' | 'job'> {
  readonly tab: Tab;
  readonly steps: ReturnType<typeof shownSteps>;
  readonly plan: readonly Pick<RunView['steps'][number], 'name' | 'depends_on'>[];
  readonly gates: readonly GateReport[];
  readonly live: LiveGate | null;
  readonly log: Followed['events'];
  readonly connection: Followed['connection'];
  readonly result: JobResult | undefined;
  readonly mayAct: boolean;
}

function Panel({
  run,
  job,
  tab,
  steps,
  plan,
  gates,
  live,
  log,
  connection,
  result,
  mayAct,
}: PanelProps): ReactNode {
  const over = isOver(run);
  return (
    <div id="panel" role="tabpanel" aria-labelledby={`tab-${tab}`}>
      <Standing key={tab}>
        <Suspense fallback={<Loading what={NAMES[tab]} />}>
          {tab === 'steps' ? <Steps steps={steps} plan={plan} hasRun onOpen={goToAnswer} /> : null}
          {tab === 'gate' ? <Gate jobId={run.job_id} runs={gates} live={live} hasEnded={over} /> : null}
          {tab === 'log' ? (
            <Log jobId={run.job_id} events={log} connection={connection} hasEnded={over} />
          ) : null}
          {tab === 'changes' ? (
            <Changes
              job={job}
              head={result?.head_sha ?? gates.at(-1)?.commit ?? null}
              canAct={mayAct && over}
            />
          ) : null}
          {tab === 'deliveries' ? <Deliveries jobId={run.job_id} hasEnded={over} /> : null}
        </Suspense>
      </Standing>
    </div>
  );
}

function Loaded({ run: stored, job, who, followed }: LoadedProps): ReactNode {
  const run = useMemo(() => withSkipped(stored, followed.events), [stored, followed.events]);
  const { data: result } = useQuery(resultQuery(job));
  const { data: gate } = useQuery(gateQuery(run.job_id));
  const read = useRead(followed);
  const [, go] = useLocation();
  // Its steps and what they wait for never change.
  const [plan] = useState(() => run.steps.map(({ name, depends_on }) => ({ name, depends_on })));
  const mayAct = who.role !== 'read';
  const over = isOver(run);
  const live = over ? null : read.live;
  const steps = shownSteps(run, read.times);
  const tabs = TABS.filter((one) => one !== 'deliveries' || mayAct);
  const [tab, setTab] = useTab(tabs, 'steps');
  const asking = run.steps.find(asks);
  useTitle(shown(run.pipeline));
  useKeys({
    ...Object.fromEntries(tabs.map((one, at) => [String(at + 1), () => setTab(one)])),
    a: () => (asking === undefined ? undefined : goToAnswer(asking.name)),
    u: () => go('/run'),
  });
  return (
    <div className="page job-page run-page">
      <Head run={run} actions={mayAct ? <Actions run={run} /> : null} />
      {followed.connection === 'lost' ? (
        <p className="note warn-box" role="status">
          <Icon name="warn" /> The server was lost; this page goes on when it is back.
        </p>
      ) : null}
      <Approvals run={run} who={who} />
      <RunAnswers
        run={run}
        job={job}
        result={result}
        gates={gate?.runs ?? []}
        live={live}
        phase={over ? null : read.phase}
      >
        {over && (gate?.runs ?? []).length > 0 ? (
          <button
            type="button"
            className={job.pr_url === null ? 'button primary' : 'button'}
            onClick={() => setTab('changes')}
          >
            <Icon name="file" /> Read the change
          </button>
        ) : null}
      </RunAnswers>
      <Tabs of="the run" names={NAMES} tabs={tabs} tab={tab} onTab={setTab} />
      <Panel
        run={run}
        job={job}
        tab={tab}
        steps={steps}
        plan={plan}
        gates={gate?.runs ?? []}
        live={live}
        log={read.log}
        connection={followed.connection}
        result={result}
        mayAct={mayAct}
      />
      <Provenance result={result} events={followed.events} />
    </div>
  );
}

/** The page. @param runId of the run, or of its job */
export function RunPage({ runId: named, who }: { readonly runId: string; readonly who: WhoView }): ReactNode {
  const runId = named.replace(/^job-/, 'run-');
  const jobId = named.replace(/^run-/, 'job-');
  const { data: run, error, refetch } = useQuery(runQuery(runId));
  const { data: job } = useQuery(jobQuery(jobId));
  const followed = useFollowed(jobId);
  useAskedAgain(runId, jobId, followed);
  useTitle(shown(run?.pipeline ?? runId));
  if (run === undefined || job === undefined) {
    return (
      <div className="page">
        {error === null ? (
          <Loading what="the run" lines={8} />
        ) : (
          <Failure error={error} onAgain={() => void refetch()} />
        )}
      </div>
    );
  }
  return <Loaded run={run} job={job} who={who} followed={followed} />;
}
