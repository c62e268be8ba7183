/** The context of one job: agent, sandbox, paths, and what is masked in all it says. */
import { selectSandbox } from '../../sandbox/select.ts';
import type { Visit } from '../../forge/forge.ts';
import type { Job } from '../../job/job.ts';
import { createMask } from '../../log.ts';
import { agentOf, lookingAgents } from '../agents.ts';
import type { JobContext, RunnerParts } from '../context.ts';
import { reachRemote } from '../forge/reach.ts';
import { NOBODY } from '../pipeline/nobody.ts';

/**
 * Wires what every step of a job works with.
 *
 * @param token the job's own for the forge; it is handed to the forge and to nothing else
 */
export async function contextOf(
  parts: RunnerParts,
  job: Job,
  run: Pick<JobContext, 'journal' | 'signal' | 'mask' | 'models'>,
  token?: string,
): Promise<JobContext> {
  const { config, store, layout, git, forge, baselines } = parts;
  const isRun = job.request.pipeline !== undefined;
  const agent = isRun ? NOBODY : await agentOf(config, job.request);
  const own = { agent, model: null };
  const looking = isRun ? { explore: own, plan: own } : await lookingAgents(config, job.request, agent);
  const chosen = await selectSandbox(job.request.sandbox, { allowHost: job.request.allow_host });
  const { adapter, warning: sandboxNotice, why } = chosen;
  run.journal.emit('sandbox', 'prepare', { adapter: adapter.name, isolation: adapter.isolation, why });
  const paths = layout.job(job.job_id);
  const visit: Visit = {
    jobId: job.job_id,
    signal: run.signal,
    token,
    onNotice: (notice) => run.journal.emit('message', null, { notice }),
  };
  return {
    reach: (remote, signal = run.signal) => reachRemote(parts, remote, { ...visit, signal }),
    job,
    config,
    store,
    git,
    forge,
    adapter,
    sandboxNotice,
    agent,
    looking,
    layout,
    paths,
    baselines,
    ...run,
  };
}

/**
 * Masks what the agent was given, and the keys that it never is.
 *
 * @param own the job's own token
 */
export function maskOf({ config, models }: RunnerParts, own?: string): (text: string) => string {
  const { secret } = config.webhooks;
  return createMask([
    ...Object.values(config.agentEnv),
    ...models.models.keys,
    ...[secret, config.github.token, own].filter((one) => one != null),
  ]);
}
