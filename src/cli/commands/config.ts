/** `config list`: every setting, its value and where that comes from. */
import { SETTINGS, type SettingName } from '../../config.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { cleanLine, table } from '../text.ts';

/** A value; where there is none, what holds instead, in parentheses. */
function shown(name: SettingName, value: unknown): string {
  if (value === null || (Array.isArray(value) && value.length === 0)) return `(${SETTINGS[name].unset})`;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function list(io: Io, options: Record<string, unknown>): Promise<number> {
  const { settings } = await io.resolve(settingsOf(options));
  const withOrigin = options['showOrigin'] === true;
  if (options['json'] === true) {
    const rows = settings.map(({ name, value, origin }) =>
      withOrigin ? { name, value, origin: origin.source, where: origin.where } : { name, value },
    );
    printJson(io, { settings: rows });
    return 0;
  }
  const rows = settings.map(({ name, value, origin }) => [
    name,
    ...(withOrigin ? [origin.source === 'default' ? 'default' : `${origin.source} (${origin.where})`] : []),
    cleanLine(shown(name, value)),
  ]);
  io.out(table(['setting', ...(withOrigin ? ['origin'] : []), 'value'], rows, io.colour));
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program.command('list').description('list every setting'))
      .option('--show-origin', 'say where each value comes from')
      .option('--json', 'print JSON')
      .action(action(io, (options: Record<string, unknown>) => list(io, options)));
  },
  examples: ['config list', 'config list --show-origin'],
};
