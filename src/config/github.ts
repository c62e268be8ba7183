/** The GitHub server, who we are there, and the workflow that executes jobs, from settings and environment. */
import type { Executor } from '../job/elsewhere/executor.ts';
import { JobError } from '../job/error.ts';
import type { ForkMode } from '../job/request.ts';
import type { Values } from './settings.ts';

/** How the forge is reached. The token is shown nowhere. */
export interface GithubConfig {
  readonly url: string;
  readonly apiUrl: string;
  readonly token: string | null;
  readonly app: { readonly id: string; readonly keyFile: string } | null;
  readonly username: string | null;
  readonly fork: ForkMode;
  readonly forkTimeoutMs: number;
  readonly forkPollMs: number;
  readonly paceMs: number;
  readonly labels: readonly string[];
  readonly reviewers: readonly string[];
}

/** The REST interface of a server: GitHub's own has a host of its own. */
function apiOf(url: string): string {
  return url === 'https://github.com' ? 'https://api.github.com' : `${url}/api/v3`;
}

/**
 * The forge as the settings name it.
 *
 * @throws JobError `bad_configuration` for half an App
 */
export function githubOf(values: Values, env: NodeJS.ProcessEnv): GithubConfig {
  const { github_url: url, github_app_id: id, github_app_key_file: keyFile } = values;
  if ((id === null) !== (keyFile === null)) {
    const [lacks, has] =
      id === null ? ['github_app_id', 'github_app_key_file'] : ['github_app_key_file', 'github_app_id'];
    throw new JobError('bad_configuration', `${lacks}: it is not set, but ${has} is`, {
      hint: 'an App needs both: its id and the file with its private key',
    });
  }
  return {
    url,
    apiUrl: values.github_api_url ?? apiOf(url),
    token: env['BOT_TOKEN'] || env['GITHUB_TOKEN'] || null,
    app: id === null || keyFile === null ? null : { id, keyFile },
    username: values.bot_username,
    fork: values.fork,
    forkTimeoutMs: values.fork_timeout_s * 1000,
    forkPollMs: values.fork_poll_s * 1000,
    paceMs: values.github_pace_ms,
    labels: values.labels,
    reviewers: values.reviewers,
  };
}

/** Which workflow executes jobs, and how its runs are watched. */
export interface ElsewhereConfig {
  /** `null`: nobody said; where there is a `runnerRepo`, what can go there does. */
  readonly executor: Executor | null;
  readonly runnerRepo: string | null;
  readonly workflow: string;
  readonly ref: string | null;
  /** Milliseconds within which a run must have ended. */
  readonly timeoutMs: number;
  /** Milliseconds between two looks at runs. */
  readonly pollMs: number;
}

/** The workflow as the settings name it. */
export function elsewhereOf(values: Values): ElsewhereConfig {
  return {
    executor: values.executor,
    runnerRepo: values.runner_repo,
    workflow: values.runner_workflow,
    ref: values.runner_ref,
    timeoutMs: values.triggered_timeout_s * 1000,
    pollMs: values.run_poll_s * 1000,
  };
}
