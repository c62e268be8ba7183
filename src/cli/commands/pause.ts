/** `pause`: no worker of this home takes jobs any more; what runs goes on. */
import { action, printJson, type CliCommand } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';
import { addSettingFlags } from '../asking/settings.ts';

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--off', 'let workers take jobs again')
      .option('--json', 'print JSON')
      .action(
        action(io, (options: ReadOptions) =>
          withRunner(io, options, async (runner) => {
            await runner.store.setPaused(options['off'] !== true);
            const paused = await runner.store.isPaused();
            const counts = await runner.store.countQueue();
            if (options.json === true) printJson(io, { paused, ...counts });
            else
              io.out(
                `${paused ? 'paused' : 'not paused'}: ${counts.ready + counts.blocked} waiting, ${counts.held} running\n`,
              );
            return 0;
          }),
        ),
      );
  },
  examples: ['pause', 'pause --off'],
};
