/** Where a request is executed: as it says, else as configured, else where it can be. */
import type { Config } from '../../config.ts';
import { nameOn } from '../../forge/github/names.ts';
import { checkCarried, checkPrompt, parseExecutor, type Executor } from '../../job/elsewhere/executor.ts';
import { JobError } from '../../job/error.ts';
import { canSign } from '../callbacks/callbacks.ts';
import type { RequestInput } from './resolve.ts';

/** Why no workflow can be started; `null` where one can. */
function lackOf({ elsewhere, github, server, webhooks }: Config): JobError | null {
  if (elsewhere.runnerRepo === null)
    return new JobError('bad_configuration', 'runner_repo: it is not set, and executor is github-actions', {
      hint: 'set RUNNER_REPO to owner/name of the repository that has the workflow, or take executor local',
    });
  if (github.token === null && github.app === null)
    return new JobError(
      'bad_configuration',
      'executor: github-actions needs somebody who starts the workflow',
      {
        hint: 'set BOT_TOKEN to the token of an account that may write to runner_repo',
      },
    );
  if (server.publicUrl !== null && !canSign(webhooks))
    return new JobError(
      'bad_configuration',
      'WEBHOOK_SECRET: it is not set, and public_url takes callbacks',
      {
        hint: 'set WEBHOOK_SECRET here and as a secret of runner_repo, to the same random text; without public_url runs are looked at instead',
      },
    );
  return null;
}

/**
 * What of a request keeps it here: what no workflow can do, and what none is told.
 *
 * @throws JobError `invalid_request` that names the field
 */
function checkGoes(config: Config, input: RequestInput, repo: string): void {
  const refuse = (field: string, why: string): never => {
    throw new JobError('invalid_request', `${field}: ${why}, and executor is github-actions`, {
      hint: 'ask for executor local',
    });
  };
  if (nameOn(config.github.url, repo) === null)
    refuse('repo', `${repo.slice(0, 200)} is no repository of ${config.github.url}`);
  if (input.mode === 'ask') refuse('mode', 'ask proposes nothing');
  if (input.sessionId !== undefined) refuse('session_id', 'the files of a session are kept here');
  if (input.token !== undefined) refuse('github_token', 'a workflow has a token of its own');
  const { base, agent, model, sandbox, budget = {}, checks = [], setup, labels, reviewers } = input;
  checkCarried({
    base,
    agent,
    model,
    sandbox,
    budget: Object.keys(budget).length === 0 ? undefined : budget,
    gate: checks.length === 0 ? undefined : checks,
    setup,
    allow_test_changes: input.allowTestChanges,
    draft: input.draft,
    labels,
    reviewers,
  });
  checkPrompt(input.task);
}

/** Whether a request can go to a workflow. */
function goes(config: Config, input: RequestInput, repo: string): boolean {
  try {
    checkGoes(config, input, repo);
    return true;
  } catch (error) {
    if (error instanceof JobError) return false;
    throw error;
  }
}

/**
 * Where a request is executed. Where a caller or the settings say a workflow, what can't go there is refused; where there
 * only is one, it is done here.
 *
 * @param repo as it is stored
 * @throws JobError `invalid_request` or `bad_configuration`, naming the field
 */
export function executorOf(config: Config, input: RequestInput, repo: string): Executor {
  if (input.inPlace !== undefined) return 'local';
  const { executor: configured, runnerRepo } = config.elsewhere;
  const asked = input.executor === undefined ? configured : parseExecutor(input.executor);
  if (asked === 'local' || (asked === null && runnerRepo === null)) return 'local';
  if (asked === null && !goes(config, input, repo)) return 'local';
  const lack = lackOf(config);
  if (lack !== null) throw lack;
  checkGoes(config, input, repo);
  return 'github-actions';
}
