/**
 * Adapter `bubblewrap`: every command gets namespaces of its own from one `bwrap` process. /tmp is fresh for
 * every command and nothing outlives it; limits on memory and processes are not set.
 */
import { access, constants, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants as os } from 'node:os';
import { JobError } from '../job/error.ts';
import { buildBridge, dialLoopback, type Bridge, type Dial } from './bridge.ts';
import { DOOR_FAILED, DOOR_PORT, doorMount, listenOnLoopback, withDoor } from './door.ts';
import { createExecutions, resolveCwd } from './process/executions.ts';
import { DEFAULT_PATH } from './host.ts';
import {
  HOME_PATH,
  planMounts,
  prepareMountPoints,
  WORKSPACE_PATH,
  type Placement,
} from './bubblewrap/mounts.ts';
import { runProcess, type ProcessResult } from './process.ts';
import { probeOverlay, withOverlays } from './process/overlay.ts';
import { runnersMark } from './process/watchdog.ts';
import { hasEntry } from './process/entries.ts';
import { AGENT_UID, createRootFs, HOST_NAME, ownFolder } from './bubblewrap/rootfs.ts';
import type {
  ExecOptions,
  ExecResult,
  OverlayMount,
  Sandbox,
  SandboxAdapter,
  SandboxOptions,
  SandboxProbe,
} from './sandbox.ts';

const PROGRAMS = ['/usr/bin/bwrap', '/usr/local/bin/bwrap', '/bin/bwrap', '/run/current-system/sw/bin/bwrap'];
const PROBE_TIMEOUT_MS = 10_000;
const PROBE_MAX_BYTES = 16 * 1024;

const NAMESPACES = `--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try
  --die-with-parent --new-session --cap-drop ALL --clearenv
  --uid ${AGENT_UID} --gid ${AGENT_UID} --hostname ${HOST_NAME}`.split(/\s+/);

/** Signals that nobody sends himself as an exit code: bwrap reports a killed command as 128 + signal. */
const FATAL = [
  'SIGKILL',
  'SIGSEGV',
  'SIGBUS',
  'SIGILL',
  'SIGFPE',
  'SIGABRT',
  'SIGSYS',
  'SIGXCPU',
  'SIGXFSZ',
] as const;

async function findProgram(): Promise<string | null> {
  for (const path of PROGRAMS) {
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return null;
}

/** Arguments for the mounts of a caller, in their order. */
function mountArgs(placements: readonly Placement[]): readonly string[] {
  const options = { ro: '--ro-bind', rw: '--bind', link: '--symlink' } as const;
  return placements.flatMap(({ kind, source, target }) => [options[kind], source, target]);
}

/** Environment as arguments. NUL ends an argument, so it would smuggle in further ones. */
function envArgs(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0')) {
      throw new JobError(
        'bad_configuration',
        `env: ${JSON.stringify(name)} is not a variable (allowed: no NUL, no = in names)`,
      );
    }
    return ['--setenv', name, value];
  });
}

/** Reads the lines of `--json-status-fd`: the leader of the sandbox's processes, and whether the command ran. */
function createStatus(): {
  readonly onLine: (line: string) => void;
  childPid: number | null;
  hasRun: boolean;
} {
  const status = {
    childPid: null as number | null,
    hasRun: false,
    onLine(line: string): void {
      const pid = /"child-pid": *(\d+)/.exec(line)?.[1];
      if (pid !== undefined) status.childPid = Number(pid);
      if (line.includes('"exit-code"')) status.hasRun = true;
    },
  };
  return status;
}

/** Turns the end of bwrap into the end of the command. */
function interpret(result: ProcessResult, hasRun: boolean): ExecResult {
  const { stdoutBuffer: _, truncated: __, ...plain } = result;
  if (plain.end !== 'exited') return plain;
  if (!hasRun) {
    const said = plain.stderr.trim().split('\n').at(-1) ?? '';
    const message =
      said.replace(/^bwrap: (?:execvp )?/, '') || `bwrap ended with ${plain.exitCode} and said nothing`;
    return { ...plain, end: 'not_started', exitCode: null, message };
  }
  const signal = FATAL.find((name) => plain.exitCode === 128 + os.signals[name]);
  return signal === undefined ? plain : { ...plain, end: 'killed', exitCode: null, signal };
}

/** The copy-on-write folders of a sandbox, mounted anew for every command. */
function overlaysOf(options: SandboxOptions): readonly [OverlayMount, ...OverlayMount[]] | null {
  const { workspace, workspaceLayers, home, homeLayers } = options;
  const [first, ...rest] = [
    ...(workspaceLayers === undefined ? [] : [{ layers: workspaceLayers, target: workspace }]),
    ...(homeLayers === undefined ? [] : [{ layers: homeLayers, target: home }]),
  ];
  return first === undefined ? null : [first, ...rest];
}

