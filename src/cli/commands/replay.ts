/** `replay`: plays a recorded job back without a model, judges it by today's gate, and compares. */
import { resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { JobResult } from '../../job/result.ts';
import { EXIT_CODES, OUTCOMES, type Outcome } from '../../job/status.ts';
import type { Runner } from '../../runner/runner.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { follow, printEnd } from '../foreground.ts';
import { withRunner, withTidyRunner } from '../reading.ts';
import { renderResult } from '../report.ts';
import { renderComparison } from '../replay/report.ts';
import {
  addJudgingFlags,
  addSettingFlags,
  checksOf,
  settingsOf,
  type JudgingOptions,
} from '../asking/settings.ts';

interface Options extends Record<string, unknown>, JudgingOptions {
  readonly export?: string;
  readonly json?: boolean;
}

/** Endings that say nothing of the change: they keep their own exit code. */
const NOT_JUDGED: ReadonlySet<Outcome> = new Set(['cancelled', 'infra_failed', 'setup_failed']);
const DIFFERENT = 1;

async function writeFile(runner: Runner, io: Io, jobId: string, options: Options): Promise<number> {
  const exported = await runner.replays.export(jobId, resolve(runner.config.host.cwd, options.export ?? ''));
  if (options.json === true) printJson(io, exported);
  else io.out(`${exported.file}\n`);
  return 0;
}

function exitCodeFor(equal: boolean, { outcome }: JobResult): number {
  if (equal) return 0;
  if (outcome === null) return EXIT_CODES.needs_input;
  return NOT_JUDGED.has(outcome) ? OUTCOMES[outcome].exit_code : DIFFERENT;
}

async function play(
  runner: Runner,
  io: Io,
  named: string,
  isJob: boolean,
  options: Options,
): Promise<number> {
  const { host } = runner.config;
  const source = isJob ? { jobId: named } : { file: resolve(host.cwd, named) };
  const staged = await runner.replays.stage(source);
  const checks = checksOf(options);
  const job = await runner.replays.accept(staged, {
    ...(checks === null ? {} : { checks }),
    ...(options.setup === undefined ? {} : { setup: options.setup }),
    ...(options.allowTestChanges === undefined ? {} : { allowTestChanges: options.allowTestChanges }),
  });
  io.err(`job ${job.job_id} plays ${staged.recording.job_id} back\n`);
  const end = await follow(runner, job.job_id, io);
  if (end.kind === 'parked') return printEnd(end, io, options.json ?? false);
  const comparison = await runner.replays.compare(staged, end.result);
  if (options.json === true) printJson(io, { replay: comparison, result: end.result });
  else io.out(`\n${renderResult(end.result, end.savedIn, io)}\n${renderComparison(comparison, io)}`);
  return exitCodeFor(comparison.equal, end.result);
}

async function replay(io: Io, named: string, options: Options): Promise<number> {
  const isJob = /^job-[0-9a-f]{12}$/.test(named);
  if (options.export !== undefined && !isJob) {
    throw new JobError('usage', `export: ${JSON.stringify(named.slice(0, 100))} is no id of a job`, {
      hint: 'name the job that is to be written: agent-runner replay <job> --export <file>',
    });
  }
  if (options.export !== undefined)
    return withRunner(io, options, (runner) => writeFile(runner, io, named, options));
  const config = await io.resolve(settingsOf(options));
  return withTidyRunner(config, (runner) => play(runner, io, named, isJob, options));
}

export const command: CliCommand = {
  define(program, io) {
    addJudgingFlags(addSettingFlags(program, 'home'))
      .argument('<job>', 'id of a recorded job, or a file that --export wrote')
      .option('--sandbox <name>', 'auto, bubblewrap or host (host isolates nothing)')
      .option('--export <file>', 'write the recording as one file instead, to be played back elsewhere')
      .option('--json', 'print the comparison and the result as JSON')
      .action(action(io, (named: string, options: Options) => replay(io, named, options)));
  },
  examples: [
    'replay job-0123456789ab',
    'replay job-0123456789ab --export case.recording',
    "replay case.recording --check 'test=npm test'",
  ],
};
