/** What follows where a step's agent says that it is done, and something of the step is still missing. */
import { errorInfo, type ErrorInfo } from '../../error.ts';
import type { Entry, Turn } from '../../step.ts';

/** One more turn for the agent, or the end; `null` where nothing is owed. */
export type OwedDecision = { readonly turn: Turn } | { readonly error: ErrorInfo } | null;

/** Owed things that an error names. */
const MAX_NAMED = 5;

/**
 * Decides after a build that ended well: what is missing is asked for once, in a turn of its own; what is missing after
 * that, the step fails by.
 */
export function decideOwed(history: readonly Entry[]): OwedDecision {
  const last = history.at(-1);
  const owed = last?.step === 'build' && last.result.ok ? (last.result.owed ?? []) : [];
  const [first] = owed;
  if (first === undefined) return null;
  const wasTold = history.some((entry) => entry.step === 'build' && entry.input.turn.kind === 'owed');
  if (!wasTold) return { turn: { kind: 'owed', owed } };
  const named = owed
    .slice(0, MAX_NAMED)
    .map(({ kind, name, why }) => `${kind === 'output' ? 'output ' : ''}${JSON.stringify(name)} ${why}`);
  const more = owed.length > MAX_NAMED ? [`and ${owed.length - MAX_NAMED} more`] : [];
  const message = [...named, ...more].join('; ');
  return first.kind === 'conflict'
    ? {
        error: errorInfo(
          'conflict',
          message,
          'read what both steps were about, and make the order between them explicit with depends_on',
        ),
      }
    : {
        error: errorInfo('agent_failed', message, 'say in the task what the output is, or make it optional'),
      };
}
