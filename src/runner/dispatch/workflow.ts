/** The workflow that executes jobs, and what of a job's steps tells where its run is. */
import type { Workflows } from '../../forge/forge.ts';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { StepResult } from '../../job/step.ts';
import type { Store } from '../../store/store.ts';
import type { RunnerParts } from '../context.ts';

/** What step `fork` came to: where the branch will be, by full names. */
export interface Forked {
  readonly upstream: string;
  /** The repository itself, where none is needed. */
  readonly fork: string;
}

/** What step `dispatch` came to; all but the run's own fields is noted before it is asked for. */
export interface Dispatched {
  readonly runner_repo: string;
  readonly workflow: string;
  readonly asked_at: string;
  /** Whether the run was told where to call back. */
  readonly calls_back: boolean;
  /** `null` where the forge did not show it at once. */
  readonly run_id: number | null;
  readonly run_url: string | null;
}

/** Where a job is executed; `null` where it has not come so far. */
export interface Whereabouts {
  readonly forked: Forked | null;
  /** With a run that may not be there: it was asked for, and nobody lived to hear the answer. */
  readonly dispatched: Dispatched | null;
}

/** Keys of the two steps: each is taken once. */
const FORK = 'fork-1';
const DISPATCH = 'dispatch-1';

/** The note of a dispatch that was asked for, in the form that `dispatch` notes it. */
export function parseAsked(note: Readonly<Record<string, unknown>>): Dispatched | null {
  const { runner_repo: repo, workflow, asked_at: at, calls_back: calls } = note;
  if (typeof repo !== 'string' || typeof workflow !== 'string' || typeof at !== 'string') return null;
  return {
    runner_repo: repo,
    workflow,
    asked_at: at,
    calls_back: calls === true,
    run_id: null,
    run_url: null,
  };
}

/** Where a job is executed, by its stored steps. */
export async function whereIs(store: Store, jobId: string): Promise<Whereabouts> {
  const steps = await store.readSteps(jobId);
  const of = (key: string): (typeof steps)[number] | undefined => steps.find((step) => step.key === key);
  // Only `runElsewhere` writes these steps.
  const forked = of(FORK)?.result as StepResult<Forked> | null | undefined;
  const dispatch = of(DISPATCH);
  const dispatched = dispatch?.result as StepResult<Dispatched> | null | undefined;
  return {
    forked: forked?.ok === true ? forked : null,
    dispatched: dispatched?.ok === true ? dispatched : parseAsked(dispatch?.note ?? {}),
  };
}

/**
 * The runs of a workflow.
 *
 * @throws JobError `bad_configuration` where nobody is configured to go there
 */
export async function runsOf(
  { config, forge }: Pick<RunnerParts, 'config' | 'forge'>,
  { runner_repo: repo, workflow }: Pick<Dispatched, 'runner_repo' | 'workflow'>,
  visit: {
    readonly jobId: string;
    readonly signal: AbortSignal;
    readonly onNotice?: (notice: string) => void;
  },
): Promise<Workflows> {
  const remote = await forge.resolve(`${config.github.url}/${repo}`);
  const { workflows } = forge.access(remote, { onNotice: () => {}, ...visit });
  if (workflows !== undefined) return workflows(workflow);
  throw new JobError('bad_configuration', `runner_repo: nobody is configured to start workflows of ${repo}`, {
    hint: 'set BOT_TOKEN to the token of an account that may write there',
  });
}

/** Whether a run had its time: whatever can't be looked at by now is not waited for any more. */
export function isLate({ config }: Pick<RunnerParts, 'config'>, { asked_at: at }: Dispatched): boolean {
  return Date.now() - Date.parse(at) > config.elsewhere.timeoutMs;
}

/** Where a run calls back; `null` where the server can't be reached from outside. */
export function callbackUrlOf({ config }: Pick<RunnerParts, 'config'>): string | null {
  const { publicUrl } = config.server;
  return publicUrl === null ? null : `${publicUrl}/webhook/agent-runner`;
}

/** The inputs of a job's run. They are public where `runner_repo` is. */
export function inputsOf(
  { job_id: jobId, request }: Job,
  { upstream, fork }: Forked,
  callbackUrl: string | null,
  mask: (text: string) => string,
): Readonly<Record<string, string>> {
  return {
    fork_repo: fork,
    upstream_repo: upstream,
    prompt: mask(request.task),
    job_id: jobId,
    ...(callbackUrl === null ? {} : { callback_url: callbackUrl }),
  };
}
