/**
 * The agents that are known by name. Commands, variables and switches were tried with the versions that
 * `docs/agents.md` lists; those marked there as untried are from their makers' documents.
 */
import { serverLaunch } from '../opencode/settings.ts';
import type { Preset } from './preset.ts';

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

const claude: Preset = {
  name: 'claude',
  title: 'Claude Code',
  programme: 'claude-agent-acp',
  install: 'npm install -g @agentclientprotocol/claude-agent-acp',
  dialects: ['anthropic'],
  login: {
    files: ['.claude/.credentials.json'],
    env: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'],
    command: 'claude /login',
  },
  authMethod: null,
  modes: ['bypassPermissions', 'acceptEdits'],
  usage: 'turn',
  launch: (route) => ({
    words: ['claude-agent-acp'],
    env: {
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
      // After each turn it would ask its model, with the whole session, what the user may want next.
      CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION: 'false',
      CLAUDE_CODE_DISABLE_TERMINAL_TITLE: '1',
      // It refuses to work without asking as root unless it is told that it is in a sandbox; it is.
      IS_SANDBOX: '1',
      // Ten by default, which takes minutes; the gateway's answers say when to come again.
      CLAUDE_CODE_MAX_RETRIES: '3',
      ...(route === null
        ? {}
        : {
            ANTHROPIC_BASE_URL: route.url,
            ANTHROPIC_API_KEY: route.key,
            ANTHROPIC_MODEL: route.model,
            ANTHROPIC_SMALL_FAST_MODEL: route.model,
            ANTHROPIC_DEFAULT_HAIKU_MODEL: route.model,
          }),
    },
    files: [],
  }),
};

const codex: Preset = {
  name: 'codex',
  title: 'Codex',
  programme: 'codex-acp',
  install: 'npm install -g @agentclientprotocol/codex-acp',
  dialects: ['openai-responses'],
  login: { files: ['.codex/auth.json'], env: ['OPENAI_API_KEY', 'CODEX_API_KEY'], command: 'codex login' },
  authMethod: null,
  // Its own sandbox would be one in ours, where it may not be able to make it.
  modes: ['agent-full-access'],
  usage: 'turn',
  launch: (route) => ({
    words: ['codex-acp'],
    env: route === null ? {} : { AGENT_RUNNER_MODEL_KEY: route.key },
    files:
      route === null
        ? []
        : [
            {
              path: '.codex/config.toml',
              text: `model = ${JSON.stringify(route.model)}
model_provider = "runner"
check_for_update_on_startup = false
${route.window === null ? '' : `model_context_window = ${route.window}\n`}
[analytics]
enabled = false

[features]
plugins = false

[model_providers.runner]
name = "agent-runner"
base_url = ${JSON.stringify(route.url)}
env_key = "AGENT_RUNNER_MODEL_KEY"
wire_api = "responses"
`,
            },
          ],
  }),
};

const gemini: Preset = {
  name: 'gemini',
  title: 'Gemini CLI',
  programme: 'gemini',
  install: 'npm install -g @google/gemini-cli',
  dialects: ['gemini'],
  login: {
    files: ['.gemini/oauth_creds.json'],
    env: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
    command: 'gemini, then choose how to log in',
  },
  authMethod: 'gemini-api-key',
  modes: ['yolo'],
  usage: 'turn',
  launch: (route) => ({
    words: ['gemini', '--acp', ...(route === null ? [] : ['-m', route.model])],
    env: {
      // Without trust it exits with 55, or quietly goes back to asking.
      GEMINI_CLI_TRUST_WORKSPACE: 'true',
      ...(route === null ? {} : { GEMINI_API_KEY: route.key, GOOGLE_GEMINI_BASE_URL: route.url }),
    },
    files:
      route === null
        ? []
        : [
            {
              path: '.gemini/settings.json',
              text: json({
                security: { auth: { selectedType: 'gemini-api-key' } },
                privacy: { usageStatisticsEnabled: false },
                telemetry: { enabled: false },
                general: { disableAutoUpdate: true, disableUpdateNag: true },
              }),
            },
          ],
  }),
};

const copilot: Preset = {
  name: 'copilot',
  title: 'Copilot CLI',
  programme: 'copilot',
  install: 'npm install -g @github/copilot',
  dialects: ['openai-chat', 'openai-responses', 'anthropic'],
  login: {
    files: ['.copilot/config.json'],
    env: ['COPILOT_GITHUB_TOKEN'],
    command: 'copilot, then /login',
  },
  authMethod: null,
  modes: [],
  usage: 'turn',
  launch: (route) => ({
    words: ['copilot', '--acp'],
    env: {
      COPILOT_AUTO_UPDATE: 'false',
      ...(route === null
        ? {}
        : {
            COPILOT_OFFLINE: 'true',
            COPILOT_PROVIDER_TYPE: route.dialect === 'anthropic' ? 'anthropic' : 'openai',
            COPILOT_PROVIDER_WIRE_API: route.dialect === 'openai-responses' ? 'responses' : 'completions',
            COPILOT_PROVIDER_BASE_URL: route.url,
            COPILOT_PROVIDER_API_KEY: route.key,
            COPILOT_MODEL: route.model,
          }),
    },
    files: [],
  }),
};

