/**
 * The `replay` agent: plays a recorded job's turns back, without a model. The files of a turn are laid by git inside
 * the sandbox, from one recorded tree to the next: contents, modes, links, deletions and what changed its kind.
 */
import { Cancelled, errorInfo, type ErrorInfo } from '../../job/error.ts';
import { turnKey, type RecordedTurn } from '../../job/recording/recording.ts';
import { PHASES, type Usage } from '../../job/step.ts';
import type { Sandbox } from '../../sandbox/sandbox.ts';
import type { Agent, AgentContext, AgentReply, AgentTurn } from '../agent.ts';
import { plainText } from '../handover.ts';

/** What is played back. */
export interface Playback {
  /** Absolute path of a bare repository of the runner's own with the recorded trees. */
  readonly repository: string;
  readonly turns: readonly RecordedTurn[];
  /** Why the recorded job ended; `null` where it ended well. */
  readonly error: ErrorInfo | null;
}

/** Nothing is spent, whatever the recorded turn had cost. */
const USAGE: Usage = { cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 1 };
const KEPT_BYTES = 64 * 1024;

type Turned = Pick<RecordedTurn, 'phase' | 'number'>;

/** Endings that come between two turns: a cap that the turns themselves do not tell of. */
const BETWEEN_TURNS: ReadonlySet<string> = new Set(['budget_exceeded', 'timed_out', 'cancelled']);

/** No hook, filter, monitor or setting but git's own, wherever it runs; the same as the runner's own git has. */
const GIT = [
  'git',
  ...[
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.symlinks=true',
    'core.autocrlf=false',
    'core.safecrlf=false',
    'core.attributesFile=/dev/null',
    'submodule.recurse=false',
  ].flatMap((setting) => ['-c', setting]),
  // The repository and the workspace.
  '--git-dir="$1"',
  '--work-tree=.',
].join(' ');

/**
 * From tree `$2` to tree `$3`. The index is made anew, so that a turn that was cut off and begins again is laid whole;
 * what lies in the way of a file is replaced. Links are never followed out of the workspace: git looks at every folder.
 */
const LAY = `rm -f "$GIT_INDEX_FILE" "$GIT_INDEX_FILE.lock" && ${GIT} read-tree "$2" && ${GIT} read-tree --reset -u "$2" "$3" && rm -f "$GIT_INDEX_FILE"`;

async function lay(
  playback: Playback,
  trees: NonNullable<RecordedTurn['trees']>,
  turn: AgentTurn,
  context: AgentContext,
): Promise<ErrorInfo | null> {
  const { sandbox, signal, logPath } = context;
  const argv = ['sh', '-c', LAY, 'replay', playback.repository, trees.before, trees.after] as const;
  const result = await sandbox.exec(argv, {
    env: environment(sandbox),
    timeoutMs: turn.timeoutMs,
    maxBytes: KEPT_BYTES,
    logPath,
    maxLogBytes: KEPT_BYTES,
    signal,
  });
  if (result.end === 'cancelled' || signal.aborted) throw new Cancelled();
  if (result.end === 'exited' && result.exitCode === 0) return null;
  if (result.end === 'timeout')
    return errorInfo('timed_out', `git ran longer than ${turn.timeoutMs} ms`, 'raise timeout_s');
  const said = result.message ?? plainText(result.stderr).slice(0, 2000);
  return errorInfo('agent_failed', `the files of the recording could not be laid: ${said}`);
}

function environment(sandbox: Sandbox): Record<string, string> {
  return {
    GIT_INDEX_FILE: `${sandbox.homePath}/.replay-index`,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    LC_ALL: 'C',
  };
}

/** Tells again what the agent told, and what the turn had cost: shown, and counted nowhere. */
function retell(recorded: RecordedTurn, onEvent: AgentContext['onEvent']): void {
  for (const { type, data } of recorded.events)
    onEvent(type, type === 'usage' ? { recorded: data } : { ...data, replayed: true });
  for (const notice of recorded.cut) onEvent('message', { notice: `not whole in the recording: ${notice}` });
  if (recorded.usage !== null) onEvent('usage', { recorded: recorded.usage });
}

/** Whether a turn comes before another in the life of a job. */
function isBefore(one: Turned, other: Turned): boolean {
  const [first, second] = [PHASES.indexOf(one.phase), PHASES.indexOf(other.phase)];
  return first === second ? one.number < other.number : first < second;
}

/** What a job gets that asks for a turn which was never recorded. */
function beyond({ turns, error }: Playback, asked: Turned): ErrorInfo {
  const isAtEnd = turns.every((turn) => isBefore(turn, asked));
  if (isAtEnd && error !== null && BETWEEN_TURNS.has(error.code)) return error;
  const count = turns.filter((turn) => turn.phase === asked.phase).length;
  return errorInfo(
    'agent_failed',
    `the recording has no turn ${asked.number} of ${asked.phase}`,
    `it has ${count}: the gate or the procedure asks for more than when the job was recorded`,
  );
}

function endingOf({ ending }: RecordedTurn): AgentReply {
  if (!ending.ok) return { ok: false, error: ending.error, usage: USAGE };
  const { summary, question, session_id: sessionId } = ending;
  return { ok: true, summary, question, sessionId, usage: USAGE };
}

/** Makes the agent that plays a recording back, each turn by its phase and number. */
export function createReplayAgent(playback: Playback): Agent {
  const recorded = new Map(playback.turns.map((turn) => [turnKey(turn), turn]));
  return {
    name: 'replay',
    modelless: true,
    needs: { readOnlyPaths: [playback.repository], mounts: [], env: {}, dialects: [] },
    check: async () => ({ ready: true, detail: `plays ${recorded.size} recorded turns back`, fix: null }),
    async run(turn, context): Promise<AgentReply> {
      if (context.signal.aborted) throw new Cancelled();
      const asked = { phase: turn.phase, number: turn.number ?? 1 };
      const found = recorded.get(turnKey(asked));
      if (found === undefined) return { ok: false, error: beyond(playback, asked), usage: USAGE };
      retell(found, context.onEvent);
      if (found.trees !== null && turn.phase === 'build') {
        const failed = await lay(playback, found.trees, turn, context);
        if (failed !== null) return { ok: false, error: failed, usage: USAGE };
      }
      return endingOf(found);
    },
  };
}
