/** `worker`: takes queued jobs, and those that a dead process left. */
import { JobError } from '../../job/error.ts';
import { createLog } from '../../log.ts';
import { disabledSummary } from '../../runner/queue/worker.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { withTidyRunner } from '../reading.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';

interface Options extends Record<string, unknown> {
  readonly once?: boolean;
  readonly loop?: boolean;
}

/** Seconds between two looks at the queue, where nothing rings. */
const INTERVAL_S = 5;
const MAX_INTERVAL_S = 3600;

function pauseOf(given: unknown): number {
  const seconds = Number(given ?? INTERVAL_S);
  if (seconds > 0 && seconds <= MAX_INTERVAL_S) return seconds;
  throw new JobError(
    'usage',
    `interval: ${JSON.stringify(given)} is not allowed (seconds, above 0, at most ${MAX_INTERVAL_S})`,
  );
}

function modeOf({ once, loop }: Options): 'once' | 'loop' {
  if (once === true && loop === true) throw new JobError('usage', 'once and loop: give one of them');
  return once === true ? 'once' : 'loop';
}

async function worker(io: Io, options: Options): Promise<number> {
  const mode = modeOf(options);
  const pollMs = pauseOf(options['interval']) * 1000;
  const settings = {
    ...settingsOf(options),
    ...(options['concurrency'] === undefined ? {} : { max_concurrent_jobs: options['concurrency'] }),
  };
  const config = await io.resolve(settings);
  if (!config.worker.enabled) {
    printJson(io, disabledSummary());
    return 0;
  }
  const log = createLog({ ...config.log, write: (line) => io.err(line) });
  return withTidyRunner(config, async (runner) => {
    const summary = await runner.work({ mode, pollMs, stop: io.signal, log });
    printJson(io, summary);
    return summary.tasks_failed > 0 && mode === 'once' ? 1 : 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program)
      .option('--once', 'take what is queued, finish it, and end')
      .option('--loop', 'go on until it is stopped (default)')
      .option(
        '--interval <seconds>',
        `look at the queue this often where nothing rings; ${INTERVAL_S} by default`,
      )
      .option('--concurrency <n>', 'jobs at once (max_concurrent_jobs)')
      .action(action(io, (options: Options) => worker(io, options)));
  },
  examples: ['worker --once', 'worker --loop --interval 2 --concurrency 4'],
};
