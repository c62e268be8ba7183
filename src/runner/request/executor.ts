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

/** Why a job can't be executed by a workflow at all, by field; `null` where it can. */
function hindranceOf(config: Config, input: RequestInput, repo: string): JobError | null {
  const refuse = (field: string, why: string): JobError =>
    new JobError('invalid_request', `${field}: ${why}, and executor is github-actions`, {
      hint: 'ask for executor local',
    });
  if (nameOn(config.github.url, repo) === null)
    return refuse('repo', `${repo.slice(0, 200)} is no repository of ${config.github.url}`);
  if (input.mode === 'ask') return refuse('mode', 'ask proposes nothing');
  if (input.sessionId !== undefined) return refuse('session_id', 'the files of a session are kept here');
  if (input.token !== undefined) return refuse('github_token', 'a workflow has a token of its own');
  return null;
}

/**
 * Where a request is executed. What only the settings of this machine say is not told to a workflow, and what a caller
 * asks for beyond its inputs is refused.
 *
 * @param repo as it is stored
 * @throws JobError `invalid_request` or `bad_configuration`, naming the field
 */
export function executorOf(config: Config, input: RequestInput, repo: string): Executor {
  if (input.inPlace !== undefined) return 'local';
  const { executor: configured, runnerRepo } = config.elsewhere;
  const asked = input.executor === undefined ? configured : parseExecutor(input.executor);
  if (asked === 'local' || (asked === null && runnerRepo === null)) return 'local';
  const hindrance = hindranceOf(config, input, repo);
  // Where nobody said so, what can't go there is done here.
  if (hindrance !== null && asked === null) return 'local';
  const trouble = lackOf(config) ?? hindrance;
  if (trouble !== null) throw trouble;
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
  return 'github-actions';
}
