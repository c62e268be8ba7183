/** `doctor`: checks this machine; every finding says how to mend it. Exits 1 when something must be mended. */
import { examine } from '../../runner/look/doctor.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { cleanLine, paint } from '../text.ts';

const MARKS = { ok: ['✓', 'green'], warning: ['!', 'yellow'], failed: ['✗', 'red'] } as const;

async function doctor(io: Io, options: Record<string, unknown>): Promise<number> {
  const { repo } = options;
  const config = await io.resolve(settingsOf(options));
  const findings = await examine(config, typeof repo === 'string' ? repo : null);
  const failed = findings.some((one) => one.state === 'failed');
  if (options['json'] === true) printJson(io, { ok: !failed, findings });
  else {
    for (const one of findings) {
      const [mark, colour] = MARKS[one.state];
      io.out(`${paint(mark, colour, io.colour)} ${one.name.padEnd(20)} ${cleanLine(one.detail)}\n`);
      if (one.fix !== null) io.out(`  ${' '.repeat(20)} → ${asCalled(io, one.fix)}\n`);
    }
  }
  return failed ? 1 : 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--repo <owner/name>', 'look at this repository of the forge, too')
      .option('--json', 'print JSON')
      .action(action(io, (options: Record<string, unknown>) => doctor(io, options)));
  },
  examples: ['doctor', 'doctor --repo owner/name', 'doctor --json'],
};
