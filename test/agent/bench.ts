/** A workbench for agents: a real sandbox on fresh directories, and what a turn left behind. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Agent, AgentContext, AgentReply, AgentTurn } from '../../src/agent/agent.ts';
import {
  SANDBOX_ADAPTERS,
  type ExecOptions,
  type Sandbox,
  type SandboxName,
} from '../../src/sandbox/sandbox.ts';

export interface Bench {
  readonly workspace: string;
  readonly sandbox: Sandbox;
  readonly events: { type: string; data: Readonly<Record<string, unknown>> }[];
  /** Session ids in the order in which they became known. */
  readonly sessions: readonly string[];
  readonly logPath: string;
  /** Runs one turn; what is not given has bounds that no test meets by chance. */
  run(turn?: Partial<AgentTurn>, signal?: AbortSignal): Promise<AgentReply>;
  /** Runs one turn that must end well. */
  runOk(turn?: Partial<AgentTurn>): Promise<Extract<AgentReply, { ok: true }>>;
  read(path: string): Promise<string>;
  list(): Promise<string[]>;
  /** How many commands ran in the sandbox. */
  commands(): number;
  /** Processes that still belong to the last turn, by the name of its directory in their environment. */
  leftovers(): Promise<string[]>;
}

/** Why a sandbox can't be tested here, or `null`; throws where everything is required. */
export async function whySkip(name: SandboxName): Promise<string | null> {
  const adapter = await SANDBOX_ADAPTERS[name]();
  const { works, detail, fix } = await adapter.probe();
  if (works) return null;
  const reason = `${name} does not work here: ${detail}${fix === null ? '' : ` (${fix})`}`;
  if (process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error(reason);
  return reason;
}

async function withMark(mark: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
    if (environ.includes(mark))
      found.push(`${pid} ${await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')}`);
  }
  return found;
}

/** Opens a sandbox for an agent; everything is closed and removed when the test ends. */
export async function openBench(
  name: SandboxName,
  agent: Agent,
  files: Readonly<Record<string, string>> = {},
  more: Partial<Pick<AgentContext, 'model' | 'sessionsPath' | 'mcpServers' | 'stays'>> = {},
): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), 'agent-runner-agent-'));
  const [workspace, home, logPath] = [join(root, 'work space'), join(root, 'home'), join(root, 'agent.log')];
  await mkdir(workspace);
  await mkdir(home);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, path)), { recursive: true });
    await writeFile(join(workspace, path), text);
  }
  const adapter = await SANDBOX_ADAPTERS[name]();
  const opened = await adapter.open({
    workspace,
    home,
    mounts: agent.needs.mounts,
    readOnlyPaths: agent.needs.readOnlyPaths,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', ...agent.needs.env },
    network: false,
  });
  onTestFinished(async () => {
    await opened.close();
    await rm(root, { recursive: true, force: true });
  });
  let mark = '';
  let count = 0;
  const note = ({ env }: ExecOptions): void => {
    mark = env?.['AGENT_RUNNER_OUT'] ?? mark;
    count++;
  };
  const serve = opened.serve?.bind(opened);
  const sandbox: Sandbox = {
    ...opened,
    exec: (argv, options) => {
      note(options);
      return opened.exec(argv, options);
    },
    ...(serve === undefined
      ? {}
      : {
          serve: (argv, options) => {
            note(options);
            return serve(argv, options);
          },
        }),
  };
  const events: Bench['events'] = [];
  const sessions: string[] = [];
  const context: Omit<AgentContext, 'signal'> = {
    ...more,
    sandbox,
    logPath,
    ...more,
    onSession: (id) => {
      sessions.push(id);
    },
    onEvent: (type, data) => {
      events.push({ type, data });
    },
  };
  const bench: Bench = {
    workspace,
    sandbox,
    events,
    sessions,
    logPath,
    run: (turn = {}, signal = new AbortController().signal) =>
      agent.run(
        {
          prompt: '## Task\n\nTest the agent\n',
          model: null,
          sessionId: null,
          timeoutMs: 40_000,
          phase: 'build',
          idleTimeoutMs: 40_000,
          ...turn,
        },
        { ...context, signal },
      ),
    async runOk(turn) {
      const reply = await bench.run(turn);
      if (!reply.ok) throw new Error(`the agent failed: ${JSON.stringify(reply.error)}`);
      return reply;
    },
    read: (path) => readFile(join(workspace, path), 'utf8'),
    async list() {
      const entries = await readdir(workspace, { recursive: true, withFileTypes: true });
      const paths = entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
      return paths.map((path) => path.slice(workspace.length + 1)).toSorted();
    },
    commands: () => count,
    leftovers: () => (mark === '' ? Promise.resolve([]) : withMark(mark)),
  };
  return bench;
}
