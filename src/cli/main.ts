/** The command line: finds the command, runs it, turns errors into words and exit codes. */
import { Command, CommanderError } from 'commander';
import { Cancelled, JobError, toErrorInfo, errorInfo, type ErrorCode, type ErrorInfo } from '../job/error.ts';
import { EXIT_CODES, OUTCOMES } from '../job/status.ts';
import { outcomeOf } from '../job/error.ts';
import { asCalled, exitCodeOf, homeFlagsOf, programVersion, type CliCommand, type Io } from './command.ts';
import { openIo } from './io.ts';

interface Listed {
  readonly usage: string;
  readonly summary: string;
  /** Whether an agent may be at work while it runs. */
  readonly startsAgent?: true;
  readonly load: () => Promise<{ readonly command: CliCommand }>;
}

/** Every command, in the order of the help text. */
export const COMMANDS: Readonly<Record<string, Listed>> = {
  demo: {
    usage: 'demo',
    summary: 'show the whole story on a small repository, without key or network',
    startsAgent: true,
    load: () => import('./commands/demo.ts'),
  },
  run: {
    usage: 'run [task]',
    summary: 'do a task on a repository: edit, judge, propose',
    startsAgent: true,
    load: () => import('./commands/run.ts'),
  },
  'issue-to-pr': {
    usage: 'issue-to-pr [issue]',
    summary: 'implement an issue in the current repository, on a branch of its own',
    startsAgent: true,
    load: () => import('./commands/issue-to-pr.ts'),
  },
  'self-heal': {
    usage: 'self-heal',
    summary: 'mend the red checks of the current repository, on a branch of its own',
    startsAgent: true,
    load: () => import('./commands/self-heal.ts'),
  },
  gate: {
    usage: 'gate',
    summary: "judge a branch by the repository's own checks, without an agent",
    load: () => import('./commands/gate.ts'),
  },
  init: {
    usage: 'init',
    summary: 'write .agent-runner.yml from what is found in a repository',
    load: () => import('./commands/init.ts'),
  },
  list: { usage: 'list', summary: 'list jobs, newest first', load: () => import('./commands/list.ts') },
  status: {
    usage: 'status <job>',
    summary: 'show where a job stands',
    load: () => import('./commands/status.ts'),
  },
  logs: { usage: 'logs <job>', summary: "show a job's events", load: () => import('./commands/logs.ts') },
  result: {
    usage: 'result <job>',
    summary: "show a job's result",
    load: () => import('./commands/result.ts'),
  },
  trace: {
    usage: 'trace <job>',
    summary: 'show what took how long in a job, as a timeline',
    load: () => import('./commands/trace.ts'),
  },
  usage: {
    usage: 'usage',
    summary: 'sum what jobs have spent, by day, repository, agent or model',
    load: () => import('./commands/usage.ts'),
  },
  triggers: {
    usage: 'triggers',
    summary: 'show what happened on the forge, and what was decided',
    load: () => import('./commands/triggers.ts'),
  },
  diff: { usage: 'diff <job>', summary: "show a job's change", load: () => import('./commands/diff.ts') },
  recover: {
    usage: 'recover [job]',
    summary: "bring a job's saved work back, as a branch or a bundle",
    load: () => import('./commands/recover.ts'),
  },
  checkout: {
    usage: 'checkout <job>',
    summary: "bring a job's work into your clone and switch to it",
    load: () => import('./commands/checkout.ts'),
  },
  replay: {
    usage: 'replay <job>',
    summary: 'play a recorded job back without a model, and compare',
    startsAgent: true,
    load: () => import('./commands/replay.ts'),
  },
  message: {
    usage: 'message <job> <text>',
    summary: 'answer a job that needs input',
    load: () => import('./commands/message.ts'),
  },
  submit: {
    usage: 'submit [task]',
    summary: 'put a job into the queue, for a worker',
    load: () => import('./commands/submit.ts'),
  },
  session: {
    usage: 'session <what>',
    summary: 'list sessions, and show one: its jobs, and what they have spent',
    load: () => import('./commands/session.ts'),
  },
  pipeline: {
    usage: 'pipeline <what>',
    summary: 'keep, show and run pipelines: steps that depend on each other, and one pull request',
    startsAgent: true,
    load: () => import('./commands/pipeline.ts'),
  },
  wait: {
    usage: 'wait <job>',
    summary: 'wait until a job has ended, and end as `run` would',
    load: () => import('./commands/wait.ts'),
  },
  cancel: {
    usage: 'cancel <job>',
    summary: 'stop a job; what it did is saved',
    load: () => import('./commands/cancel.ts'),
  },
  retry: {
    usage: 'retry <job>',
    summary: 'submit what an ended job was asked once more',
    load: () => import('./commands/retry.ts'),
  },
  worker: {
    usage: 'worker',
    summary: 'run queued jobs, once or until it is stopped',
    load: () => import('./commands/worker.ts'),
  },
  up: {
    usage: 'up',
    summary: 'serve the HTTP API, and run queued jobs',
    load: () => import('./commands/up.ts'),
  },
  keys: {
    usage: 'keys <what>',
    summary: 'make, list and revoke keys of the HTTP API, and see what was done with them',
    load: () => import('./commands/keys.ts'),
  },
  pause: {
    usage: 'pause',
    summary: 'let no worker take jobs, until `pause --off`',
    load: () => import('./commands/pause.ts'),
  },
  deliveries: {
    usage: 'deliveries <job>',
    summary: "show a job's callbacks and every try at them, or send them again",
    load: () => import('./commands/deliveries.ts'),
  },
  fork: {
    usage: 'fork <upstream>',
    summary: 'find or make the fork of a repository on the forge, and bring it up to date',
    load: () => import('./commands/fork.ts'),
  },
  pr: {
    usage: 'pr',
    summary: 'open or update a pull request of what lies in the checkout, from any CI',
    load: () => import('./commands/pr.ts'),
  },
  callback: {
    usage: 'callback',
    summary: 'send one signed callback, from any CI',
    load: () => import('./commands/callback.ts'),
  },
  actions: {
    usage: 'actions <what>',
    summary: 'work, judge and propose on three machines of a CI, without a server',
    startsAgent: true,
    load: () => import('./commands/actions.ts'),
  },
  export: {
    usage: 'export [jobs...]',
    summary: 'write ended jobs with all that belongs to them as one file',
    load: () => import('./commands/export.ts'),
  },
  import: {
    usage: 'import <file>',
    summary: 'take the jobs of such a file in, without running anything',
    load: () => import('./commands/import.ts'),
  },
  gc: {
    usage: 'gc',
    summary: 'free what is no longer kept: old jobs, old work, the cache above its limit',
    load: () => import('./commands/gc.ts'),
  },
  backup: {
    usage: 'backup <file>',
    summary: 'copy the database into a file, while it is in use',
    load: () => import('./commands/backup.ts'),
  },
  'restore-db': {
    usage: 'restore-db',
    summary: 'put the last back-up in the place of a damaged database',
    load: () => import('./commands/restore-db.ts'),
  },
  agents: {
    usage: 'agents',
    summary: 'list agents and whether they can start',
    load: () => import('./commands/agents.ts'),
  },
  doctor: {
    usage: 'doctor',
    summary: 'check this machine and say how to mend it',
    load: () => import('./commands/doctor.ts'),
  },
  config: {
    usage: 'config',
    summary: 'show settings and where they come from',
    load: () => import('./commands/config.ts'),
  },
};