const goose: Preset = {
  name: 'goose',
  title: 'goose',
  programme: 'goose',
  install: 'see https://block.github.io/goose for its installer',
  dialects: ['openai-chat', 'anthropic'],
  login: {
    files: ['.config/goose/config.yaml'],
    env: ['OPENAI_API_KEY', 'ANTHROPIC_API_KEY'],
    command: 'goose configure',
  },
  authMethod: null,
  modes: ['auto'],
  usage: 'last_call',
  launch(route) {
    const own = {
      GOOSE_DISABLE_KEYRING: '1',
      GOOSE_MODE: 'auto',
      GOOSE_TELEMETRY_ENABLED: 'false',
      // A thousand by default.
      GOOSE_MAX_TURNS: '200',
    };
    const words = ['goose', 'acp', '--with-builtin', 'developer'] as const;
    if (route === null) return { words, env: own, files: [] };
    const { host, protocol, pathname } = new URL(route.url);
    const isAnthropic = route.dialect === 'anthropic';
    const path = pathname.replace(/^\/|\/$/g, '');
    return {
      words,
      env: {
        ...own,
        GOOSE_MODEL: route.model,
        GOOSE_PROVIDER: isAnthropic ? 'anthropic' : 'openai',
        ...(isAnthropic
          ? { ANTHROPIC_HOST: route.url, ANTHROPIC_API_KEY: route.key }
          : {
              OPENAI_HOST: `${protocol}//${host}`,
              OPENAI_BASE_PATH: `${path === '' ? '' : `${path}/`}chat/completions`,
              OPENAI_API_KEY: route.key,
            }),
      },
      files: [],
    };
  },
};

const qwen: Preset = {
  name: 'qwen',
  title: 'Qwen Code',
  programme: 'qwen',
  install: 'npm install -g @qwen-code/qwen-code',
  dialects: ['openai-chat'],
  login: { files: ['.qwen/oauth_creds.json'], env: ['OPENAI_API_KEY'], command: 'qwen, then /auth' },
  authMethod: 'openai',
  modes: ['yolo'],
  usage: 'turn',
  launch: (route) => ({
    words: ['qwen', '--acp'],
    env:
      route === null
        ? {}
        : { OPENAI_BASE_URL: route.url, OPENAI_API_KEY: route.key, OPENAI_MODEL: route.model },
    files:
      route === null
        ? []
        : [
            {
              path: '.qwen/settings.json',
              text: json({
                security: { auth: { selectedType: 'openai' } },
                privacy: { usageStatisticsEnabled: false },
                telemetry: { enabled: false },
                general: { disableAutoUpdate: true, disableUpdateNag: true },
              }),
            },
          ],
  }),
};

const opencode: Preset = {
  name: 'opencode',
  title: 'OpenCode',
  programme: 'opencode',
  protocol: 'opencode',
  helper: { programme: 'rg', without: 'its search tools fail' },
  install: 'npm install -g opencode-ai',
  dialects: ['openai-chat', 'anthropic', 'openai-responses', 'gemini'],
  login: {
    files: ['.local/share/opencode/auth.json'],
    env: ['ANTHROPIC_API_KEY', 'OPENAI_API_KEY'],
    command: 'opencode auth login',
  },
  authMethod: null,
  modes: [],
  usage: 'turn',
  launch: serverLaunch,
};

const openhands: Preset = {
  name: 'openhands',
  title: 'OpenHands',
  programme: 'openhands',
  install: 'uv tool install openhands',
  dialects: ['openai-chat', 'anthropic'],
  login: { files: ['.openhands/agent_settings.json'], env: ['LLM_API_KEY'], command: 'openhands login' },
  authMethod: null,
  modes: ['always-approve'],
  usage: 'turn',
  launch: (route) => ({
    words: ['openhands', 'acp', ...(route === null ? [] : ['--override-with-envs'])],
    env:
      route === null
        ? {}
        : {
            LLM_MODEL: `${route.dialect === 'anthropic' ? 'anthropic' : 'openai'}/${route.model}`,
            LLM_BASE_URL: route.url,
            LLM_API_KEY: route.key,
          },
    files: [],
  }),
};

const cursor: Preset = {
  name: 'cursor',
  title: 'Cursor CLI',
  programme: 'cursor-agent',
  install: 'see https://cursor.com/cli for its installer',
  dialects: [],
  login: { files: ['.config/cursor/auth.json'], env: ['CURSOR_API_KEY'], command: 'cursor-agent login' },
  authMethod: 'cursor_login',
  modes: ['agent'],
  usage: 'turn',
  launch: () => ({ words: ['cursor-agent', 'acp'], env: {}, files: [] }),
};

/** Every preset, in the order in which the default agent is looked for. */
export const PRESETS: readonly Preset[] = [
  claude,
  codex,
  gemini,
  copilot,
  goose,
  qwen,
  opencode,
  openhands,
  cursor,
];

/** The preset of a name; `null` where there is none. */
export function presetOf(name: string): Preset | null {
  return PRESETS.find((preset) => preset.name === name) ?? null;
}
