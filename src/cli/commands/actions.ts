/** `actions`: a run without a server, as three commands that a CI runs on three machines. */
import type { Command } from 'commander';
import type { AgentOptions } from '../actions/agent.ts';
import type { ProposeOptions } from '../actions/propose.ts';
import { addToldFlags } from '../actions/told.ts';
import type { VerifyOptions } from '../actions/verify.ts';
import { addJudgingFlags, addSettingFlags } from '../asking/settings.ts';
import { action, type CliCommand } from '../command.ts';

/** What all three are told. */
function addRunFlags(command: Command): Command {
  return addToldFlags(command)
    .requiredOption('--upstream <owner/name>', 'repository that the change is for')
    .requiredOption('--job-id <id>', 'stands in branch, commit and body: a job has one pull request')
    .requiredOption('--bundle <folder>', 'where the change is: change.bundle and change.json')
    .option('--json', 'print what came of it as JSON');
}

export const command: CliCommand = {
  define(program, io) {
    const add = (name: string, summary: string): Command =>
      addRunFlags(program.command(name).summary(summary).description(summary));
    addJudgingFlags(
      addSettingFlags(add('agent', 'let an agent work, and write its change as a bundle; pushes nothing')),
    )
      .option('--task <text>', 'what to do; TASK_DESCRIPTION by default')
      .option('--base <branch>', "branch it is for; upstream's default branch unless given")
      .action(
        action(io, async (options: AgentOptions) =>
          (await import('../actions/agent.ts')).runAgent(io, options),
        ),
      );
    addJudgingFlags(
      addSettingFlags(add('verify', 'judge a bundle on a machine that no agent saw'), 'judging'),
    )
      .requiredOption('--verdict <folder>', 'where verdict.json is written')
      .option('--base <branch>', "branch it is for; upstream's default branch unless given")
      .action(
        action(io, async (options: VerifyOptions) =>
          (await import('../actions/verify.ts')).runVerify(io, options),
        ),
      );
    add('propose', 'open or update the pull request of what a verdict permits; runs no code of the change')
      .requiredOption(
        '--fork <owner/name>',
        'where the branch is pushed: the upstream itself, or a fork of it',
      )
      .requiredOption('--verdict <folder>', 'where verdict.json is')
      .requiredOption('--bundle-sha256 <hex>', 'digest of the bundle, as `verify` told it')
      .requiredOption('--verdict-sha256 <hex>', 'digest of the verdict, as `verify` told it')
      .option('--task <text>', 'what was asked, for title and body; TASK_DESCRIPTION by default')
      .option('--branch <branch>', 'its name; branch_template unless given')
      .option('--run-url <url>', 'page of the run')
      .option('--draft', 'as a draft, whatever the gate says')
      .action(
        action(io, async (options: ProposeOptions) =>
          (await import('../actions/propose.ts')).runPropose(io, options),
        ),
      );
  },
  examples: [
    'actions agent --upstream owner/name --job-id job-1 --bundle bundle --task "Add a --quiet flag"',
    'actions verify --upstream owner/name --job-id job-1 --bundle bundle --verdict verdict --json',
    'actions propose --upstream owner/name --fork bot/name --job-id job-1 --bundle bundle --verdict verdict --bundle-sha256 … --verdict-sha256 … --task "Add a --quiet flag"',
  ],
};
