/** `pipeline`: steps that depend on each other, each a task for an agent, and one pull request at the end. */
import type { Command } from 'commander';
import { addProposalFlags } from '../asking/asking.ts';
import { addJudgingFlags, addSettingFlags } from '../asking/settings.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import { create, list, remove, runs, schema, show, type KeepOptions } from '../pipeline/keep.ts';
import { decide, retry, run, type ActOptions, type RunOptions } from '../pipeline/run.ts';
import { addReachFlag } from '../reach.ts';

function add(program: Command, name: string, summary: string): Command {
  const command = program.command(name).summary(summary).description(summary);
  return addReachFlag(addSettingFlags(command, 'home')).option('--json', 'print JSON');
}

function defineKept(program: Command, io: Io): void {
  add(program, 'create', 'keep the pipeline of a file, YAML or JSON')
    .argument('<file>', 'the file')
    .option('--replace', 'in the place of the one of the same name')
    .action(action(io, (file: string, options: KeepOptions) => create(io, file, options)));
  add(program, 'list', 'list the pipelines that are kept, or those of a repository')
    .option(
      '--repo <path|url>',
      'those in .agent-runner/pipelines of its base commit, and what is wrong with them',
    )
    .option('--base <ref>', 'branch, tag or commit of that repository')
    .option('--limit <n>', 'at most so many', '20')
    .action(action(io, (options: KeepOptions) => list(io, options)));
  add(program, 'show', 'show a pipeline, or how a run stands')
    .argument('<pipeline>', 'id, name or file of a pipeline; id of a run')
    .option('--graph', 'only draw what depends on what')
    .option(
      '--repo <path|url>',
      'where it is looked for when none of that name is kept; the current folder by default',
    )
    .option('--base <ref>', 'branch, tag or commit of that repository')
    .action(action(io, (named: string, options: KeepOptions) => show(io, named, options)));
  add(program, 'delete', 'forget a pipeline; its runs stay')
    .argument('<pipeline>', 'id or name')
    .action(action(io, (named: string, options: KeepOptions) => remove(io, named, options)));
  add(program, 'runs', 'list runs, newest first')
    .argument('[pipeline]', 'only those of this one, by id or name')
    .option('--limit <n>', 'at most so many', '20')
    .action(action(io, (named: string | undefined, options: KeepOptions) => runs(io, named, options)));
  const words = 'print the JSON Schema of pipelines, for editors';
  program
    .command('schema')
    .summary(words)
    .description(words)
    .action(action(io, () => schema(io)));
}

function defineRuns(program: Command, io: Io): void {
  const summary = 'run a pipeline: its steps, and one pull request of all they did';
  const command = program.command('run').summary(summary).description(summary);
  addReachFlag(addProposalFlags(addJudgingFlags(addSettingFlags(command))))
    .argument('[pipeline]', 'id, name or file; a name is looked for in the repository, too')
    .option('--resume <run>', 'go on with a run whose process died, or that was answered')
    .option('--wait', 'put it into the queue, for a worker, and wait until it has ended')
    .option('--detach', 'put it into the queue, and wait for nothing')
    .option('--json', 'print the run as JSON')
    .action(action(io, (named: string | undefined, options: RunOptions) => run(io, named, options)));
  for (const [name, approved, words] of [
    ['approve', true, 'let a step begin that asks whether it may'],
    ['reject', false, 'let it not begin: the run ends without it'],
  ] as const)
    add(program, name, words)
      .argument('<run>', 'id of the run')
      .argument('<step>', 'name of the step')
      .option('--comment <text>', 'why; it is kept with the decision')
      .action(
        action(io, (runId: string, step: string, options: ActOptions) =>
          decide(io, runId, step, approved, options),
        ),
      );
  add(program, 'retry', 'run what failed in a run once more, without what was successful')
    .argument('<run>', 'id of the run')
    .action(action(io, (runId: string, options: ActOptions) => retry(io, runId, options)));
}

export const command: CliCommand = {
  define(program, io) {
    defineKept(program, io);
    defineRuns(program, io);
  },
  examples: [
    'pipeline run checks.yml --repo . --agent command',
    'pipeline create checks.yml && agent-runner pipeline show checks --graph',
    'pipeline approve run-0123456789ab release',
    'pipeline list --repo https://git.example.org/tool.git',
  ],
};
