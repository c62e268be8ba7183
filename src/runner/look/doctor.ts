/** What works on this machine and how to mend what does not: for `doctor` and `agents`. */
import { statfs, writeFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PRESETS } from '../../agent/presets/presets.ts';
import { AGENT_NAMES } from '../../agent/registry.ts';
import type { Config } from '../../config.ts';
import { runProcess } from '../../sandbox/process.ts';
import { SANDBOX_ADAPTERS } from '../../sandbox/sandbox.ts';
import { runsOf } from '../dispatch/workflow.ts';
import { examineDatabase } from '../keep/database.ts';
import { reachNamed } from '../forge/alone/fork.ts';
import { makePrivateFolder, openForge, openRunner } from '../open.ts';
import { agentOf, defaultAgent } from '../agents.ts';
import { resolveModels } from '../models/resolve.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
}

/** An agent and whether it can start here. */
export interface AgentFinding {
  readonly name: string;
  readonly ready: boolean;
  readonly detail: string;
  readonly fix: string | null;
}

/** Free space below which a job on a large repository may not fit, in bytes. */
const LOW_DISK_BYTES = 2 * 1024 ** 3;
/** First git without the submodule and bundle flaws of 2025 (CVE-2025-48384, -48385), as distributions patch older ones. */
const LEAST_GIT: readonly [number, number] = [2, 30];
/** First git that merges without a working copy, which steps of a pipeline need that touch the same files. */
const MERGING_GIT: readonly [number, number] = [2, 38];

/** Every agent there is, those that the user declared too, with what its own check says. */
export async function listAgents(config: Config): Promise<readonly AgentFinding[]> {
  return Promise.all(
    [...AGENT_NAMES, ...config.declaredAgents.map((one) => one.name)].map(async (name) => {
      try {
        const agent = await agentOf(config, { agent: name, task: '' });
        return { name, ...(await agent.check()) };
      } catch (error) {
        const { detail, fix } = failedFinding(name, error);
        return { name, ready: false, detail, fix };
      }
    }),
  );
}

async function checkGit(config: Config): Promise<Finding> {
  const options = { cwd: '/', env: { PATH: config.host.path }, timeoutMs: 10_000, maxBytes: 4096 };
  const { end, stdout, message } = await runProcess(['git', '--version'], options);
  const version = /(\d+)\.(\d+)/.exec(stdout);
  if (end !== 'exited' || version === null) {
    return {
      name: 'git',
      state: 'failed',
      detail: message ?? 'it does not answer',
      fix: 'install git and put it on the PATH',
    };
  }
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const isBefore = (least: readonly [number, number]): boolean =>
    major < least[0] || (major === least[0] && minor < least[1]);
  const fixBy = (least: readonly [number, number]): string => `install git ${least.join('.')} or newer`;
  const detail = stdout.trim();
  if (isBefore(LEAST_GIT)) return { name: 'git', state: 'failed', detail, fix: fixBy(LEAST_GIT) };
  if (!isBefore(MERGING_GIT)) return { name: 'git', state: 'ok', detail, fix: null };
  return {
    name: 'git',
    state: 'warning',
    detail: `${detail}: steps of a pipeline that touch the same files can't be brought together`,
    fix: fixBy(MERGING_GIT),
  };
}

async function checkSandboxes(): Promise<readonly Finding[]> {
  return Promise.all(
    Object.values(SANDBOX_ADAPTERS).map(async (load): Promise<Finding> => {
      const adapter = await load();
      const probe = await adapter.probe();
      const state = adapter.name === 'host' ? 'warning' : probe.works ? 'ok' : 'failed';
      return {
        name: `sandbox ${adapter.name}`,
        state,
        detail: `${probe.detail} (${adapter.isolation})`,
        fix: probe.fix,
      };
    }),
  );
}

