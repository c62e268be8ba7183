/** How the sandboxes of a job are opened: what each of agent, gate and setup may see, and its environment. */
import { mkdir } from 'node:fs/promises';
import { delimiter } from 'node:path';
import type { AgentNeeds } from '../agent/agent.ts';
import type { Door, Mount, Sandbox, SandboxAdapter, SandboxOptions } from '../sandbox/sandbox.ts';
import { toolchainPaths } from '../sandbox/toolchains.ts';
import type { Config } from '../config.ts';
import { exists } from '../workspace/keep/folders.ts';

/** Where a checkout is and what surrounds it. */
export interface Place {
  readonly tree: string;
  readonly home: string;
  readonly mounts: readonly Mount[];
  /** What both are made of, where they are copy-on-write. */
  layers?(): Pick<SandboxOptions, 'workspaceLayers' | 'homeLayers'>;
}

/** Opens sandboxes of one adapter with one configuration. */
export interface Sandboxes {
  readonly adapter: SandboxAdapter;
  /** For the agent: its own needs, network only if the job asked for it, read-only where it may only look. */
  agent(
    place: Place,
    needs: AgentNeeds,
    options: { readonly network: boolean; readonly readOnly: boolean; readonly door: Door | null },
  ): Promise<Sandbox>;
  /** For checks: no network unless the base's configuration opens it, nothing of the agent's. */
  gate(place: Place, env: Readonly<Record<string, string>>, network: boolean): Promise<Sandbox>;
  /** For setup: with network and the settings package managers need to reach their registry, without secrets. */
  setup(place: Place): Promise<Sandbox>;
  /** What of this machine a result depends on: adapter, PATH, platform. */
  readonly fingerprint: string;
}

/** Without network, package managers must use what setup prepared and not wait for a server. */
const OFFLINE: Readonly<Record<string, string>> = {
  CARGO_NET_OFFLINE: 'true',
  GOPROXY: 'off',
  GOTOOLCHAIN: 'local',
  UV_OFFLINE: '1',
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
};

/** Dependencies' own programs come first, then the user's PATH. */
function pathOf(workspace: string, userPath: string): string {
  return [`${workspace}/node_modules/.bin`, `${workspace}/.venv/bin`, userPath].join(delimiter);
}

/** The door lies on the sandbox's own loopback, which no proxy reaches. */
function withoutProxy(registry: Readonly<Record<string, string>>): Record<string, string> {
  const hosts = [registry['NO_PROXY'] ?? registry['no_proxy'] ?? '', '127.0.0.1'].filter((one) => one !== '');
  return { NO_PROXY: hosts.join(','), no_proxy: hosts.join(',') };
}

/** Wires the sandboxes of a job. */
export async function createSandboxes(adapter: SandboxAdapter, config: Config): Promise<Sandboxes> {
  const { host } = config;
  const tools = await toolchainPaths({ path: host.path, home: host.home });
  const readOnlyPaths = [...tools.readOnlyPaths, ...config.sandbox.roPaths];

  // Variables may name certificates or package folders that are not there; nobody needs those.
  const registryPaths: string[] = [];
  for (const path of host.registryPaths) if (await exists(path)) registryPaths.push(path);

  const open = async (
    place: Place,
    network: boolean,
    env: Readonly<Record<string, string>>,
    more: {
      readonly paths?: readonly string[];
      readonly mounts?: readonly Mount[];
      readonly readOnly?: boolean;
      readonly door?: Door | null;
    } = {},
  ): Promise<Sandbox> => {
    await mkdir(place.home, { recursive: true });
    const workspace = adapter.canMount ? '/workspace' : place.tree;
    return adapter.open({
      workspace: place.tree,
      readOnlyWorkspace: more.readOnly ?? false,
      home: place.home,
      ...(more.door == null ? {} : { door: more.door }),
      ...place.layers?.(),
      mounts: [...place.mounts, ...(more.mounts ?? [])],
      readOnlyPaths: [...readOnlyPaths, ...(network ? registryPaths : []), ...(more.paths ?? [])],
      network,
      env: {
        ...tools.env,
        PATH: pathOf(workspace, tools.path),
        LANG: 'C.UTF-8',
        TERM: 'dumb',
        ...(network ? host.registry : OFFLINE),
        ...env,
      },
    });
  };

  return {
    adapter,
    fingerprint: JSON.stringify([adapter.name, host.path, process.platform, process.arch]),
    agent: (place, needs, { network, readOnly, door }) => {
      // Git that may not write its index still says what is changed.
      const locks = readOnly ? { GIT_OPTIONAL_LOCKS: '0' } : {};
      const direct = network && door !== null ? withoutProxy(host.registry) : {};
      const { readOnlyPaths: paths, mounts } = needs;
      return open(place, network, { ...locks, ...direct, ...needs.env }, { paths, mounts, readOnly, door });
    },
    gate: (place, env, network) => open(place, network, env),
    setup: (place) => open(place, true, { CI: 'true', npm_config_fund: 'false', npm_config_audit: 'false' }),
  };
}
