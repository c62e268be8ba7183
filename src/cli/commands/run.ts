/** `run`: the whole story in the foreground, or on from where a dead process left it. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import { MAX_TASK_BYTES } from '../../job/request.ts';
import { openRunner } from '../../runner/open.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import { follow, printEnd, sendCallbacks } from '../foreground.ts';
import {
  addJudgingFlags,
  addSettingFlags,
  judgingOf,
  makeRequest,
  settingsOf,
  type JudgingOptions,
} from '../settings.ts';

interface Options extends Record<string, unknown>, JudgingOptions {
  readonly repo?: string;
  readonly base?: string;
  readonly taskFile?: string;
  readonly mode?: string;
  readonly draft?: boolean;
  readonly resume?: string;
  readonly callbackUrl?: string;
  readonly json?: boolean;
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

async function run(io: Io, task: string | undefined, options: Options): Promise<number> {
  const config = await io.resolve(settingsOf(options));
  const runner = await openRunner(config);
  // Beside the job, so that nobody waits for what others left.
  const sweeping = runner.sweep();
  try {
    let jobId = options.resume;
    if (jobId === undefined) {
      const request = await makeRequest(config, {
        task: await readTask(task, options.taskFile, config.task, config.host.cwd),
        repo: options.repo ?? config.workspace ?? '.',
        mode: modeOf(options.mode),
        allowHost: config.sandbox.name === 'host',
        ...(options.base === undefined ? {} : { base: options.base }),
        draft: options.draft,
        callbackUrl: options.callbackUrl,
        ...judgingOf(options),
      });
      await runner.preflight(request);
      const job = await runner.accept(request);
      jobId = job.job_id;
      io.err(`job ${jobId} on ${request.repo}\n`);
    }
    const end = await follow(runner, jobId, io);
    const code = printEnd(end, io, options.json ?? false);
    if (end.kind === 'ended') await sendCallbacks(runner, jobId, io);
    await runner.tidyDaily();
    return code;
  } finally {
    await sweeping;
    await runner.close();
  }
}

export const command: CliCommand = {
  define(program, io) {
    addJudgingFlags(addSettingFlags(program))
      .argument('[task]', 'what to do, in a sentence or more')
      .option('--repo <path|url>', 'repository; the current folder by default')
      .option('--base <ref>', 'branch, tag or commit to start from')
      .option('--task-file <file>', 'read the task from a file')
      .option('--mode <mode>', 'change (default) or ask: answer a question, propose nothing')
      .option('--draft', 'propose as a draft, whatever the gate says')
      .option('--callback-url <url>', 'tell the end by a signed POST')
      .option('--resume <job>', 'go on with a job whose process died')
      .option('--json', 'print the result as JSON')
      .action(action(io, (task: string | undefined, options: Options) => run(io, task, options)));
  },
  examples: [
    'run "Fix the rounding in src/price.js" --repo . --agent command',
    'run "Add a --quiet flag" --repo https://git.example.org/tool.git --base main --json',
    'run --resume job-0123456789ab',
  ],
};