async function checkHome(config: Config): Promise<readonly Finding[]> {
  const probe = join(config.home, '.doctor');
  try {
    await makePrivateFolder(config.home);
    await writeFile(probe, 'x');
    await rm(probe);
  } catch (error) {
    const detail = `${config.home}: ${error instanceof Error ? error.message : String(error)}`;
    return [
      { name: 'home', state: 'failed', detail, fix: 'set AGENT_RUNNER_HOME to a folder you may write to' },
    ];
  }
  const { bavail, bsize } = await statfs(config.home);
  const free = bavail * bsize;
  const gib = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
  return [
    { name: 'home', state: 'ok', detail: config.home, fix: null },
    free < LOW_DISK_BYTES
      ? { name: 'disk', state: 'warning', detail: gib, fix: 'free some space, or move AGENT_RUNNER_HOME' }
      : { name: 'disk', state: 'ok', detail: gib, fix: null },
  ];
}

/** What is told of something that could not even be looked at. */
function failedFinding(name: string, error: unknown): Finding {
  const fix = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : null;
  return { name, state: 'failed', detail: error instanceof Error ? error.message : String(error), fix };
}

async function checkDatabase(config: Config): Promise<readonly Finding[]> {
  try {
    const runner = await openRunner(config);
    try {
      await runner.store.listJobs({ limit: 1 });
      const found = await examineDatabase(runner.store, runner.layout);
      return found.map((one) => ({ name: 'database', ...one }));
    } finally {
      await runner.close();
    }
  } catch (error) {
    return [failedFinding('database', error)];
  }
}

/** The known programmes: each that is here with what it lacks, the others in one line. */
async function checkPresets(config: Config): Promise<readonly Finding[]> {
  const found = await Promise.all(
    PRESETS.map(async ({ name }) => {
      const state = await (await agentOf(config, { agent: name, task: '' })).check();
      return { name, ...state };
    }),
  );
  const here = found.filter(({ installed }) => installed === true);
  const others = found.filter(({ installed }) => installed !== true).map(({ name }) => name);
  return [
    ...here.map(({ name, ready, detail, fix }): Finding => ({
      name: `agent ${name}`,
      state: ready ? 'ok' : 'warning',
      detail,
      fix,
    })),
    ...(others.length === 0
      ? []
      : [
          {
            name: 'other agents',
            state: 'ok',
            detail: `not installed: ${others.join(', ')}`,
            fix: null,
          } as const,
        ]),
  ];
}

/** The agents that the user declared. */
async function checkDeclared(config: Config): Promise<readonly Finding[]> {
  return Promise.all(
    config.declaredAgents.map(async ({ name }): Promise<Finding> => {
      try {
        const { ready, detail, fix } = await (await agentOf(config, { agent: name, task: '' })).check();
        return { name: `agent ${name}`, state: ready ? 'ok' : 'warning', detail, fix };
      } catch (error) {
        return failedFinding(`agent ${name}`, error);
      }
    }),
  );
}

async function checkAgent(config: Config): Promise<Finding> {
  const wanted = await defaultAgent(config);
  if (wanted === null) {
    return {
      name: 'agent',
      state: 'warning',
      detail: 'none is configured, and none is ready',
      fix: "set AGENT_CMD, for example AGENT_CMD='claude -p', configure agent: builtin and a model, or mend one of those that `agents` lists",
    };
  }
  try {
    const { ready, detail, fix } = await (await agentOf(config, { agent: wanted, task: '' })).check();
    return { name: 'agent', state: ready ? 'ok' : 'failed', detail: `${wanted}: ${detail}`, fix };
  } catch (error) {
    return failedFinding('agent', error);
  }
}

