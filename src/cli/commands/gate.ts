/** `gate`: judges any branch, a person's too, without an agent. */
import { JobError } from '../../job/error.ts';
import { openRunner } from '../../runner/open.ts';
import type { Judgement } from '../../runner/look/gate/judge.ts';
import { addToldFlags, tellCi, type ToldOptions } from '../actions/told.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { exitOf, JUDGEMENT_FORMATS, toJunit, toMarkdown } from '../judgement.ts';
import { createProgress } from '../progress.ts';
import { renderGate } from '../report.ts';
import {
  addJudgingFlags,
  addSettingFlags,
  judgingOf,
  makeRequest,
  settingsOf,
  type JudgingOptions,
} from '../asking/settings.ts';

interface Options extends Record<string, unknown>, JudgingOptions, ToldOptions {
  readonly repo: string;
  readonly base?: string;
  readonly head: string;
  readonly format: string;
}

function print(io: Io, judgement: Judgement, format: (typeof JUDGEMENT_FORMATS)[number]): void {
  if (format === 'json') printJson(io, judgement);
  else if (format === 'junit') io.out(toJunit(judgement));
  else if (format === 'markdown') io.out(toMarkdown(judgement));
  else io.out(renderGate(judgement, io.colour));
}

async function gate(io: Io, options: Options): Promise<number> {
  const wanted = options.json === true ? 'json' : options.format;
  const format = JUDGEMENT_FORMATS.find((one) => one === wanted);
  if (format === undefined) {
    throw new JobError(
      'usage',
      `format: ${JSON.stringify(wanted)} is unknown (allowed: ${JUDGEMENT_FORMATS.join(', ')})`,
    );
  }
  // No agent takes part; the request names the one that does nothing.
  const config = await io.resolve({ ...settingsOf(options), agent: 'simulated:noop' });
  const runner = await openRunner(config);
  const progress = createProgress(io);
  try {
    const request = await makeRequest(config, {
      task: 'gate',
      repo: options.repo,
      allowHost: config.sandbox.name === 'host',
      ...judgingOf(options),
    });
    const input = { request: { ...request, base: options.base ?? null }, head: options.head };
    const judgement = await runner.judge(input, {
      signal: io.signal,
      onEvent: (event) => progress.show(event),
    });
    progress.stop();
    print(io, judgement, format);
    const { report, head_sha: sha } = judgement;
    const outputs = { verdict: report.verdict, head_sha: sha };
    await tellCi(io, options, 'Gate', { outputs, summary: toMarkdown(judgement), error: null });
    return exitOf(judgement.report, judgement.policy);
  } finally {
    progress.stop();
    await runner.close();
  }
}

export const command: CliCommand = {
  define(program, io) {
    addToldFlags(addJudgingFlags(addSettingFlags(program, 'judging')))
      .option('--repo <path|url>', 'repository', '.')
      .option('--base <revision>', 'judge against this; by default where head left the default branch')
      .option('--head <revision>', 'what to judge', 'HEAD')
      .option('--format <format>', JUDGEMENT_FORMATS.join(', '), 'table')
      .option('--json', 'the same as --format json')
      .action(action(io, (options: Options) => gate(io, options)));
  },
  examples: ['gate', 'gate --base main --head my-branch', 'gate --base HEAD~1 --format junit > gate.xml'],
};