const EXIT_OF_CODE: Partial<Record<ErrorCode, number>> = {
  usage: EXIT_CODES.usage,
  invalid_request: EXIT_CODES.usage,
  not_found: EXIT_CODES.usage,
  repo_unusable: EXIT_CODES.usage,
  base_missing: EXIT_CODES.usage,
  conflict: EXIT_CODES.usage,
  no_permission: EXIT_CODES.no_permission,
  bad_configuration: EXIT_CODES.bad_configuration,
};

function examplesText(command: CliCommand, io: Io): string {
  return `\nExamples:\n${command.examples.map((line) => `  $ ${io.program} ${line}`).join('\n')}\n`;
}

/** The command that a command line names. */
function namedIn(argv: readonly string[]): string | undefined {
  return argv[0] === 'help' ? argv[1] : argv.find((word) => !word.startsWith('-'));
}

/** Builds the program; only the command that is asked for is loaded, the others are names. */
export async function buildProgram(argv: readonly string[], io: Io): Promise<Command> {
  const program = new Command('agent-runner')
    .description('Give it a repository and a task, and get back a verified proposal.')
    .version(programVersion(), '-V, --version')
    .showHelpAfterError('(run it with --help for its options)')
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride()
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${io.program} demo\n  $ ${io.program} run "Fix the typo in README" --repo . --agent command\n`,
    );
  const named = namedIn(argv);
  // A shell asks about every command, so all of them are loaded then.
  const completes = named === 'completion' || named === 'complete';
  for (const [name, listed] of Object.entries(COMMANDS)) {
    // A command that is not loaded shows its arguments by its usage; a loaded one defines them itself.
    const isLoaded = completes || name === named;
    const command = program.command(isLoaded ? name : listed.usage);
    command.summary(listed.summary).description(listed.summary);
    if (!isLoaded) continue;
    const loaded = (await listed.load()).command;
    loaded.define(command, io);
    command.addHelpText('after', examplesText(loaded, io));
  }
  if (completes) {
    const tab = (await import('@bomb.sh/tab/commander')).default;
    const offered = tab(program, { completionCommandName: 'completion' });
    const words = argv.slice(argv.indexOf('--') + 1);
    if (named === 'complete') await (await import('./completion/values.ts')).addValues(offered, io, words);
  } else
    program
      .command('completion <shell>')
      .summary('print a completion script for bash, zsh, fish or powershell');
  return program;
}

/** What was thrown, and whether it is worth a stack: whatever ends after a cancellation ends because of it. */
function describe(error: unknown, io: Io): { readonly info: ErrorInfo; readonly known: boolean } {
  if (io.signal.aborted || error instanceof Cancelled)
    return { info: errorInfo('cancelled', 'cancelled'), known: true };
  if (error instanceof JobError) return { info: toErrorInfo(error), known: true };
  return { info: errorInfo('bug', error instanceof Error ? error.message : String(error)), known: false };
}

function reportError(error: unknown, io: Io, asJson: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
  const { info, known } = describe(error, io);
  if (asJson) io.out(`${JSON.stringify({ error: info }, null, 2)}\n`);
  io.err(`agent-runner: ${info.message}\n`);
  if (info.hint !== null) io.err(`  ${asCalled(io, info.hint)}\n`);
  if (!known && error instanceof Error && error.stack !== undefined) io.err(`${error.stack}\n`);
  return EXIT_OF_CODE[info.code] ?? OUTCOMES[outcomeOf(info.code)].exit_code;
}

/**
 * Runs the command line.
 *
 * @param argv words after the program's name
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  const startsAgent = COMMANDS[namedIn(argv) ?? '']?.startsAgent === true;
  const io = openIo({ homeFlags: homeFlagsOf(argv), startsAgent });
  try {
    const program = await buildProgram(argv, io);
    if (argv.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodeOf(io);
  } catch (error) {
    return reportError(error, io, argv.includes('--json'));
  } finally {
    io.close();
  }
}
