/** Jobs of a home folder on this machine, over the runner that has it open. */
import { JobError } from '../job/error.ts';
import type { Job } from '../job/job.ts';
import type { JobRequest } from '../job/request.ts';
import { jobOfRun } from '../job/pipeline/run.ts';
import { acceptedView, stepView, viewOf } from '../job/view/view.ts';
import { readTrace } from '../runner/look/trace.ts';
import { readSession } from '../runner/look/session.ts';
import { withWords } from '../runner/forge/issue.ts';
import { resolveRequest } from '../runner/request/resolve.ts';
import type { Runner } from '../runner/runner.ts';
import { inputOf, onceOf } from './asked.ts';
import type { AskedJob, JobClient } from './client.ts';
import { createLocalPipelines } from './pipelines/local.ts';

/** The request that is asked for, completed by the configuration of the home folder. */
async function requestOf(runner: Runner, asked: AskedJob): Promise<JobRequest> {
  const { session_id: sessionId, issue: named, repo, task, ...rest } = asked;
  const { config, readIssue } = runner;
  const issue = named === undefined ? null : await readIssue(named, asked.github_token);
  return resolveRequest(config, {
    ...inputOf(runner, rest),
    repo: repo ?? (issue === null ? '' : `${config.github.url}/${issue.repo}`),
    task: issue === null ? (task ?? '') : withWords(issue.task, task ?? null),
    ...(issue === null ? {} : { issue: issue.name }),
    ...(sessionId === undefined ? {} : { sessionId }),
  });
}

/**
 * Makes the client of a runner.
 *
 * @param runner is not closed by the client's `close`: who opened it does that
 */
export function createLocalClient(runner: Runner): JobClient {
  const { store, callbacks } = runner;
  const find = async (jobId: unknown): Promise<Job> => {
    // Programs that are not typed hand in whatever they have.
    const job = typeof jobId === 'string' ? await store.getJob(jobOfRun(jobId) ?? jobId) : null;
    if (job !== null) return job;
    throw new JobError('not_found', `job: there is no ${JSON.stringify(String(jobId).slice(0, 100))}`, {
      hint: '`agent-runner list` shows the jobs there are',
    });
  };
  return {
    url: null,
    async submit(asked, key) {
      const request = await requestOf(runner, asked);
      // What can't start here is refused now, while somebody is there who can mend it.
      const { github_token: token, ...remembered } = asked;
      await runner.preflight(request, token);
      return acceptedView((await runner.submit(request, { ...onceOf(remembered, key), token })).job);
    },
    job: async (jobId) => viewOf(await find(jobId)),
    list: async (filter) => (await store.listJobs(filter)).map(viewOf),
    sessions: (limit) => store.listSessions({ limit }),
    session: (sessionId, limit) => readSession(runner, sessionId, limit),
    async result(jobId) {
      const { job_id: found, result, status } = await find(jobId);
      if (result === null) {
        throw new JobError('conflict', `result: ${jobId} has not ended; its status is ${status}`, {
          hint: `watch it with \`agent-runner logs -f ${jobId}\`, or take it up with \`agent-runner run --resume ${jobId}\``,
        });
      }
      // Also does what a process that ended the job did not live to do.
      const end = await runner.run(found, { signal: new AbortController().signal });
      return { result, savedIn: end.kind === 'ended' ? end.savedIn : null };
    },
    steps: async (jobId) => (await store.readSteps((await find(jobId)).job_id)).map(stepView),
    trace: async (jobId) => readTrace(store, (await find(jobId)).job_id),
    events: async (jobId, after, limit) => store.readEvents((await find(jobId)).job_id, after, limit),
    follow: (jobId, options) => runner.follow(jobOfRun(jobId) ?? jobId, options),
    diff: async (jobId) => runner.diff((await find(jobId)).job_id),
    cancel: async (jobId) => viewOf(await runner.cancel((await find(jobId)).job_id)),
    async retry(jobId, key) {
      const { job_id: ended } = await find(jobId);
      return acceptedView((await runner.retry(ended, onceOf({ retry: ended }, key))).job);
    },
    message: async (jobId, text) => viewOf(await runner.message((await find(jobId)).job_id, text)),
    deliveries: async (jobId) => callbacks.list((await find(jobId)).job_id),
    redeliver: async (jobId) => callbacks.redeliver((await find(jobId)).job_id),
    async usage({ by, since, limit }) {
      const [total = null] = await store.sumUsage({ by: null, since, limit: 1 });
      return { rows: await store.sumUsage({ by, since, limit }), total };
    },
    async triggers({ repo, ...filter }) {
      return runner.triggers.list({ ...filter, ...(repo === undefined ? {} : { repo: repo.toLowerCase() }) });
    },
    pipelines: createLocalPipelines(runner),
    close: () => Promise.resolve(),
  };
}