/** The end of a command that was not started, since its door did not open. */
function notOpened(ended: ExecResult): ExecResult {
  const message = ended.stderr.trim() || 'the door did not open';
  return { ...ended, end: 'not_started', exitCode: null, message };
}

/** Copy-on-write folders belong to one command at a time: each waits for the one before it. */
function createTurns(): (start: () => Promise<ExecResult>) => Promise<ExecResult> {
  let last: Promise<unknown> = Promise.resolve();
  return (start) => {
    const next = last.then(start);
    last = next.catch(() => {});
    return next;
  };
}

/** Runs a command with a bridge into its namespaces. */
async function withBridge(
  onDial: (dial: Dial) => void,
  run: (bridge: Bridge) => Promise<ExecResult>,
): Promise<ExecResult> {
  const folder = await ownFolder();
  try {
    const bridge = await buildBridge(folder.path);
    try {
      onDial(bridge.dial);
      return await run(bridge);
    } finally {
      await bridge.close();
    }
  } finally {
    await folder.remove();
  }
}

/** What bwrap is told besides, for one command. */
function startArgs({ canBeFirst }: ExecOptions, bridge: Bridge | null): readonly string[] {
  return [...(canBeFirst === true ? ['--as-pid-1'] : []), ...(bridge?.args ?? [])];
}

async function openSandbox(program: string, options: SandboxOptions): Promise<Sandbox> {
  const placements = planMounts(options);
  await prepareMountPoints(placements);
  const rootFs = await createRootFs(options.network);
  const executions = createExecutions();
  const mounts = overlaysOf(options);
  const { door } = options;
  // With the network open, commands share the host's loopback; else each has one of its own.
  const shared = door !== undefined && options.network ? await listenOnLoopback(door) : null;
  const own = shared === null ? door : undefined;
  const inTurn = mounts === null ? null : createTurns();
  const fixedArgs = [
    ...NAMESPACES,
    ...(options.network ? [] : ['--unshare-net']),
    ...rootFs.args,
    ...(own === undefined ? [] : await doorMount()),
    ...mountArgs(placements),
  ];

  async function exec(
    argv: readonly [string, ...string[]],
    how: ExecOptions,
    signal: AbortSignal,
    bridge: Bridge | null,
  ): Promise<ExecResult> {
    const cwd = resolveCwd(WORKSPACE_PATH, how.cwd);
    const env = envArgs({ PATH: DEFAULT_PATH, ...options.env, ...how.env, HOME: HOME_PATH });
    await prepareMountPoints(placements);
    const status = createStatus();
    // Secrets would be seen by everybody on the command line, and LD_PRELOAD in bwrap's own environment would
    // act outside the sandbox: so arguments and environment go through a pipe, and bwrap's own is the mark alone.
    const all = [...fixedArgs, ...startArgs(how, bridge), '--remount-ro', '/', '--chdir', cwd, ...env];
    const input = all.map((word) => `${word}\0`).join('');
    const control = { input, onLine: status.onLine, innerGroup: () => status.childPid };
    const opens = own !== undefined && how.logPath !== undefined;
    const inner = bridge === null ? argv : bridge.wrap(argv);
    const words = opens ? withDoor(inner) : inner;
    const command = [program, '--args', '3', '--json-status-fd', '4', '--', ...words] as const;
    const layered = mounts === null ? command : withOverlays(mounts, '/', command);
    const servers: Server[] = [];
    const onServer = (server: Server): void => {
      servers.push(server.on('connection', own ?? ((socket) => socket.destroy())));
    };
    const wiring = { control, signal, onServer: opens ? onServer : undefined };
    const result = await runProcess(layered, { ...how, cwd: '/', env: runnersMark(), ...wiring });
    for (const server of servers) server.close();
    const ended = interpret(result, status.hasRun);
    const hasOpened = !opens || servers.length > 0 || ended.exitCode !== DOOR_FAILED;
    return hasOpened ? ended : notOpened(ended);
  }

  const run = (argv: readonly [string, ...string[]], how: ExecOptions, bridge: Bridge | null) =>
    executions.run(how.signal, (signal) => {
      const start = (): Promise<ExecResult> => exec(argv, how, signal, bridge);
      return inTurn === null ? start() : inTurn(start);
    });

  return {
    adapter: 'bubblewrap',
    workspacePath: WORKSPACE_PATH,
    homePath: HOME_PATH,
    ...(door === undefined ? {} : { doorPort: shared?.port ?? DOOR_PORT }),
    exec: (argv, how) => run(argv, how, null),
    serve: (argv, { onDial, ...how }) => {
      if (!options.network) return withBridge(onDial, (bridge) => run(argv, how, bridge));
      // The command listens on this machine's own loopback.
      onDial(dialLoopback);
      return run(argv, how, null);
    },
    homeHas: (name) => hasEntry(options.homeLayers?.upper ?? options.home, name),
    async close() {
      await executions.close();
      await shared?.close();
      await rootFs.remove();
    },
  };
}

