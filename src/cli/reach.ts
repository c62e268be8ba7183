/** Commands on jobs wherever they are kept: in a home folder of this machine, or behind the URL of a server. */
import type { Command } from 'commander';
import type { JobClient } from '../client/client.ts';
import { readToken, type Config } from '../config.ts';
import { JobError } from '../job/error.ts';
import { action, type Io } from './command.ts';
import { addSettingFlags, settingsOf } from './asking/settings.ts';

/** Options of every command on jobs. */
export interface ReachOptions extends Record<string, unknown> {
  readonly json?: boolean;
  readonly url?: string;
}

/** Where jobs are, and what is configured. */
export interface Reached {
  readonly client: JobClient;
  readonly config: Config;
}

/** The flag that names a server, beside those that name a home folder. */
export function addReachFlag(command: Command): Command {
  return command.option(
    '--url <url>',
    'the server that keeps the jobs (AGENT_RUNNER_URL), instead of a home',
  );
}

/** What a person gave by flags, `url` among it. */
export function reachSettings(options: ReachOptions): Record<string, unknown> {
  const settings = settingsOf(options);
  if (options.url === undefined) return settings;
  if (settings['home'] !== undefined || settings['db_path'] !== undefined)
    throw new JobError('usage', 'url and home: jobs are either of a server or of a folder', {
      hint: 'give one of --url, --home and --db-path',
    });
  return { ...settings, url: options.url };
}

/** Whether these options and settings mean a server: a home that is named by a flag wins over AGENT_RUNNER_URL. */
export function isRemote(config: Config, options: ReachOptions): boolean {
  const { home, dbPath } = options;
  return config.remote.url !== null && home === undefined && dbPath === undefined;
}

/** Opens where the jobs are for `use`, and closes it again. Only what is needed is loaded. */
export async function withJobs(
  io: Io,
  options: ReachOptions,
  use: (reached: Reached) => Promise<number>,
): Promise<number> {
  const config = await io.resolve(reachSettings(options));
  const { url } = config.remote;
  if (url !== null && isRemote(config, options)) {
    const { createRemoteClient } = await import('../client/remote.ts');
    const client = createRemoteClient({ url, token: await readToken(config.remote) });
    return use({ client, config });
  }
  const { openRunner } = await import('../runner/open.ts');
  const { createLocalClient } = await import('../client/local.ts');
  const runner = await openRunner(config);
  try {
    return await use({ client: createLocalClient(runner), config });
  } finally {
    await runner.close();
  }
}

/** Defines a command on one job. */
export function defineReachCommand(
  program: Command,
  io: Io,
  run: (client: JobClient, jobId: string, options: ReachOptions) => Promise<number>,
): Command {
  return addReachFlag(addSettingFlags(program, 'home'))
    .argument('<job>', 'id of the job')
    .option('--json', 'print JSON')
    .action(
      action(io, (jobId: string, options: ReachOptions) =>
        withJobs(io, options, ({ client }) => run(client, jobId, options)),
      ),
    );
}
