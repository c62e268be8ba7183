/** `completion`: scripts for bash, zsh, fish and PowerShell, and the answers those scripts ask for. */
import t from '@bomb.sh/tab';
import { JobError } from '../../job/error.ts';
import { action, type CliCommand } from '../command.ts';
import { COMMANDS } from '../main.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'];

export const command: CliCommand = {
  define(program, io) {
    program.argument('[shell]', SHELLS.join(', '), 'bash').action(
      action(io, (shell: string) => {
        if (!SHELLS.includes(shell)) {
          throw new JobError(
            'usage',
            `shell: ${JSON.stringify(shell)} is unknown (allowed: ${SHELLS.join(', ')})`,
          );
        }
        for (const [name, listed] of Object.entries(COMMANDS)) t.command(name, listed.summary);
        t.setup('agent-runner', 'agent-runner', shell);
        return Promise.resolve(0);
      }),
    );
  },
  examples: ['completion bash >> ~/.bashrc', 'completion zsh > ~/.agent-runner-completion.zsh'],
};
