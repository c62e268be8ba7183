/** Adapter `host`: commands run as the person who started the runner. No isolation, and it says so. */
import { realpath } from 'node:fs/promises';
import { JobError } from '../job/error.ts';
import { dialLoopback } from './bridge.ts';
import { listenOnLoopback } from './door.ts';
import { createExecutions, resolveCwd } from './process/executions.ts';
import { requireDirectory, requireReadable } from './bubblewrap/mounts.ts';
import { hasEntry } from './process/entries.ts';
import { runProcess } from './process.ts';
import { runnersMark } from './process/watchdog.ts';
import type { Mount, Sandbox, SandboxAdapter } from './sandbox.ts';

/** PATH of a command whose environment names none. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function refuseMoves(mounts: readonly Mount[]): void {
  for (const [at, mount] of mounts.entries()) {
    if (mount.source === mount.target) continue;
    throw new JobError(
      'bad_configuration',
      `mounts[${at}]: the host sandbox can't show ${mount.source} at ${mount.target} (allowed: the same path)`,
      { hint: 'use --sandbox bubblewrap, or the same path for source and target' },
    );
  }
}

/**
 * Runs commands directly on this machine. It can't close the network, hide files or make a path read-only;
 * process groups, bounds, environment and HOME are the same as elsewhere.
 */
export function createHost(): SandboxAdapter {
  return {
    name: 'host',
    isolation: 'no isolation',
    canMount: false,
    probe: () =>
      Promise.resolve({
        works: true,
        detail: 'no isolation: commands run as you, see all your files, and the network can’t be closed',
        fix: null,
      }),
    async open(options) {
      requireDirectory('workspace', options.workspace);
      requireDirectory('home', options.home);
      refuseMoves(options.mounts ?? []);
      for (const [at, mount] of (options.mounts ?? []).entries())
        requireReadable(`mounts[${at}]`, mount.source);
      for (const [at, path] of (options.readOnlyPaths ?? []).entries()) {
        requireReadable(`readOnlyPaths[${at}]`, path);
      }
      const workspacePath = await realpath(options.workspace);
      const executions = createExecutions();
      const door = options.door === undefined ? null : await listenOnLoopback(options.door);
      const exec: Sandbox['exec'] = (argv, how) =>
        executions.run(how.signal, (signal) => {
          const env = {
            PATH: DEFAULT_PATH,
            ...options.env,
            ...how.env,
            ...runnersMark(),
            HOME: options.home,
          };
          return runProcess(argv, { ...how, cwd: resolveCwd(workspacePath, how.cwd), env, signal });
        });
      return {
        adapter: 'host',
        workspacePath,
        homePath: options.home,
        ...(door === null ? {} : { doorPort: door.port }),
        exec,
        serve(argv, { onDial, ...how }) {
          onDial(dialLoopback);
          return exec(argv, how);
        },
        homeHas: (name) => hasEntry(options.home, name),
        async close() {
          await executions.close();
          await door?.close();
        },
      };
    },
  };
}
