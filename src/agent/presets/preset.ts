/** What is known of one agent programme: how it is started, told its model, kept offline, and logged in. */
import { JobError } from '../../job/error.ts';
import { shellWord } from '../../job/text/shell.ts';
import type { ModelDialect } from '../../job/model/call.ts';
import type { McpServer } from '../mcp/servers.ts';
import type { AgentTurn, ModelAccess } from '../agent.ts';

/** A file below HOME that a programme must find when it starts. */
export interface PresetFile {
  readonly path: string;
  readonly text: string;
}

/** How a programme is started for one turn. */
export interface PresetLaunch {
  readonly words: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly PresetFile[];
}

/** How a model is reached: in which dialect, and where. */
export interface Route {
  readonly dialect: ModelDialect;
  readonly url: string;
  readonly key: string;
  readonly model: string;
  /** Tokens that the model reads at once; `null`: nobody knows. */
  readonly window: number | null;
}

/** One agent programme. */
export interface Preset {
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** The programme that is started, looked for on the PATH. */
  readonly programme: string;
  /** By what it is driven; absent: the Agent Client Protocol. */
  readonly protocol?: 'opencode';
  /** A programme that it uses where it finds it, and what it can't do without. */
  readonly helper?: { readonly programme: string; readonly without: string };
  /** How it is installed, as a command. */
  readonly install: string;
  /** Dialects that it speaks to a base URL of ours, the best first; none: it knows its own models only. */
  readonly dialects: readonly ModelDialect[];
  /** Its own login: files below the user's home, variables, and the command that makes one. */
  readonly login: {
    readonly files: readonly string[];
    readonly env: readonly string[];
    readonly command: string;
  };
  readonly authMethod: string | null;
  /** Modes in which it asks for nothing, the best first. */
  readonly modes: readonly string[];
  readonly usage: 'turn' | 'last_call';
  /** `route` is `null` where it reaches its models by its own login. */
  launch(route: Route | null, turn: AgentTurn, servers: readonly McpServer[]): PresetLaunch;
}

/**
 * The first dialect in which an agent can speak to a model.
 *
 * @throws JobError `bad_configuration` where the model's provider speaks none of them
 */
export function routeOf(preset: Preset, model: ModelAccess): Route {
  let refused: unknown = null;
  for (const dialect of preset.dialects) {
    try {
      const { token: key, model: name, window } = model;
      return { dialect, url: model.baseUrl(dialect), key, model: name, window };
    } catch (error) {
      if (!(error instanceof JobError) || error.code !== 'bad_configuration') throw error;
      refused ??= error;
    }
  }
  throw (
    refused ??
    new JobError('bad_configuration', `agent: ${preset.name} can't be given a model, it has its own`, {
      hint: 'leave the model out and admit its own login by agent_mounts or agent_env, or take another agent',
    })
  );
}

/** A shell line that writes a preset's files and becomes its programme. */
export function commandOf({ words, files }: PresetLaunch): string {
  const writes = files.map(({ path, text }) => {
    const target = `"$HOME"/${shellWord(path)}`;
    return `mkdir -p "$(dirname ${target})" && printf '%s' ${shellWord(text)} > ${target} && `;
  });
  return `${writes.join('')}exec ${words.map((word) => shellWord(word)).join(' ')}`;
}
