/** What an OpenCode server is told when it starts: its model, its agents for the phases, and to stay at home. */
import type { AgentPhase } from '../../job/step.ts';
import { MAX_SUBTASKS } from '../../job/phases/plan.ts';
import type { Fields } from '../../job/text/json.ts';
import type { McpServer } from '../mcp/servers.ts';
import type { PresetLaunch, Route } from '../presets/preset.ts';

/** The agents of the phases, by the names under which the server knows them. */
export const AGENTS: Readonly<Record<AgentPhase, string>> = {
  explore: 'runner-explore',
  plan: 'runner-plan',
  build: 'runner-build',
};

/** The form of a plan's answer: the model is given a tool for it, and must call it. */
export const PLAN_FORMAT: Fields = {
  type: 'json_schema',
  retryCount: 1,
  schema: {
    type: 'object',
    required: ['reasoning', 'subtasks'],
    properties: {
      reasoning: { type: 'string', description: 'why these pieces, in a few sentences' },
      subtasks: {
        type: 'array',
        minItems: 1,
        maxItems: MAX_SUBTASKS,
        items: {
          type: 'object',
          required: ['name', 'task'],
          properties: {
            name: { type: 'string', description: 'a few words' },
            task: {
              type: 'string',
              description: 'what to do, so that it can be done without having read the rest',
            },
            files: { type: 'array', items: { type: 'string' }, description: 'paths in the repository' },
          },
        },
      },
    },
  },
};

/** Its provider packages by dialect; all are part of its binary. */
const PROVIDERS = {
  'openai-chat': '@ai-sdk/openai-compatible',
  'openai-responses': '@ai-sdk/openai',
  anthropic: '@ai-sdk/anthropic',
  gemini: '@ai-sdk/google',
} as const;

/** Without a last `/v1`. */
function origin(url: string): string {
  return url.replace(/\/v1$/, '');
}

/** These SDKs add nothing to their base URL, where Anthropic's own clients add /v1. */
function baseUrlOf({ dialect, url }: Route): string {
  if (dialect === 'anthropic') return `${origin(url)}/v1`;
  return dialect === 'gemini' ? `${origin(url)}/v1beta` : url;
}

/** Tokens that a model is taken to read at once where nobody knows. */
const DEFAULT_WINDOW = 128_000;

function modelOf(route: Route): Fields {
  const { dialect, key, model, window } = route;
  return {
    model: `runner/${model}`,
    small_model: `runner/${model}`,
    enabled_providers: ['runner'],
    provider: {
      runner: {
        npm: PROVIDERS[dialect],
        name: 'agent-runner',
        options: { baseURL: baseUrlOf(route), apiKey: key },
        models: {
          [model]: {
            name: model,
            tool_call: true,
            limit: { context: window ?? DEFAULT_WINDOW, output: 16_000 },
          },
        },
      },
    },
  };
}

/** What the sandbox holds anyway; asked for, it is answered by the phase. */
function permissions(edit: 'allow' | 'deny'): Fields {
  return { edit, bash: 'allow', webfetch: 'deny', websearch: 'deny', skill: 'deny', question: 'deny' };
}

const AGENT_SETTINGS = Object.fromEntries(
  Object.entries(AGENTS).map(([phase, name]) => [
    name,
    { mode: 'primary', permission: permissions(phase === 'build' ? 'allow' : 'deny') },
  ]),
);

/** A tool server as its settings name one. */
function mcpOf(server: McpServer): Fields {
  if (server.kind !== 'stdio')
    return { type: 'remote', url: server.url, headers: server.headers, enabled: true };
  const { command, args, env } = server;
  return { type: 'local', command: [command, ...args], environment: env, enabled: true };
}

/**
 * How a server is started. The settings of the repository are not read: they may name providers, commands and
 * permissions of their own.
 *
 * @param route `null` where it reaches its models by its own login
 * @param servers tool servers of the repository's base
 */
export function serverLaunch(
  route: Route | null,
  _turn: unknown,
  servers: readonly McpServer[] = [],
): PresetLaunch {
  const config = {
    autoupdate: false,
    share: 'disabled',
    // Its own copies of the tree at every step: the runner keeps the work.
    snapshot: false,
    permission: permissions('allow'),
    agent: AGENT_SETTINGS,
    ...(servers.length === 0
      ? {}
      : { mcp: Object.fromEntries(servers.map((one) => [one.name, mcpOf(one)])) }),
    ...(route === null ? {} : modelOf(route)),
  };
  return {
    words: ['opencode', 'serve', '--hostname=127.0.0.1', '--port=0'],
    env: {
      OPENCODE_CONFIG_CONTENT: JSON.stringify(config),
      OPENCODE_DISABLE_PROJECT_CONFIG: '1',
      OPENCODE_DISABLE_CLAUDE_CODE: '1',
      OPENCODE_DISABLE_MODELS_FETCH: '1',
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      OPENCODE_DISABLE_SHARE: '1',
      OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
      OPENCODE_DISABLE_DEFAULT_PLUGINS: '1',
      OPENCODE_EXPERIMENTAL_DISABLE_FILEWATCHER: '1',
      OPENCODE_PURE: '1',
    },
    // It installs a plug-in from a registry at every start, unless it finds it installed.
    files: [
      { path: '.config/opencode/node_modules/.keep', text: '' },
      {
        path: '.config/opencode/package-lock.json',
        text: `${JSON.stringify({ packages: { '': { dependencies: { '@opencode-ai/plugin': '*' } } } })}\n`,
      },
    ],
  };
}
