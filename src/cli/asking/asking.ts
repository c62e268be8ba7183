/** What `run` and `submit` are given: a task, a repository, and how to go about it. */
import type { Command } from 'commander';
import { lstat, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseExecutor } from '../../job/elsewhere/executor.ts';
import { JobError } from '../../job/error.ts';
import { firstOf } from '../../job/job.ts';
import {
  isOwnerName,
  MAX_TASK_BYTES,
  parseForkMode,
  parseSessionId,
  type JobRequest,
} from '../../job/request.ts';
import type { AskedJob } from '../../client/client.ts';
import type { AskedRun } from '../../client/pipelines/pipelines.ts';
import { flagOf, type Config, type SettingName } from '../../config.ts';
import { withWords, type ReadIssue } from '../../runner/forge/issue.ts';
import { isLocalPath } from '../../runner/request/resolve.ts';
import {
  addJudgingFlags,
  addSettingFlags,
  checksOf,
  judgingOf,
  makeRequest,
  settingsOf,
  type JudgingOptions,
} from './settings.ts';

/** Options of the commands that ask for a job. */
export interface AskingOptions extends Record<string, unknown>, JudgingOptions {
  readonly repo?: string;
  readonly base?: string;
  readonly taskFile?: string;
  readonly mode?: string;
  readonly session?: string;
  readonly callbackUrl?: string;
  readonly draft?: boolean;
  readonly issue?: string;
  readonly fork?: string;
  readonly label?: readonly string[];
  readonly reviewer?: readonly string[];
  /** Of `submit` alone. */
  readonly executor?: string;
}

async function readTask(
  given: string | undefined,
  file: string | undefined,
  fallback: string | null,
  cwd: string,
): Promise<string> {
  if (given !== undefined && file !== undefined) {
    throw new JobError('usage', 'task: it is given twice, as a word and by --task-file', {
      hint: 'give one of them',
    });
  }
  if (file !== undefined) {
    const path = resolve(cwd, file);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new JobError('invalid_request', `task-file: ${path} can't be read: ${why}`, {
        hint: 'check the path',
      });
    });
    return text.slice(0, 2 * MAX_TASK_BYTES);
  }
  const task = given ?? fallback;
  if (task !== null) return task;
  throw new JobError('usage', 'task: none is given', {
    hint: 'say what to do: agent-runner run "Fix the typo in README"',
  });
}

function modeOf(mode: string | undefined): 'change' | 'ask' {
  if (mode === undefined || mode === 'change' || mode === 'ask') return mode ?? 'change';
  throw new JobError('invalid_request', `mode: ${JSON.stringify(mode)} is unknown (allowed: change, ask)`);
}

/** Adds the flags that say where a change is made, and how it is proposed. */
export function addProposalFlags(program: Command): Command {
  return program
    .option('--repo <path|url>', 'repository; the current folder by default')
    .option('--base <ref>', 'branch, tag or commit to start from')
    .option('--callback-url <url>', 'tell the end by a signed POST')
    .option('--draft', 'propose as a draft, whatever the gate says')
    .option('--fork <when>', 'auto (default), always or never: whether the branch goes to a fork')
    .option('--label <name>', 'label of the pull request; repeatable', collect)
    .option('--reviewer <login>', 'who is asked to review, a login or org/team; repeatable', collect);
}

/** Adds the flags of `AskingOptions` and the task to a command. */
export function addAskingFlags(program: Command): Command {
  return addProposalFlags(addJudgingFlags(addSettingFlags(program)))
    .argument('[task]', 'what to do, in a sentence or more')
    .option(
      '--session <id>',
      'go on where the last job of this session, or the job of this id, ended: same files, branch and conversation',
    )
    .option('--task-file <file>', 'read the task from a file')
    .option('--mode <mode>', 'change (default) or ask: answer a question, propose nothing')
    .option('--issue <url|owner/name#n>', 'implement this issue of the forge; a task may be said besides');
}

/**
 * The repository of a job that another goes on with, where none is named.
 *
 * @param find the repository of a job
 */
export async function repoOf(
  { session, repo, issue }: AskingOptions,
  find: (jobId: string) => Promise<string | undefined>,
): Promise<{ readonly repo?: string }> {
  const first = firstOf(session ?? '');
  if (first === null || repo !== undefined || issue !== undefined) return {};
  const found = await find(first);
  return found === undefined ? {} : { repo: found };
}

function collect(one: string, all: readonly string[] | undefined): readonly string[] {
  return [...(all ?? []), one];
}

/** What a person said besides an issue; `undefined` where nothing. */
async function wordsBeside(
  task: string | undefined,
  file: string | undefined,
  cwd: string,
): Promise<string | undefined> {
  return task === undefined && file === undefined ? undefined : readTask(task, file, null, cwd);
}

/** The task that was given, or that an issue is, and the issue. */
async function taskFor(
  config: Config,
  task: string | undefined,
  { issue, taskFile }: AskingOptions,
  read: (issue: string) => Promise<ReadIssue>,
): Promise<{ readonly task: string; readonly issue: ReadIssue | null }> {
  const { cwd } = config.host;
  if (issue === undefined) return { task: await readTask(task, taskFile, config.task, cwd), issue: null };
  const words = await wordsBeside(task, taskFile, cwd);
  const found = await read(issue);
  return { task: withWords(found.task, words ?? null), issue: found };
}

/**
 * The request that a person asked for.
 *
 * @param readIssue reads the issue that they named
 * @throws JobError that names the field
 */
