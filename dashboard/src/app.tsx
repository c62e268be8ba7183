/** Which page is shown for which path, and who may see any. */
import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { Refusal } from './api/call.ts';
import { queries, whoQuery } from './api/queries.ts';
import { Notices } from './frame/notices.tsx';
import { Shell, useTitle } from './frame/shell.tsx';
import { JobsPage } from './jobs/page.tsx';
import { LoginPage } from './pages/login.tsx';
import { Empty, Failure, Loading } from './parts/notes.tsx';

const JobPage = lazy(async () => ({ default: (await import('./job/page.tsx')).JobPage }));
const NewPage = lazy(async () => ({ default: (await import('./pages/new.tsx')).NewPage }));
const CostPage = lazy(async () => ({ default: (await import('./pages/cost.tsx')).CostPage }));
const KeysPage = lazy(async () => ({ default: (await import('./pages/keys.tsx')).KeysPage }));
const DoctorPage = lazy(async () => ({ default: (await import('./pages/doctor.tsx')).DoctorPage }));

/** An id as the server takes it, and nothing that leads a question elsewhere (`..%2F`). */
const JOB = /^\/job\/(?<jobId>[\w-]{1,100})\/?$/;

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

function Pages(): ReactNode {
  const { data: who, error, refetch } = useQuery(whoQuery);
  const [path, go] = useLocation();
  const isStranger = error instanceof Refusal && error.status === 401;
  useEffect(() => {
    if (isStranger) go(`/login?next=${encodeURIComponent(path + location.search)}`, { replace: true });
  }, [isStranger, path, go]);
  if (who === undefined && error !== null && !isStranger)
    return <Failure error={error} onAgain={() => void refetch()} />;
  if (who === undefined) return <Loading what="the dashboard" />;
  return (
    <Shell who={who}>
      <Suspense fallback={<Loading what="the page" lines={6} />}>
        <Switch>
          <Route path="/">
            <JobsPage who={who} />
          </Route>
          <Route path={JOB}>{({ jobId = '' }) => <JobPage key={jobId} jobId={jobId} who={who} />}</Route>
          <Route path="/new">
            <NewPage who={who} />
          </Route>
          <Route path="/cost">
            <CostPage />
          </Route>
          <Route path="/keys">
            <KeysPage who={who} />
          </Route>
          <Route path="/doctor">
            <DoctorPage />
          </Route>
          <Route>
            <Missing />
          </Route>
        </Switch>
      </Suspense>
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
