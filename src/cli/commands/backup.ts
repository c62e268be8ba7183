/** `backup`: a copy of the database in a file, taken while it is in use. */
import { resolve } from 'node:path';
import { backUpTo } from '../../runner/keep/database.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';

async function backUp(io: Io, file: string, options: Record<string, unknown>): Promise<number> {
  const config = await io.resolve(settingsOf(options));
  const backup = await backUpTo(config, resolve(config.host.cwd, file));
  if (options['json'] === true) printJson(io, { backup });
  else io.out(`${backup}\n`);
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .argument('<file>', 'where the copy goes; a file that is there is replaced')
      .option('--json', 'print JSON')
      .action(action(io, (file: string, options: Record<string, unknown>) => backUp(io, file, options)));
  },
  examples: ['backup /mnt/other/agent-runner.db', 'backup today.db --json'],
};
