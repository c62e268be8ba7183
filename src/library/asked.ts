/** What programs ask by, and the same in the words of the API. */
import type { AskedJob } from '../client/client.ts';

/** What a job is asked by. What is not given is as configured where the job is run. */
export interface SubmitOptions {
  /** A URL of a repository, `owner/name` on the forge, or a path of the machine where the job is run. */
  readonly upstreamRepo: string;
  /** What to do, in a sentence or more. */
  readonly prompt: string;
  /** Issue of the forge that is implemented, `owner/name#12` or its URL; `prompt` is said besides. */
  readonly issue?: string;
  /** Whether the branch goes to a fork; `auto`: where the account may not push. */
  readonly fork?: 'auto' | 'always' | 'never';
  /** Labels of the pull request. */
  readonly labels?: readonly string[];
  /** Who is asked to review: logins, and teams as `org/team`. */
  readonly reviewers?: readonly string[];
  /** The job's own token for the forge, used instead of `botToken`; kept sealed until the job has ended. */
  readonly githubToken?: string;
  /** Told of the end by a signed POST. */
  readonly callbackUrl?: string;
  /** Asked twice with the same key within 24 hours it is one job. */
  readonly idempotencyKey?: string;
  readonly mode?: 'change' | 'ask';
  /** Where it is executed; unless given by the workflow of `runnerRepo`, where there is one and the job can go there. */
  readonly executor?: 'local' | 'github-actions';
  /** Branch, tag or commit to start from. */
  readonly base?: string;
  readonly agent?: string;
  readonly model?: string;
  readonly sandbox?: 'auto' | 'bubblewrap' | 'host';
  /** Propose as a draft, whatever the gate says. */
  readonly draft?: boolean;
  /** Higher goes first. */
  readonly priority?: number;
  /** Jobs of one session run one after another, on the same files, branch and conversation. */
  readonly sessionId?: string;
  /** For whom it is done. */
  readonly userId?: string;
  readonly allowTestChanges?: boolean;
  readonly budget?: {
    readonly maxCostUsd?: number;
    readonly maxTokens?: number;
    readonly maxTurns?: number;
    /** Seconds the agent may work in all. */
    readonly timeoutS?: number;
  };
  /** Checks to judge by instead of the repository's own. */
  readonly gate?: readonly { readonly name: string; readonly command: string; readonly timeoutS?: number }[];
}

/** What a run of a pipeline is asked by; what is given wins over what the pipeline says. */
export interface RunOptions extends Omit<
  SubmitOptions,
  'upstreamRepo' | 'prompt' | 'issue' | 'mode' | 'executor' | 'sessionId'
> {
  /** The pipeline's own unless given. */
  readonly upstreamRepo?: string;
}

/** Leaves out what is not given, under the names of the API. */
export function given<T extends Readonly<Record<string, unknown>>>(
  fields: T,
): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** What a job is asked by, in the words of the API. @param jobToken its token for the forge where it brings none */
export function askedOf(options: SubmitOptions, jobToken: string | null): AskedJob {
  const { upstreamRepo, prompt, mode, executor, issue, sessionId } = options;
  return {
    repo: upstreamRepo,
    task: prompt,
    ...given({ mode, executor, issue, session_id: sessionId }),
    ...besideOf(options, jobToken),
  };
}

/** What jobs and runs of pipelines are asked by alike. */
export function besideOf(options: RunOptions, jobToken: string | null): Partial<AskedJob> {
  const { upstreamRepo: repo, base, agent, model, sandbox, draft, priority, budget, gate } = options;
  return {
    ...given({
      repo,
      base,
      agent,
      model,
      sandbox,
      draft,
      priority,
      fork: options.fork,
      labels: options.labels,
      reviewers: options.reviewers,
      github_token: options.githubToken ?? jobToken ?? undefined,
      callback_url: options.callbackUrl,
      user_id: options.userId,
      allow_test_changes: options.allowTestChanges,
      gate: gate?.map(({ name, command, timeoutS }) => ({
        name,
        command,
        ...given({ timeout_s: timeoutS }),
      })),
      budget:
        budget &&
        given({
          max_cost_usd: budget.maxCostUsd,
          max_tokens: budget.maxTokens,
          max_turns: budget.maxTurns,
          timeout_s: budget.timeoutS,
        }),
    }),
  };
}
