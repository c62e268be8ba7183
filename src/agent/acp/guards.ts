/** Bounds of one turn that agents can't be trusted to keep: one made 1,000 equal calls and reported success. */
import { errorInfo, type ErrorInfo } from '../../job/error.ts';
import type { ToolCall } from './updates.ts';

/** Equal tool calls in a row that end a turn, and equal ones of which only a title is known. */
const MAX_EQUAL_CALLS = 4;
const MAX_EQUAL_TITLES = 16;
/** Tool calls of one turn. */
const MAX_CALLS = 1_000;
/** Questions for permission in one turn, and equal ones in a row. */
const MAX_PERMISSIONS = 1_000;
const MAX_EQUAL_PERMISSIONS = 8;

/** Watches one turn; every method returns why the turn must end, or `null`. */
export interface Guards {
  callEnded(call: Pick<ToolCall, 'kind' | 'title' | 'input' | 'diffs'>): ErrorInfo | null;
  /** @param what what the agent asks for, so that equal questions are recognised */
  permissionAsked(what: string): ErrorInfo | null;
}

/** Counts equal values in a row. */
function createRow(): (value: string) => number {
  let [last, count]: [string | null, number] = [null, 0];
  return (value) => {
    count = value === last ? count + 1 : 1;
    last = value;
    return count;
  };
}

const HINT = 'see what it repeats in `logs`; a clearer task, another model or another agent may help';

/** Makes the guards of one turn. */
export function createGuards(): Guards {
  const [equalCalls, equalPermissions] = [createRow(), createRow()];
  let [calls, permissions] = [0, 0];
  return {
    callEnded({ kind, title, input, diffs }) {
      calls++;
      const isTold = input !== '' && input !== '{}';
      const key = JSON.stringify([kind, isTold ? input : title, diffs]);
      const equal = equalCalls(key);
      if (equal >= (isTold ? MAX_EQUAL_CALLS : MAX_EQUAL_TITLES)) {
        const message = `the agent made the same tool call ${equal} times in a row: ${title === '' ? kind : title}`;
        return errorInfo('agent_failed', message, HINT);
      }
      if (calls <= MAX_CALLS) return null;
      return errorInfo('agent_failed', `the agent made more than ${MAX_CALLS} tool calls in one turn`, HINT);
    },
    permissionAsked(what) {
      permissions++;
      const equal = equalPermissions(what);
      if (equal < MAX_EQUAL_PERMISSIONS && permissions <= MAX_PERMISSIONS) return null;
      const times = equal < MAX_EQUAL_PERMISSIONS ? `${permissions} times` : `${equal} times for the same`;
      return errorInfo(
        'agent_failed',
        `the agent asked for permission ${times}, although it was answered`,
        HINT,
      );
    },
  };
}
