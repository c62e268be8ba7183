/** `import`: takes the jobs of an archive in. */
import { resolve } from 'node:path';
import { addSettingFlags } from '../asking/settings.ts';
import { action, asCalled, printJson, type CliCommand } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .argument('<file>', 'what `export` wrote')
      .option('--skip-existing', 'pass over jobs that are here already, instead of refusing all')
      .option('--json', 'print JSON')
      .action(
        action(io, (file: string, options: ReadOptions) =>
          withRunner(io, options, async (runner) => {
            const path = resolve(runner.config.host.cwd, file);
            const skipExisting = options['skipExisting'] === true;
            const done = await runner.archives.take(path, { skipExisting });
            if (options.json === true) printJson(io, done);
            else for (const id of done.imported) io.out(`${id}\n`);
            for (const id of done.skipped) io.err(`${id} is here already\n`);
            const [first] = done.imported;
            if (first !== undefined && options.json !== true)
              io.err(asCalled(io, `look at it with: agent-runner result ${first}\n`));
            return 0;
          }),
        ),
      );
  },
  examples: ['import job.tar', 'import prices.tar --skip-existing --json'],
};
