/** A preset as an agent: found on the PATH, told its model, or logged in by itself. */
import type { McpServer } from '../mcp/servers.ts';
import { access, constants, readFile, realpath } from 'node:fs/promises';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { runProcess } from '../../sandbox/process.ts';
import { createAcpAgent } from '../acp/acp.ts';
import { createOpencodeAgent } from '../opencode/opencode.ts';
import type { ModelDialect } from '../../job/model/call.ts';
import type { Agent, AgentNeeds, AgentState, AgentTurn, ModelAccess } from '../agent.ts';
import { asText, parseObject } from '../../job/text/json.ts';
import { commandOf, routeOf, type Preset } from './preset.ts';

/** What of this machine a preset is looked for with. */
export interface PresetHost {
  /** The user's PATH and home directory. */
  readonly path: string;
  readonly home: string;
}

/** How a preset is made an agent. */
export interface PresetOptions {
  readonly needs: AgentNeeds;
  readonly host: PresetHost;
  /** Dialects of the model that the gateway will give it; `null` where no model is configured. */
  readonly gateway: readonly ModelDialect[] | null;
}

/** How far a preset is from working here. */
export interface PresetState {
  readonly path: string | null;
  readonly version: string | null;
  /** By what it reaches a model; `null`: by nothing. */
  readonly access: 'gateway' | 'login' | null;
  /** A login of the user's that is there, but not admitted into the sandbox. */
  readonly ownLogin: string | null;
}

const VERSION_TIMEOUT_MS = 10_000;
const MAX_MANIFEST_DEPTH = 6;

async function findProgramme(name: string, path: string): Promise<string | null> {
  for (const directory of path.split(delimiter).filter(isAbsolute)) {
    const candidate = join(directory, name);
    const isThere = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return null;
}

/** The version in the manifest of the package that a programme belongs to: asking it would take seconds. */
async function packageVersion(programme: string): Promise<string | null> {
  let directory = dirname(await realpath(programme));
  for (let depth = 0; depth < MAX_MANIFEST_DEPTH && directory.includes('node_modules'); depth++) {
    const manifest = await readFile(join(directory, 'package.json'), 'utf8').catch(() => null);
    const version = manifest === null ? null : asText(parseObject(manifest)?.['version']);
    if (version !== null) return version;
    directory = dirname(directory);
  }
  return null;
}

async function versionOf(programme: string, { path, home }: PresetHost): Promise<string | null> {
  const told = await packageVersion(programme);
  if (told !== null) return told;
  const how = { cwd: '/', env: { PATH: path, HOME: home }, timeoutMs: VERSION_TIMEOUT_MS, maxBytes: 4096 };
  const { exitCode, stdout } = await runProcess([programme, '--version'], how);
  return exitCode === 0 ? (/\d+\.\d+[\w.+-]*/.exec(stdout)?.[0] ?? null) : null;
}

/** Looks at one preset. */
export async function examinePreset(preset: Preset, options: PresetOptions): Promise<PresetState> {
  const { needs, host, gateway } = options;
  const path = await findProgramme(preset.programme, host.path);
  const logins = await Promise.all(
    preset.login.files.map(async (file) => {
      const place = join(host.home, file);
      return (await access(place).then(
        () => true,
        () => false,
      ))
        ? place
        : null;
    }),
  );
  const login = logins.find((place) => place !== null) ?? null;
  const isAdmitted =
    preset.login.env.some((name) => (needs.env[name] ?? '') !== '') ||
    preset.login.files.some((file) =>
      needs.mounts.some(({ source }) => `${join(host.home, file)}/`.startsWith(`${source}/`)),
    );
  const takesModel = preset.dialects.some((dialect) => gateway?.includes(dialect) === true);
  return {
    path,
    version: path === null ? null : await versionOf(path, host),
    access: takesModel ? 'gateway' : isAdmitted ? 'login' : null,
    ownLogin: isAdmitted ? null : login,
  };
}

const ACCESS = {
  gateway: 'it gets the configured model',
  login: 'it has its own login',
} as const;

/** What to do about a preset that has no way to a model. */
function accessFix({ title, dialects, login }: Preset, state: PresetState): string {
  const file = state.ownLogin;
  const admit =
    file === null
      ? `log in with ${title} (${login.command}) and admit it: agent_mounts: ['~/${login.files[0] ?? ''}:/home/agent/${login.files[0] ?? ''}:rw']`
      : `admit its login: agent_mounts: ['~/${login.files.find((one) => file.endsWith(one)) ?? ''}:/home/agent/${login.files.find((one) => file.endsWith(one)) ?? ''}:rw']`;
  const variable = login.env[0] === undefined ? '' : `, or agent_env: [${login.env[0]}]`;
  const model = dialects.length === 0 ? '' : 'configure a model, or ';
  return `${model}${admit}${variable}, with network: true`;
}

/** Whether a preset can start here, and by what it reaches a model, in words. */
async function checkPreset(preset: Preset, options: PresetOptions): Promise<AgentState> {
  const state = await examinePreset(preset, options);
  if (state.path === null) {
    const detail = `${preset.programme} is not on the PATH`;
    return { ready: false, detail, fix: preset.install, installed: false };
  }
  const version = state.version === null ? '' : ` ${state.version}`;
  const found = `${preset.programme}${version} (${state.path})`;
  if (state.access === null) {
    const why = state.ownLogin === null ? 'it is not logged in' : 'its login is not admitted';
    const { gateway } = options;
    const model =
      gateway === null || preset.dialects.length === 0
        ? 'no model'
        : `the configured model speaks ${gateway.join(', ')}, it ${preset.dialects.join(', ')}`;
    return {
      ready: false,
      detail: `${found}: ${model}, and ${why}`,
      fix: accessFix(preset, state),
      installed: true,
    };
  }
  const { helper } = preset;
  const isHelped =
    helper === undefined || (await findProgramme(helper.programme, options.host.path)) !== null;
  const help = isHelped ? '' : `; without ${helper.programme} on the PATH, ${helper.without}`;
  return { ready: true, detail: `${found}; ${ACCESS[state.access]}${help}`, fix: null, installed: true };
}

/** Makes the agent of a preset. */
export function createPresetAgent(preset: Preset, options: PresetOptions): Agent {
  const { name, protocol, authMethod, modes, usage } = preset;
  const driven = {
    name,
    needs: { ...options.needs, dialects: preset.dialects },
    launch(model: ModelAccess | null, turn: AgentTurn, servers: readonly McpServer[] = []) {
      const launch = preset.launch(model === null ? null : routeOf(preset, model), turn, servers);
      return { command: commandOf(launch), env: launch.env };
    },
    check: () => checkPreset(preset, options),
  };
  return protocol === 'opencode'
    ? createOpencodeAgent(driven)
    : createAcpAgent({ ...driven, authMethod, modes, usage });
}
