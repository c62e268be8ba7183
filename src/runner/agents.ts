/** The agent of a request, made from the user's configuration: where its command lies, and what it needs to see. */
import { stat } from 'node:fs/promises';
import { basename, isAbsolute, resolve } from 'node:path';
import type { Agent } from '../agent/agent.ts';
import { shellWord } from '../job/text/shell.ts';
import { PRESETS, presetOf } from '../agent/presets/presets.ts';
import { AGENT_NAMES, createAgent, declaredOf } from '../agent/registry.ts';
import type { Config } from '../config.ts';
import { JobError } from '../job/error.ts';
import { MODEL_DIALECTS, type ModelDialect } from '../job/model/call.ts';
import type { JobRequest } from '../job/request.ts';
import { resolveModels } from './models/resolve.ts';
import type { LookingAgent } from './context.ts';
import { playbackOf } from './record/stage.ts';
import { createLayout } from '../workspace/layout.ts';
import { programPaths } from '../sandbox/toolchains.ts';
import { splitWords } from '../sandbox/toolchains/words.ts';

/** Programs whose first argument that is a file is a script: `python3 agent.py`. */
const INTERPRETERS = /^(?:sh|bash|dash|zsh|python[\d.]*|node|deno|bun|ruby|perl|php)$/;
/** Options after which no script follows. */
const INLINE = /^(?:-c|-e|-m|-p|--eval|--print)$/;

/** The names that a request may use, besides those that the user declared. */
export const agentNames: readonly string[] = AGENT_NAMES;

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() === true;
}

/**
 * A command line whose programs and scripts are found from anywhere: `./agent.sh` and `python3 agent.py` name
 * files from where the person stands, while the command runs in a sandbox that stands somewhere else. Other
 * arguments stay as they are: `./src` may well be meant in the workspace.
 *
 * @param cwd where relative paths start
 */
export async function resolveCommand(command: string, cwd: string): Promise<string> {
  let [resolved, end, wantsScript] = ['', 0, false];
  for (const { text, raw, at, isProgram } of splitWords(command)) {
    if (isProgram) wantsScript = INTERPRETERS.test(basename(text));
    else if (INLINE.test(text)) wantsScript = false;
    const isCandidate = isProgram ? text.includes('/') : wantsScript && !text.startsWith('-');
    if (!isCandidate || isAbsolute(text) || /^~|[{$`]/.test(text)) continue;
    const path = resolve(cwd, text);
    if (!(await isFile(path))) continue;
    resolved += command.slice(end, at) + shellWord(path);
    end = at + raw.length;
    if (!isProgram) wantsScript = false;
  }
  return resolved + command.slice(end);
}

/**
 * Refuses an agent command whose program is not here, before there is a job: the commonest slip of all.
 *
 * @throws JobError `bad_configuration` that names what is missing
 */
export async function checkCommand(config: Config, request: JobRequest): Promise<void> {
  if (request.agent !== 'command' || config.agentCmd === null) return;
  const { path, cwd, home } = config.host;
  const { missing } = await programPaths(config.agentCmd, { path, cwd, home });
  if (missing.length === 0) return;
  throw new JobError('bad_configuration', `AGENT_CMD: ${missing.join(', ')} was not found`, {
    hint: 'install it, or correct AGENT_CMD; a program is looked for on the PATH, a path from where you stand',
  });
}

/** The command line whose programmes an agent of this name needs to see; `null` for those made of our own. */
async function commandLine(config: Config, name: string): Promise<string | null> {
  const preset = presetOf(name);
  if (preset !== null) return preset.programme;
  return config.agentCmd === null ? null : resolveCommand(config.agentCmd, config.host.cwd);
}

/** Dialects of a model; `null` where there is none, or where only a later check can say which it is. */
function modelDialects(config: Config, model: string | null): readonly ModelDialect[] | null {
  try {
    return resolveModels(config).find(model)?.provider.dialects ?? null;
  } catch (error) {
    // The user is told of it before the job starts, with what is allowed.
    if (error instanceof JobError) return MODEL_DIALECTS;
    throw error;
  }
}

/** Makes the agent a request names, with what it needs to be seen in its sandbox. */
export async function agentOf(
  config: Config,
  request: Pick<JobRequest, 'agent' | 'task' | 'replay'>,
): Promise<Agent> {
  const { path, cwd, home } = config.host;
  const { declaredAgents: declared } = config;
  const shadowed = declared.find(({ name }) => AGENT_NAMES.includes(name));
  if (shadowed !== undefined)
    throw new JobError('bad_configuration', `agents.${shadowed.name}: there is an agent of this name`, {
      hint: 'give it another name',
    });
  const own = declaredOf(request.agent, declared);
  const command = own === null ? await commandLine(config, request.agent) : null;
  const found = command === null ? { paths: [] } : await programPaths(command, { path, cwd, home });
  const needs = { readOnlyPaths: found.paths, mounts: config.agentMounts, env: config.agentEnv };
  const host = { path, home };
  const usesGateway = own !== null || presetOf(request.agent) !== null;
  const gateway = usesGateway ? modelDialects(config, own?.model ?? config.model) : null;
  const { task } = request;
  const playback = await playbackOf(createLayout(config.home, config.dbPath), request);
  return createAgent(request.agent, { command, needs, task, host, gateway, declared, playback });
}

/**
 * The agent of a request that names none: the configured one, else `command` where `AGENT_CMD` is set, else the
 * first known programme that is installed and has a model. `null`: there is none, and never a simulated one.
 */
export async function defaultAgent(config: Config): Promise<string | null> {
  if (config.agent !== null) return config.agent;
  if (config.agentCmd !== null) return 'command';
  const states = await Promise.all(
    PRESETS.map(async ({ name }) => (await agentOf(config, { agent: name, task: '' })).check()),
  );
  return PRESETS.find((_, at) => states[at]?.ready === true)?.name ?? null;
}

/** Who explores and plans: agents and models of their own where the request names them, else who builds. */
export async function lookingAgents(
  config: Config,
  request: Pick<JobRequest, 'agent' | 'task' | 'model' | 'phases'>,
  builder: Agent,
): Promise<Readonly<Record<'explore' | 'plan', LookingAgent>>> {
  const one = async (phase: 'explore' | 'plan'): Promise<LookingAgent> => {
    const { agent = null, model = null } = request.phases?.[phase] ?? {};
    // Another agent may not know the model of the one that builds.
    if (agent === null || agent === request.agent) return { agent: builder, model: model ?? request.model };
    return { agent: await agentOf(config, { agent, task: request.task }), model };
  };
  return { explore: await one('explore'), plan: await one('plan') };
}
