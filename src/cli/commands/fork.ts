/** `fork`: finds or makes the account's fork of a repository, and prints its name. */
import { forkUpstream } from '../../runner/forge/alone/fork.ts';
import { openForge } from '../../runner/open.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';

interface Options {
  readonly sync?: boolean;
  readonly json?: boolean;
}

async function fork(io: Io, upstream: string, options: Options): Promise<number> {
  const parts = openForge(await io.resolve({}));
  const onNotice = (notice: string): void => io.err(`${notice}\n`);
  const forked = await forkUpstream(parts, upstream, {
    sync: options.sync ?? false,
    signal: io.signal,
    onNotice,
  });
  const { synced } = forked;
  if (options.json === true) printJson(io, forked);
  else io.out(`${forked.fork}\n`);
  if (synced !== null) {
    const isNew = synced.was !== synced.sha;
    io.err(`${synced.branch} is at ${synced.sha.slice(0, 12)}${isNew ? '' : ', as it was'}\n`);
  }
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    program
      .argument('<upstream>', 'owner/name, or its URL')
      .option('--sync', "bring the fork's default branch to where upstream's is, if that is forward")
      .option('--json', 'print JSON')
      .action(action(io, (upstream: string, options: Options) => fork(io, upstream, options)));
  },
  examples: ['fork owner/name', 'fork owner/name --sync --json'],
};
