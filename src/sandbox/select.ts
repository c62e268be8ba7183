/** Choosing a sandbox: the strongest that works here, never a weaker one unasked. */
import { JobError } from '../job/error.ts';
import { SANDBOX_ADAPTERS, type SandboxAdapter, type SandboxName } from './sandbox.ts';

/** A chosen adapter, why it was chosen, and what a person must know about it. */
export interface SandboxChoice {
  readonly adapter: SandboxAdapter;
  readonly why: string;
  readonly warning: string | null;
}

/** How adapters are loaded, strongest first. */
export type SandboxLoaders = Readonly<Record<SandboxName, () => Promise<SandboxAdapter>>>;

const HOST_WARNING = 'no isolation: the agent runs as you, sees your files and reaches the network';

function isSandboxName(name: string, loaders: SandboxLoaders): name is SandboxName {
  return Object.hasOwn(loaders, name);
}

function choose(adapter: SandboxAdapter, why: string): SandboxChoice {
  return { adapter, why, warning: adapter.name === 'host' ? HOST_WARNING : null };
}

async function selectNamed(name: SandboxName, loaders: SandboxLoaders): Promise<SandboxChoice> {
  const adapter = await loaders[name]();
  const probe = await adapter.probe();
  if (probe.works) return choose(adapter, `${name} was asked for: ${probe.detail}`);
  const hint = probe.fix ?? `mend it, or choose another sandbox (${Object.keys(loaders).join(', ')})`;
  throw new JobError('bad_configuration', `sandbox: ${name} does not work here: ${probe.detail}`, { hint });
}

/**
 * Returns the sandbox called `name`, or for `auto` the strongest whose probe works. `host` is taken by `auto`
 * only with `allowHost`. Throws `bad_configuration` with what mends it when nothing is left, when a named
 * sandbox does not work, and for an unknown name. `loaders` is for tests.
 */
export async function selectSandbox(
  name: 'auto' | SandboxName,
  options: { readonly allowHost: boolean },
  loaders: SandboxLoaders = SANDBOX_ADAPTERS,
): Promise<SandboxChoice> {
  if (name !== 'auto') {
    if (isSandboxName(name, loaders)) return selectNamed(name, loaders);
    const allowed = ['auto', ...Object.keys(loaders)].join(', ');
    throw new JobError('bad_configuration', `sandbox: ${String(name)} is unknown (allowed: ${allowed})`);
  }
  const failed: string[] = [];
  let fix: string | null = null;
  for (const load of Object.values(loaders)) {
    const adapter = await load();
    if (adapter.name === 'host' && !options.allowHost) continue;
    const probe = await adapter.probe();
    if (probe.works) {
      const weaker = failed.length > 0 ? `, because ${failed.join('; ')}` : ', the strongest that works here';
      return choose(adapter, `${adapter.name} (${probe.detail})${weaker}`);
    }
    failed.push(`${adapter.name} does not work: ${probe.detail}`);
    fix ??= probe.fix;
  }
  const hint = `${fix === null ? '' : `${fix}; `}or run without isolation by --sandbox host`;
  throw new JobError('bad_configuration', `sandbox: none works here: ${failed.join('; ')}`, { hint });
}
