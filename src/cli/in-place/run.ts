/** What `issue-to-pr` and `self-heal` share: the job in the foreground, its handover, and the simulation. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../../config.ts';
import { JobError } from '../../job/error.ts';
import type { Handover } from '../../job/in-place/handover.ts';
import type { InPlace } from '../../job/in-place/in-place.ts';
import { EXIT_CODES, OUTCOMES } from '../../job/status.ts';
import { createDemoRepository } from '../../runner/demo.ts';
import type { InPlaceRepository } from '../../runner/in-place/place.ts';
import { openRunner } from '../../runner/open.ts';
import type { Runner } from '../../runner/runner.ts';
import { asCalled, printJson, type Io } from '../command.ts';
import { follow, printEnd, type FollowedEnd } from '../foreground.ts';
import { renderResult } from '../report.ts';
import {
  addJudgingFlags,
  addSettingFlags,
  judgingOf,
  makeRequest,
  settingsOf,
  type JudgingOptions,
} from '../asking/settings.ts';
import { renderHandover } from './handover.ts';

/** Flags that both commands take. */
export interface InPlaceOptions extends Record<string, unknown>, JudgingOptions {
  readonly push?: boolean;
  readonly draft?: boolean;
  readonly resume?: string;
  readonly simulate?: string;
  readonly json?: boolean;
}

/** Adds the flags of `InPlaceOptions` to a command; `simulations` is the help of `--simulate`. */
export function addInPlaceFlags(command: Command, simulations: string): Command {
  return addJudgingFlags(addSettingFlags(command))
    .option('--push', 'push the branch to origin when it is green')
    .option('--draft', 'mark the result as one that a person must look at first')
    .option('--simulate <how>', `${simulations}: a scripted agent on a small repository of its own`)
    .option('--resume <job>', 'go on with a job whose process died')
    .option('--json', 'print result and handover as JSON');
}

/** What is asked, once it is known where; `issue` is the name of one that lies on a forge. */
export type Ask = (
  place: InPlaceRepository,
  runner: Runner,
) => Promise<{ readonly task: string; readonly inPlace: InPlace; readonly issue?: string }>;

/** A handover whose commands can be pasted as they are; only our own words are looked at, never a path in them. */
function handoverFor(io: Io, handover: Handover): Handover {
  const mend = (lines: readonly string[]): readonly string[] =>
    lines.map((line) => line.replace(/^agent-runner [\w-]+/, (words) => asCalled(io, words)));
  return {
    ...handover,
    look: mend(handover.look),
    go_on: mend(handover.go_on),
    discard: mend(handover.discard),
  };
}

/** Prints how it ended, and for whoever takes over what is needed to go on. */
async function printInPlace(runner: Runner, end: FollowedEnd, io: Io, asJson: boolean): Promise<number> {
  if (end.kind === 'parked') return printEnd(end, io, asJson);
  const { result } = end;
  const handover = handoverFor(io, await runner.handover(result.job_id));
  if (asJson) printJson(io, { ...result, handover });
  else {
    io.out(`\n${renderResult(result, end.savedIn, io)}`);
    const isAllDone = result.outcome === 'no_change' || result.outcome === 'answered';
    if (!isAllDone) io.out(`\n${renderHandover(handover)}`);
  }
  return result.outcome === null ? EXIT_CODES.needs_input : OUTCOMES[result.outcome].exit_code;
}

async function start(
  io: Io,
  runner: Runner,
  where: string,
  options: InPlaceOptions,
  ask: Ask,
): Promise<string> {
  const { config } = runner;
  const place = await runner.standIn(where);
  const { task, inPlace, issue } = await ask(place, runner);
  const request = await makeRequest(config, {
    task,
    repo: place.repo,
    allowHost: config.sandbox.name === 'host' || options.simulate !== undefined,
    inPlace,
    issue,
    draft: options.draft,
    ...judgingOf(options),
  });
  if (inPlace.push && place.folder !== null) {
    throw new JobError('usage', `push: ${place.folder} is no git repository`, { hint: 'leave --push out' });
  }
  await runner.preflight(request);
  const job = await runner.accept(request);
  io.err(`job ${job.job_id} on ${place.folder ?? place.repo}, branch ${inPlace.branch}\n`);
  return job.job_id;
}

async function runIn(
  io: Io,
  config: Config,
  where: string,
  options: InPlaceOptions,
  ask: Ask,
): Promise<number> {
  const runner = await openRunner(config);
  try {
    const jobId = options.resume ?? (await start(io, runner, where, options, ask));
    return await printInPlace(runner, await follow(runner, jobId, io), io, options.json ?? false);
  } finally {
    await runner.close();
  }
}

/** Runs one of the two commands in the repository the person stands in. */
export async function runInPlace(io: Io, options: InPlaceOptions, ask: Ask): Promise<number> {
  const config = await io.resolve(settingsOf(options));
  return runIn(io, config, config.host.cwd, options, ask);
}

/** Agent, state of the target and gate runs of a simulation. */
export interface Simulation {
  readonly agent: string;
  readonly state: 'sound' | 'broken';
  readonly maxGateRuns: number | null;
}

/**
 * Runs the command on a small repository made for it, with a scripted agent; the repository and everything of the
 * job is removed afterwards. No key and no network are needed.
 *
 * @throws JobError `usage` for a simulation that there is not
 */
export async function simulate(
  io: Io,
  options: InPlaceOptions,
  known: Readonly<Record<string, Simulation>>,
  ask: Ask,
): Promise<number> {
  const name = options.simulate ?? '';
  const chosen = Object.hasOwn(known, name) ? known[name] : undefined;
  if (chosen === undefined) {
    const allowed = Object.keys(known).join(', ');
    throw new JobError('usage', `simulate: ${JSON.stringify(name)} is unknown (allowed: ${allowed})`);
  }
  const folder = await mkdtemp(join(tmpdir(), 'agent-runner-simulation-'));
  try {
    const runs = chosen.maxGateRuns === null ? {} : { max_gate_runs: chosen.maxGateRuns };
    const own = { home: join(folder, 'home'), db_path: null, agent: chosen.agent };
    const config = await io.resolve({ ...runs, ...settingsOf(options), ...own });
    const repo = join(folder, 'repository');
    await createDemoRepository(config, repo, chosen.state);
    const code = await runIn(io, config, repo, options, ask);
    io.err('\nthis was a simulation; its repository and its job are removed\n');
    return code;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