export async function askedFor(
  config: Config,
  given: string | undefined,
  options: AskingOptions,
  readIssue: (issue: string) => Promise<ReadIssue>,
): Promise<JobRequest> {
  const session = options.session === undefined ? {} : { session_id: parseSessionId(options.session) };
  const { task, issue } = await taskFor(config, given, options, readIssue);
  const itsRepo = issue === null ? null : `${config.github.url}/${issue.repo}`;
  const request = await makeRequest(config, {
    task,
    repo: options.repo ?? itsRepo ?? config.workspace ?? '.',
    issue: issue?.name,
    fork: options.fork,
    labels: options.label,
    reviewers: options.reviewer,
    mode: modeOf(options.mode),
    allowHost: config.sandbox.name === 'host',
    ...(options.base === undefined ? {} : { base: options.base }),
    draft: options.draft,
    callbackUrl: options.callbackUrl,
    // Whoever asks in the foreground has it run here.
    executor: 'local',
    ...judgingOf(options),
  });
  return { ...request, ...session };
}

/** Settings that a request carries to a server, given by flags; every other is the server's own. */
const CARRIED = ['agent', 'model', 'sandbox'] as const satisfies readonly SettingName[];
const BUDGET = 'budget.';

/** What a person said of the agent and its budget by flags. */
function saidOf(config: Config, given: readonly SettingName[]): Partial<AskedJob> {
  const { agent, model, sandbox, budget } = config;
  const limits = Object.entries(budget).filter(([name]) => given.some((one) => one === BUDGET + name));
  return {
    ...(given.includes('agent') && agent !== null ? { agent } : {}),
    ...(given.includes('model') && model !== null ? { model } : {}),
    ...(given.includes('sandbox') ? { sandbox: sandbox.name } : {}),
    ...(limits.length === 0 ? {} : { budget: Object.fromEntries(limits) }),
  };
}

/** The same for a server. @throws JobError `usage` for what only the server may say */
function carriedOf(config: Config, options: AskingOptions): Partial<AskedJob> {
  const given = Object.keys(settingsOf(options)) as SettingName[];
  const foreign = given.find((name) => !CARRIED.some((one) => one === name) && !name.startsWith(BUDGET));
  if (foreign === undefined) return saidOf(config, given);
  throw new JobError('usage', `${foreign}: a server has its own, and takes none with a job`, {
    hint: `leave ${flagOf(foreign)} out, or have it set where the server runs`,
  });
}

/** A repository by a name that means the same elsewhere: a path becomes a whole one, `owner/name` is no path unless one is here. */
async function nameFor(repo: string, cwd: string): Promise<string> {
  if (!isLocalPath(repo) || /^https?:/.test(repo)) return repo;
  const path = resolve(cwd, repo);
  const isHere = await lstat(path).then(
    () => true,
    () => false,
  );
  return isOwnerName(repo) && !isHere ? repo : path;
}

/** What a job and a run of a pipeline are asked by alike, as far as a person said it. */
function askedBeside(options: AskingOptions): Partial<AskedJob> {
  const { base, callbackUrl, draft, setup, allowTestChanges, fork, label, reviewer } = options;
  const checks = checksOf(options);
  return {
    ...(fork === undefined ? {} : { fork: parseForkMode(fork) }),
    ...(label === undefined ? {} : { labels: label }),
    ...(reviewer === undefined ? {} : { reviewers: reviewer }),
    ...(base === undefined ? {} : { base }),
    ...(callbackUrl === undefined ? {} : { callback_url: callbackUrl }),
    ...(draft === undefined ? {} : { draft }),
    ...(setup === undefined ? {} : { setup }),
    ...(allowTestChanges === undefined ? {} : { allow_test_changes: allowTestChanges }),
    ...(checks === null
      ? {}
      : { gate: checks.map(({ name, command, timeout_s }) => ({ name, command, timeout_s })) }),
  };
}

/**
 * What a person asks for in the words of the API. Where a server keeps the jobs, what is not said is as configured there;
 * here it is as configured here.
 *
 * @throws JobError that names the field
 */
export async function askedJob(
  config: Config,
  task: string | undefined,
  options: AskingOptions,
  isRemote: boolean,
): Promise<AskedJob> {
  const { session, issue, executor } = options;
  const { cwd } = config.host;
  const words =
    issue === undefined
      ? await readTask(task, options.taskFile, config.task, cwd)
      : await wordsBeside(task, options.taskFile, cwd);
  const repo = options.repo ?? (issue === undefined ? (config.workspace ?? '.') : undefined);
  return {
    ...(isRemote ? carriedOf(config, options) : {}),
    ...askedBeside(options),
    ...(repo === undefined ? {} : { repo: await nameFor(repo, cwd) }),
    ...(words === undefined ? {} : { task: words }),
    ...(issue === undefined ? {} : { issue }),
    ...(executor === undefined ? {} : { executor: parseExecutor(executor) }),
    mode: modeOf(options.mode),
    ...(session === undefined ? {} : { session_id: parseSessionId(session) }),
  };
}

/**
 * What a person asks of a run of a pipeline: flags win over what the pipeline says, and that over settings.
 *
 * @param repo where no flag names one; `null` leaves it to the pipeline
 * @throws JobError that names the field
 */
export async function askedRun(
  config: Config,
  options: AskingOptions,
  repo: string | null,
  isRemote: boolean,
): Promise<AskedRun> {
  const given = Object.keys(settingsOf(options)) as SettingName[];
  const named = options.repo ?? repo;
  return {
    ...(isRemote ? carriedOf(config, options) : saidOf(config, given)),
    ...askedBeside(options),
    ...(named === null ? {} : { repo: await nameFor(named, config.host.cwd) }),
  };
}
