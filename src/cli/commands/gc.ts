/** `gc`: frees what is no longer kept, and shows what. */
import { printJson, action, type CliCommand, type Io } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { bytesText } from '../text.ts';
import type { GcReport } from '../../runner/keep/gc.ts';

function print(io: Io, report: GcReport): void {
  const would = report.dry_run ? 'would free' : 'freed';
  for (const { job_id: id, bytes } of report.jobs) io.out(`job folder    ${id} (${bytesText(bytes)})\n`);
  for (const name of report.sessions) io.out(`session       ${name}\n`);
  for (const ref of report.work) io.out(`saved work    ${ref}\n`);
  for (const one of report.cache.evicted)
    io.out(`${one.kind.padEnd(13)} ${one.path} (${bytesText(one.bytes)})\n`);
  if (report.events.length > 0) io.out(`events        of ${report.events.length} jobs\n`);
  const { bytes, max_bytes: max } = report.cache;
  io.err(
    `${would} ${bytesText(report.freed_bytes)}; the cache held ${bytesText(bytes)} of ${bytesText(max)}\n`,
  );
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--dry-run', 'only show what would go')
      .option('--json', 'print JSON')
      .action(
        action(io, (options: ReadOptions) =>
          withRunner(io, options, async (runner) => {
            const report = await runner.collectGarbage(options['dryRun'] === true, io.signal);
            if (options.json === true) printJson(io, report);
            else print(io, report);
            return 0;
          }),
        ),
      );
  },
  examples: ['gc --dry-run', 'gc --json'],
};