/** Which model the gateway serves, and what of it is unknown. The key itself is not tried: that would cost. */
function checkModels(config: Config): Finding {
  const name = 'model';
  const fix =
    'set LLM_MODEL, LLM_API_KEY and LLM_BASE_URL, or one of ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY';
  try {
    const models = resolveModels(config);
    const ref = models.find(config.model);
    if (ref === null) {
      const own = 'none is configured: agents need a login of their own';
      return { name, state: 'warning', detail: own, fix };
    }
    const { provider, model } = ref;
    const full = `${provider.name}/${model}`;
    const isPriced = models.prices.priceOf(provider.name, model) !== null;
    const keyed = provider.key === null ? 'without a key' : 'with a key';
    const detail = `${full} at ${provider.baseUrl}, ${keyed}`;
    if (isPriced) return { name, state: 'ok', detail, fix: null };
    return {
      name,
      state: 'warning',
      detail: `${detail}; nobody knows its price`,
      fix: `set prices: {${full}: {input, output}}`,
    };
  } catch (error) {
    return { name, state: 'failed', detail: error instanceof Error ? error.message : String(error), fix };
  }
}

/** Longest look at a repository by git. */
const FORGE_GIT_MS = 30_000;
const DAY_MS = 24 * 3600 * 1000;

/** The forge, and the way to it by git. */
async function checkForge(config: Config, repo: string | null): Promise<readonly Finding[]> {
  const parts = openForge(config);
  try {
    const found = (await parts.forge.examine?.(repo)) ?? [];
    if (repo === null || found.some(({ state }) => state === 'failed')) return found;
    const attended = { signal: AbortSignal.timeout(FORGE_GIT_MS), onNotice: () => {} };
    const { git, remote } = await reachNamed(parts, 'repo', repo, 'doctor', attended);
    await git(null, ['ls-remote', '--', remote.url, 'HEAD'], { config: 'user', timeoutMs: FORGE_GIT_MS });
    return [...found, { name: 'github git', state: 'ok', detail: `${remote.url} answers git`, fix: null }];
  } catch (error) {
    const one = failedFinding('github git', error);
    return [{ ...one, fix: one.fix ?? 'check that git reaches the server: proxy, certificates, github_url' }];
  }
}

/** Whether the workflow that executes jobs is there, and can be looked at; nothing where none is configured. */
async function checkWorkflow(config: Config): Promise<readonly Finding[]> {
  const { runnerRepo, workflow } = config.elsewhere;
  const name = 'runner_repo';
  if (runnerRepo === null) return [];
  try {
    const { forge } = openForge(config);
    const signal = AbortSignal.timeout(FORGE_GIT_MS);
    const which = { runner_repo: runnerRepo, workflow };
    const runs = await runsOf({ config, forge }, which, { jobId: 'doctor', signal });
    const since = new Date(Date.now() - DAY_MS).toISOString();
    const count = (await runs.list(since)).filter(({ jobId }) => jobId !== null).length;
    const detail = `${workflow} of ${runnerRepo}, with ${count} runs of jobs since yesterday`;
    if (config.server.publicUrl !== null) return [{ name, state: 'ok', detail, fix: null }];
    const fix =
      'set AGENT_RUNNER_PUBLIC_URL where runs can reach this server; else their end is seen by looking';
    return [{ name, state: 'ok', detail: `${detail}; nothing calls back`, fix }];
  } catch (error) {
    return [failedFinding(name, error)];
  }
}

/** Looks at everything a job needs; `repo` of the forge too, where one is named. A machine without any isolation is told by the sandboxes' findings. */
export async function examine(config: Config, repo: string | null = null): Promise<readonly Finding[]> {
  const [git, sandboxes, home, presets, declared, agent, forge, workflow] = await Promise.all([
    checkGit(config),
    checkSandboxes(),
    checkHome(config),
    checkPresets(config),
    checkDeclared(config),
    checkAgent(config),
    checkForge(config, repo),
    checkWorkflow(config),
  ]);
  const node: Finding = { name: 'node', state: 'ok', detail: process.version, fix: null };
  const database = home.some((one) => one.state === 'failed') ? [] : await checkDatabase(config);
  const agents = [...presets, ...declared, agent];
  return [
    node,
    git,
    ...sandboxes,
    ...home,
    ...database,
    ...agents,
    checkModels(config),
    ...forge,
    ...workflow,
  ];
}
