/** `agents`: which agents there are and whether they can start here. */
import { listAgents } from '../../runner/look/doctor.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { cleanLine, table } from '../text.ts';

async function agents(io: Io, options: Record<string, unknown>): Promise<number> {
  const found = await listAgents(await io.resolve(settingsOf(options)));
  if (options['json'] === true) printJson(io, { agents: found });
  else {
    const rows = found.map((one) => [one.name, one.ready ? 'ready' : 'not ready', cleanLine(one.detail)]);
    io.out(table(['agent', 'state', 'detail'], rows, io.colour));
    for (const { name, fix } of found) if (fix !== null) io.err(`${name}: ${cleanLine(fix)}\n`);
  }
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--json', 'print JSON')
      .action(action(io, (options: Record<string, unknown>) => agents(io, options)));
  },
  examples: ['agents', 'agents --json'],
};
