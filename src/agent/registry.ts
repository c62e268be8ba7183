/** Agents by name: the only names a request may use. */
import { JobError } from '../job/error.ts';
import { DEFAULT_BUILTIN, type DeclaredAgent } from '../job/agents/declared.ts';
import type { ModelDialect } from '../job/model/call.ts';
import type { Agent, AgentNeeds } from './agent.ts';
import { createBuiltinAgent } from './builtin/agent.ts';
import { createCommandAgent } from './command.ts';
import { createPatchAgent } from './patch.ts';
import { createPresetAgent, type PresetHost } from './presets/agent.ts';
import { PRESETS, presetOf } from './presets/presets.ts';
import { createReplayAgent, type Playback } from './replay/agent.ts';
import { createSimulatedAgent, SIMULATED_BEHAVIOURS } from './simulated.ts';

/** Every name that a request may use; `simulated` is `simulated:good`, `minimal-runner` is `simulated:noop`. */
export const AGENT_NAMES: readonly string[] = [
  'builtin',
  'command',
  'patch',
  ...PRESETS.map(({ name }) => name),
  'simulated',
  ...SIMULATED_BEHAVIOURS.map((behaviour) => `simulated:${behaviour}`),
  'minimal-runner',
];

/** What an agent is made of besides its name. */
export interface AgentOptions {
  /** `AGENT_CMD`; `null` when it is not set. */
  readonly command: string | null;
  /** What the configuration admits into the agent's sandbox, and what its programme needs there. */
  readonly needs: AgentNeeds;
  /** The task as the caller wrote it: `patch` reads its diff blocks. */
  readonly task: string;
  /** Where presets are looked for. */
  readonly host: PresetHost;
  /** Dialects of the model that the gateway gives agents; `null` where no model is configured. */
  readonly gateway: readonly ModelDialect[] | null;
  /** Agents that the user declared, and the tokens their models can read at once unless they say otherwise. */
  readonly declared: readonly DeclaredAgent[];
  /** What `replay` plays back; absent or `null` where the job is no playback. */
  readonly playback?: Playback | null;
}

/** The declaration that a name stands for: `reviewer`, `builtin:reviewer`, or `builtin` for the default; else `null`. */
export function declaredOf(name: string, declared: readonly DeclaredAgent[]): DeclaredAgent | null {
  if (name === DEFAULT_BUILTIN.name) return DEFAULT_BUILTIN;
  const plain = name.replace(/^builtin:/, '');
  return declared.find((one) => one.name === plain) ?? null;
}

/**
 * Makes the agent of a name.
 *
 * @throws JobError `bad_configuration`: an unknown name, `command` without `AGENT_CMD`, `replay` without a recording
 */
export function createAgent(name: string, options: AgentOptions): Agent {
  const { command, needs, task } = options;
  const own = declaredOf(name, options.declared);
  if (own !== null) return createBuiltinAgent({ ...options, declared: own });
  const preset = presetOf(name);
  if (preset !== null) return createPresetAgent(preset, options);
  if (name === 'simulated') return createSimulatedAgent('good');
  if (name.startsWith('simulated:')) return createSimulatedAgent(name.slice('simulated:'.length));
  if (name === 'minimal-runner') return createSimulatedAgent('noop');
  if (name === 'patch') return createPatchAgent({ task });
  if (name === 'replay') {
    if (options.playback != null) return createReplayAgent(options.playback);
    throw new JobError('bad_configuration', 'agent: replay plays a recorded job back, and none is named', {
      hint: 'name it: agent-runner replay <job>',
    });
  }
  if (name === 'command') {
    if (command !== null && command.trim() !== '') return createCommandAgent({ command, needs });
    throw new JobError('bad_configuration', 'agent: command needs a command line, and AGENT_CMD is not set', {
      hint: 'set AGENT_CMD, for example AGENT_CMD="my-agent --prompt-file {prompt_file}"',
    });
  }
  throw new JobError('bad_configuration', `agent: ${JSON.stringify(name.slice(0, 100))} is unknown`, {
    hint: `allowed are ${[...AGENT_NAMES, ...options.declared.map((one) => one.name)].join(', ')}`,
  });
}
