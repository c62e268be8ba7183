/** Which page is shown for which path, and who may see any. */
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import type { Role } from '../../src/job/access/access.ts';
import type { WhoView } from '../../src/server/dashboard/view.ts';
import { Refusal } from './api/call.ts';
import { jobQuery, queries, whoQuery } from './api/queries.ts';
import { Standing } from './frame/broken.tsx';
import { Notices } from './frame/notices.tsx';
import { Shell, useTitle } from './frame/shell.tsx';
import { JobsPage } from './jobs/page.tsx';
import { LoginPage } from './pages/login.tsx';
import { Empty, Failure, Loading } from './parts/notes.tsx';

const JobPage = lazy(async () => ({ default: (await import('./job/page.tsx')).JobPage }));
const RunPage = lazy(async () => ({ default: (await import('./runs/run.tsx')).RunPage }));
const RunsPage = lazy(async () => ({ default: (await import('./runs/list.tsx')).RunsPage }));
const PipelinesPage = lazy(async () => ({ default: (await import('./runs/pipelines.tsx')).PipelinesPage }));
const PipelinePage = lazy(async () => ({ default: (await import('./runs/pipeline.tsx')).PipelinePage }));
const EditPage = lazy(async () => ({ default: (await import('./runs/edit.tsx')).EditPage }));
const NewPage = lazy(async () => ({ default: (await import('./pages/new/page.tsx')).NewPage }));
const CostPage = lazy(async () => ({ default: (await import('./pages/cost/page.tsx')).CostPage }));
const KeysPage = lazy(async () => ({ default: (await import('./pages/keys.tsx')).KeysPage }));
const AuditPage = lazy(async () => ({ default: (await import('./pages/audit.tsx')).AuditPage }));
const DoctorPage = lazy(async () => ({ default: (await import('./pages/doctor.tsx')).DoctorPage }));

/** An id as the server takes it, and nothing that leads a question elsewhere (`..%2F`). */
const JOB = /^\/job\/(?<jobId>[\w-]{1,100})\/?$/;
const RUN = /^\/run\/(?<runId>[\w-]{1,100})\/?$/;
const PIPELINE = /^\/pipeline\/(?<id>[\w-]{1,100})\/?$/;
const CHANGE = /^\/pipeline\/(?<id>[\w-]{1,100})\/change\/?$/;

function Missing(): ReactNode {
  useTitle('Not here');
  return (
    <Empty icon="search" title="There is nothing here">
      <p>
        <Link href="/">All jobs</Link>
      </p>
    </Empty>
  );
}

/** A job that is the run of a pipeline has a page of another kind. */
function OrRun({ jobId, children }: { readonly jobId: string; readonly children: ReactNode }): ReactNode {
  const { data: job } = useQuery(jobQuery(jobId));
  if (job?.run_id == null || job.step !== null) return children;
  return <Redirect to={`/run/${job.run_id}${location.search}${location.hash}`} replace />;
}

/** A page for who may do what is on it; whoever may not is told so, and is shown no button that would be refused. */
function For({
  needs,
  who,
  children,
}: {
  readonly needs: Role;
  readonly who: WhoView;
  readonly children: ReactNode;
}): ReactNode {
  if (mayAct(who.role, needs)) return children;
  return (
    <Empty icon="key" title="Not allowed">
      <p>
        This takes a key of the role {needs}, and yours is of the role {who.role}: whoever administers this
        server makes others.
      </p>
      <Link href="/" className="button">
        All jobs
      </Link>
    </Empty>
  );
}

/** What each role may do, with all that the ones before may. */
const ROLES: readonly Role[] = ['read', 'submit', 'admin'];

function mayAct(has: Role, needs: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needs);
}

/** The pages by their paths. */
function Routes({ who }: { readonly who: WhoView }): ReactNode {
  return (
    <Switch>
      <Route path="/">
        <JobsPage who={who} />
      </Route>
      <Route path={JOB}>
        {({ jobId = '' }) => (
          <OrRun jobId={jobId}>
            <JobPage key={jobId} jobId={jobId} who={who} />
          </OrRun>
        )}
      </Route>
      <Route path="/run">
        <RunsPage />
      </Route>
      <Route path={RUN}>{({ runId = '' }) => <RunPage key={runId} runId={runId} who={who} />}</Route>
      <Route path="/pipeline">
        <PipelinesPage who={who} />
      </Route>
      <Route path={PIPELINE}>{({ id = '' }) => <PipelinePage key={id} id={id} who={who} />}</Route>
      <Route path={CHANGE}>{({ id = '' }) => <EditPage key={id} id={id} />}</Route>
      <Route path="/new/pipeline">
        <For needs="submit" who={who}>
          <EditPage id={null} />
        </For>
      </Route>
      <Route path="/new">
        <For needs="submit" who={who}>
          <NewPage who={who} />
        </For>
      </Route>
      <Route path="/cost">
        <CostPage />
      </Route>
      <Route path="/keys">
        <For needs="admin" who={who}>
          <KeysPage who={who} />
        </For>
      </Route>
      <Route path="/audit">
        <For needs="admin" who={who}>
          <AuditPage />
        </For>
      </Route>
      <Route path="/doctor">
        <For needs="admin" who={who}>
          <DoctorPage />
        </For>
      </Route>
      <Route>
        <Missing />
      </Route>
    </Switch>
  );
}

function Pages(): ReactNode {
  const { data: who, error, refetch } = useQuery(whoQuery);
  const [path, go] = useLocation();
  // Who was known is asked for the key over the page, and loses nothing.
  const isStranger = who === undefined && error instanceof Refusal && error.status === 401;
  useEffect(() => {
    if (isStranger) go(`/login?next=${encodeURIComponent(path + location.search)}`, { replace: true });
  }, [isStranger, path, go]);
  if (who === undefined && error !== null && !isStranger)
    return <Failure error={error} onAgain={() => void refetch()} />;
  if (who === undefined) return <Loading what="the dashboard" />;
  return (
    <Shell who={who}>
      <Standing key={path}>
        <Suspense fallback={<Loading what="the page" lines={6} />}>
          <Routes who={who} />
        </Suspense>
      </Standing>
    </Shell>
  );
}

/** The dashboard. */
export function App(): ReactNode {
  return (
    <QueryClientProvider client={queries}>
      <Notices>
        <Switch>
          <Route path="/login">
            <LoginPage />
          </Route>
          <Route>
            <Pages />
          </Route>
        </Switch>
      </Notices>
    </QueryClientProvider>
  );
}
