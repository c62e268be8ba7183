/** `restore-db`: puts the last sound back-up in the place of a damaged database. */
import { restoreBackup } from '../../runner/keep/database.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';

async function restore(io: Io, options: Record<string, unknown>): Promise<number> {
  const done = await restoreBackup(await io.resolve(settingsOf(options)), options['force'] === true);
  if (options['json'] === true) printJson(io, done);
  else io.out(`${done.backup}\n`);
  if (done.replaced !== null) io.err(`what was there is kept as ${done.replaced}\n`);
  const lost =
    'jobs since that back-up are unknown to it: `agent-runner recover --from-saved` lists their work\n';
  io.err(asCalled(io, lost));
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--force', 'also where the database is sound')
      .option('--json', 'print JSON')
      .action(action(io, (options: Record<string, unknown>) => restore(io, options)));
  },
  examples: ['restore-db', 'restore-db --force --json'],
};