async function readSwitch(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

/** The command that installs bubblewrap on this machine. */
async function installCommand(): Promise<string> {
  const release = await readSwitch('/etc/os-release');
  const isLike = (pattern: RegExp): boolean =>
    release.split('\n').some((line) => /^(?:ID|ID_LIKE)=/.test(line) && pattern.test(line));
  if (isLike(/alpine/)) return 'apk add bubblewrap';
  if (isLike(/fedora|rhel|centos/)) return 'dnf install bubblewrap';
  if (isLike(/arch/)) return 'pacman -S bubblewrap';
  if (isLike(/suse/)) return 'zypper install bubblewrap';
  return 'apt-get install bubblewrap';
}

/** What lifts the restriction that keeps bubblewrap from working here. */
async function liftCommand(): Promise<string | null> {
  if ((await readSwitch('/proc/sys/kernel/unprivileged_userns_clone')) === '0') {
    return 'sysctl -w kernel.unprivileged_userns_clone=1';
  }
  if ((await readSwitch('/proc/sys/user/max_user_namespaces')) === '0')
    return 'sysctl -w user.max_user_namespaces=15000';
  if ((await readSwitch('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    return 'sysctl -w kernel.apparmor_restrict_unprivileged_userns=0';
  }
  const isContainer = await access('/.dockerenv').then(
    () => true,
    () => false,
  );
  return isContainer
    ? 'start the container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined'
    : null;
}

/** Run in the probe's sandbox: an own user, an own process tree, a network with nothing but lo, a read-only system. */
const PROBE_SCRIPT = `[ "$(id -u)" = ${AGENT_UID} ] || { echo "no own user namespace"; exit 1; }
[ "$$" -le 9 ] || { echo "no own process tree"; exit 1; }
[ "$(grep -c : /proc/net/dev)" = 1 ] || { echo "the network is not closed"; exit 1; }
! touch /probe /usr/probe 2>/dev/null || { echo "the system is writable"; exit 1; }
touch ${WORKSPACE_PATH}/probe || { echo "the workspace is not writable"; exit 1; }`;

async function probe(program: string | null): Promise<SandboxProbe> {
  if (process.platform !== 'linux') {
    return { works: false, detail: `bubblewrap needs Linux, this is ${process.platform}`, fix: null };
  }
  if (program === null)
    return { works: false, detail: 'bubblewrap is not installed', fix: await installCommand() };
  const bounds = { timeoutMs: PROBE_TIMEOUT_MS, maxBytes: PROBE_MAX_BYTES };
  const version = await runProcess([program, '--version'], { ...bounds, cwd: '/', env: {} });
  const directory = await mkdtemp(join(tmpdir(), 'agent-runner-probe-'));
  try {
    const [workspace, home] = [join(directory, 'workspace'), join(directory, 'home')];
    await mkdir(workspace);
    await mkdir(home);
    const sandbox = await openSandbox(program, { workspace, home, env: {}, network: false });
    const result = await sandbox.exec(['/bin/sh', '-c', PROBE_SCRIPT], bounds);
    await sandbox.close();
    if (result.end === 'exited' && result.exitCode === 0)
      return { works: true, detail: version.stdout.trim(), fix: null };
    const said = result.message ?? (result.stdout.trim() || result.stderr.trim() || result.end);
    return { works: false, detail: `${version.stdout.trim() || program}: ${said}`, fix: await liftCommand() };
  } catch (error) {
    return { works: false, detail: error instanceof Error ? error.message : String(error), fix: null };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** What was found of programs that work, once a process: a try takes two of them, about 30 ms. */
const working = new Map<string, SandboxProbe>();

/**
 * Runs commands with bubblewrap. `program` is the absolute path of `bwrap`; without it the usual places are
 * searched. Opening throws `bad_configuration` for what can't be mounted, or where bubblewrap is missing.
 */
export function createBubblewrap(options: { readonly program?: string } = {}): SandboxAdapter {
  const find = async (): Promise<string | null> => options.program ?? (await findProgram());
  return {
    name: 'bubblewrap',
    isolation:
      'own processes, no host files but the system, toolchains and the workspace, no network unless opened',
    canMount: true,
    async probe() {
      const program = await find();
      const known = working.get(program ?? '');
      if (known !== undefined) return known;
      const found = await probe(program);
      // What does not work may be mended while we run; what worked once goes on working.
      if (found.works && program !== null) working.set(program, found);
      return found;
    },
    probeLayers: probeOverlay,
    async open(sandboxOptions) {
      const program = await find();
      if (program !== null) return openSandbox(program, sandboxOptions);
      throw new JobError('bad_configuration', 'sandbox: bubblewrap is not installed', {
        hint: await installCommand(),
      });
    },
  };
}
