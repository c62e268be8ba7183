/** Flags that are settings, and the request that is made of them. */
import type { Command } from 'commander';
import { JobError } from '../../job/error.ts';
import type { Check } from '../../job/gate.ts';
import type { JobRequest } from '../../job/request.ts';
import type { Config } from '../../config.ts';
import { resolveRequest, type RequestInput } from '../../runner/request/resolve.ts';

/** Flags of `run` and `demo` that set a setting of the same name. */
export const SETTING_FLAGS: readonly (readonly [flag: string, setting: string, help: string])[] = [
  ['--agent <name>', 'agent', 'who edits; `agents` lists them'],
  ['--model <name>', 'model', 'model the agent is asked to use'],
  ['--phases <rule>', 'phases', 'auto, on or off: explore and plan before building'],
  ['--explore-agent <name>', 'explore_agent', 'who explores; who builds by default'],
  ['--explore-model <name>', 'explore_model', 'model for exploring'],
  ['--plan-agent <name>', 'plan_agent', 'who plans; who builds by default'],
  ['--plan-model <name>', 'plan_model', 'model for planning'],
  ['--allow-unpriced', 'allow_unpriced', 'use a model whose price nobody knows'],
  ['--sandbox <name>', 'sandbox', 'auto, bubblewrap or host (host isolates nothing)'],
  ['--network', 'network', 'open the network to the agent'],
  ['--home <folder>', 'home', 'where jobs, mirrors and logs are kept'],
  ['--db-path <file>', 'db_path', 'database file'],
  ['--max-gate-runs <n>', 'max_gate_runs', 'gate runs before the job ends as gate_failed'],
  ['--max-cost-usd <dollars>', 'budget.max_cost_usd', 'dollars the job may spend'],
  ['--max-tokens <n>', 'budget.max_tokens', 'tokens the job may use'],
  ['--max-turns <n>', 'budget.max_turns', 'turns the agent may take'],
  ['--timeout-s <seconds>', 'budget.timeout_s', 'seconds the agent may work in all'],
  ['--on-red <rule>', 'policy.on_red', 'block or draft'],
  ['--on-inconclusive <rule>', 'policy.on_inconclusive', 'block, draft or open'],
  ['--on-none <rule>', 'policy.on_none', 'block, draft or open'],
  ['--on-tamper <rule>', 'policy.on_tamper', 'block, draft or allow'],
];

/** Flags that only say where jobs are kept, for commands that read. */
const HOME_FLAGS = new Set(['home', 'db_path']);

/** Settings that the gate by itself heeds: no agent takes part, and it runs once. */
function judges(setting: string): boolean {
  return setting === 'sandbox' || setting.startsWith('policy.') || HOME_FLAGS.has(setting);
}

/**
 * Adds the flags of settings to a command. Where some have no effect they are taken and not shown, so that one list
 * of flags serves `run` and `gate`.
 *
 * @param which `judging` shows those that the gate by itself heeds
 */
export function addSettingFlags(command: Command, which: 'all' | 'home' | 'judging' = 'all'): Command {
  for (const [flag, setting, help] of SETTING_FLAGS) {
    if (which === 'home' && !HOME_FLAGS.has(setting)) continue;
    const option = command.createOption(flag, help);
    command.addOption(which === 'judging' && !judges(setting) ? option.hideHelp() : option);
  }
  return command;
}

/** Flags as commander gives them, by the names of their settings. */
export function settingsOf(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [flag, setting] of SETTING_FLAGS) {
    const word = flag.slice(2).split(' ')[0] ?? '';
    const value = options[word.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (value !== undefined) given[setting] = value;
  }
  return given;
}

/** How the commands that judge are told what to judge by. */
export interface JudgingOptions {
  readonly check?: readonly string[] | undefined;
  readonly setup?: string | undefined;
  readonly allowTestChanges?: boolean | undefined;
}

/** Adds the flags of `JudgingOptions` to a command. */
export function addJudgingFlags(command: Command): Command {
  return command
    .option(
      '--check <name=command>',
      "judge by this command instead of the repository's own; repeatable",
      (one: string, all: string[] | undefined) => [...(all ?? []), one],
    )
    .option('--setup <command>', 'prepare dependencies by this command; empty for none')
    .option('--allow-test-changes', 'changed tests are reported and do not block');
}

/** What of a command's options a request takes as it is. */
export function judgingOf(options: JudgingOptions): JudgingOptions {
  const { check, setup, allowTestChanges } = options;
  return { check, setup, allowTestChanges };
}

/** Seconds a check given on the command line may take. */
const CHECK_TIMEOUT_S = 600;

/** `name=command` as a check. */
function parseCheck(text: string): Check {
  const at = text.indexOf('=');
  const [name, command] = [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  if (at > 0 && /^[\w.:-]{1,60}$/.test(name) && command !== '')
    return { name, kind: 'other', command, timeout_s: CHECK_TIMEOUT_S };
  throw new JobError('invalid_request', `check: ${JSON.stringify(text.slice(0, 200))} is not name=command`, {
    hint: "for example --check 'test=npm test'",
  });
}

/** The checks of `--check`; `null` where there are none, and the repository's own count. */
export function checksOf({ check = [] }: JudgingOptions): readonly Check[] | null {
  return check.length === 0 ? null : check.map((text) => parseCheck(text));
}

/** What `run` was given besides settings. */
export interface AskedInput
  extends
    JudgingOptions,
    Pick<
      RequestInput,
      | 'task'
      | 'repo'
      | 'base'
      | 'mode'
      | 'draft'
      | 'allowHost'
      | 'inPlace'
      | 'callbackUrl'
      | 'issue'
      | 'fork'
      | 'labels'
      | 'reviewers'
      | 'executor'
    > {}

/**
 * Makes a validated request of what was given on the command line.
 *
 * @throws JobError `invalid_request` or `bad_configuration`, naming the field
 */
export async function makeRequest(config: Config, input: AskedInput): Promise<JobRequest> {
  const { check, ...rest } = input;
  return resolveRequest(config, { executor: 'local', ...rest, checks: checksOf({ check }) ?? [] });
}
