/** One turn of a command whose stream is known: its events, its guards, its usage, and why it failed after all. */
import { errorInfo, type ErrorInfo } from '../../../job/error.ts';
import { shellWord } from '../../../job/text/shell.ts';
import type { Usage } from '../../../job/step.ts';
import { createGuards } from '../../acp/guards.ts';
import type { AgentContext, AgentTurn } from '../../agent.ts';
import { plainText } from '../../handover.ts';
import { modelErrorIn } from '../model-error.ts';
import type { CommandStream, Spent } from './stream.ts';
import { createStreamReader, streamOf } from './streams.ts';

/** Where a command line takes the words that go on with a session. */
const RESUME = '{resume}';

/** What is known of the streams of one agent, from turn to turn. */
export interface CommandStreams {
  /** Takes up the stream of one turn. */
  begin(turn: AgentTurn, context: AgentContext): StreamTurn;
}

/** The stream of one turn. */
export interface StreamTurn {
  /** The command line of this turn, with the words for its session. */
  readonly command: string;
  /** Aborted when a guard ends the turn. */
  readonly signal: AbortSignal;
  push(text: string): void;
  /** What it said, when it has ended; `null` when it printed no stream after all. */
  end(): StreamEnd | null;
}

/** What a stream said of its turn. */
export interface StreamEnd {
  readonly message: string;
  readonly sessionId: string | null;
  readonly usage: Usage;
  /** Why the turn failed, by its own words or by a guard, whatever its exit code says. */
  readonly error: ErrorInfo | null;
}

/** What one turn took: as told, or what the session's total has grown by. */
function difference(turn: number | null, total: number | null, before: number | null): number | null {
  if (turn !== null) return turn;
  return total === null || before === null || total < before ? null : total - before;
}

function usageOf({ turn, total }: { turn: Spent; total: Spent }, before: Spent): Usage {
  const cost = difference(turn.costUsd, total.costUsd, before.costUsd);
  return {
    // 0 from an agent that knows no price is no price.
    cost_usd: cost === 0 ? null : cost,
    tokens_in: difference(turn.input, total.input, before.input),
    tokens_out: difference(turn.output, total.output, before.output),
    turns: 1,
  };
}

function withSession(command: string, stream: CommandStream, sessionId: string | null): string {
  const words = stream.resume(sessionId).map((word) => shellWord(word));
  return command.replaceAll(RESUME, () => words.join(' '));
}

const NEW: Spent = { input: 0, output: 0, costUsd: 0 };
const UNKNOWN: Spent = { input: null, output: null, costUsd: null };

/**
 * The streams of a command line, where it is one of a known agent that is told to print JSON; else `null`.
 *
 * @param command `{resume}` in it becomes the words that go on with a session
 */
export function commandStreams(command: string): CommandStreams | null {
  const stream = /json/.test(command) ? streamOf(command) : null;
  if (stream === null) return null;
  /** What sessions had taken in all when their last turn ended. */
  const totals = new Map<string, Spent>();
  return {
    begin(turn, context) {
      const guards = createGuards();
      const stop = new AbortController();
      const sessionId = command.includes(RESUME) ? turn.sessionId : null;
      let stopped: ErrorInfo | null = null;
      const reader = createStreamReader(stream, {
        onSession: (id) => context.onSession?.(id),
        onCall(title, input) {
          stopped ??= guards.callEnded({ kind: title, title, input, diffs: [] });
          if (stopped !== null) stop.abort();
        },
        emit: (type, data) => context.onEvent(type, data),
      });
      const errorOf = (message: string): ErrorInfo | null => {
        const said = reader.error() ?? modelErrorIn(message, reader.hasWorked());
        if (said === null) return null;
        const words = `the agent reports an error: ${plainText(said).slice(0, 2000)}`;
        return errorInfo(
          'agent_failed',
          words,
          'see that its key is valid, its model exists and its limits are not used up',
        );
      };
      return {
        command: withSession(command, stream, sessionId),
        signal: stop.signal,
        push: (text) => reader.push(text),
        end() {
          reader.end();
          if (!reader.isKnown()) return null;
          const id = reader.sessionId();
          const isResumed = id !== null && id === sessionId;
          const before = (id === null ? undefined : totals.get(id)) ?? (isResumed ? UNKNOWN : NEW);
          const spent = reader.spent();
          if (id !== null) totals.set(id, spent.total);
          const message = plainText(reader.message());
          return {
            message,
            sessionId: id,
            usage: usageOf(spent, before),
            error: stopped ?? errorOf(message),
          };
        },
      };
    },
  };
}
