/**
 * Writes down what an agent does, one file a turn. A file appears whole or not at all, so that a killed process leaves
 * no half of a turn; the trees that it names lie in the job's own repository, and come to the saved work with it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentContext, AgentReply } from '../../agent/agent.ts';
import {
  AGENT_EVENT_TYPES,
  isShallow,
  MAX_EVENT_CHARS,
  MAX_RECORDED_EVENTS,
  MAX_RECORDED_TURNS,
  MAX_REPLY_CHARS,
  MAX_SESSION_CHARS,
  RECORDING_VERSION,
  turnKey,
  type RecordedEnding,
  type RecordedEvent,
  type RecordedTurn,
} from '../../job/recording/recording.ts';
import type { JobContext } from '../context.ts';
import { cleanData } from '../engine/journal.ts';

/** A plan's names are shorter. */
const MAX_WHY_CHARS = 500;

/** What is known of a turn when it begins. */
export type TurnBegun = Pick<RecordedTurn, 'phase' | 'why' | 'agent' | 'model' | 'answer'> & {
  /** Key of its step, such as `build-2`. */
  readonly key: string;
  readonly prompt: string;
};

/** The recording of one turn. */
export interface TurnRecorder {
  /** Takes an event as the agent told it. */
  readonly onEvent: AgentContext['onEvent'];
  /** Writes the turn. Never fails: a turn that can't be recorded costs the recording and not the job. */
  end(reply: AgentReply, trees: RecordedTurn['trees']): Promise<void>;
}

/** Which turn of its phase a step is. */
export function turnNumber(key: string): number {
  return Number(/-(\d+)$/.exec(key)?.[1] ?? 1);
}

/** The first half and the last of what came, within both bounds. */
function createEventLog(): { add(event: RecordedEvent): void; close(): [RecordedEvent[], number] } {
  const head: { readonly event: RecordedEvent; readonly chars: number }[] = [];
  const tail: typeof head = [];
  let [headChars, tailChars, dropped] = [0, 0, 0];
  return {
    add(event) {
      const chars = JSON.stringify(event).length;
      const isEarly = dropped === 0 && tail.length === 0;
      if (isEarly && head.length < MAX_RECORDED_EVENTS / 2 && headChars + chars <= MAX_EVENT_CHARS / 2) {
        headChars += chars;
        head.push({ event, chars });
        return;
      }
      tail.push({ event, chars });
      tailChars += chars;
      while (tail.length > MAX_RECORDED_EVENTS / 2 || tailChars > MAX_EVENT_CHARS / 2) {
        tailChars -= tail.shift()?.chars ?? 0;
        dropped++;
      }
    },
    close: () => [[...head, ...tail].map(({ event }) => event), dropped],
  };
}

/** Text masked and within its bound; what is cut is noted. */
function bounded(text: string, what: string, mask: (text: string) => string, cut: string[]): string {
  const masked = mask(text);
  if (masked.length <= MAX_REPLY_CHARS) return masked;
  cut.push(`${what}: ${MAX_REPLY_CHARS} of ${masked.length} characters are kept`);
  return masked.slice(0, MAX_REPLY_CHARS).toWellFormed();
}

function endingOf(reply: AgentReply, mask: (text: string) => string, cut: string[]): RecordedEnding {
  if (!reply.ok) {
    const { message, hint } = reply.error;
    const said = bounded(message, 'error', mask, cut);
    return {
      ok: false,
      error: { ...reply.error, message: said, hint: hint === null ? null : bounded(hint, 'hint', mask, cut) },
    };
  }
  const { sessionId } = reply;
  return {
    ok: true,
    summary: bounded(reply.summary, 'closing message', mask, cut),
    question: reply.question === null ? null : bounded(reply.question, 'question', mask, cut),
    session_id: sessionId !== null && sessionId.length <= MAX_SESSION_CHARS ? sessionId : null,
  };
}

async function writeTurn(folder: string, turn: RecordedTurn): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${turnKey(turn)}.json`);
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(building, `${JSON.stringify(turn)}\n`);
    await rename(building, path);
  } catch (error) {
    await rm(building, { force: true });
    throw error;
  }
}

/** Forgets what an earlier try of a step wrote, whose result was never stored: that turn did not happen. */
export async function forgetTurn({ paths }: JobContext, key: string): Promise<void> {
  await rm(join(paths.turns, `${key}.json`), { force: true });
}

/** Begins to record a turn; nothing is written before its end. */
export function recordTurn(context: JobContext, begun: TurnBegun): TurnRecorder {
  const { journal, mask, paths } = context;
  const started = new Date().toISOString();
  const { key, prompt, ...known } = begun;
  const log = createEventLog();
  return {
    onEvent(type, data) {
      const own = AGENT_EVENT_TYPES.find((one) => one === type);
      if (own === undefined || !isShallow(data)) return;
      log.add({ type: own, data: cleanData(data, mask) as RecordedEvent['data'] });
    },
    async end(reply, trees) {
      const [events, dropped] = log.close();
      const cut = dropped === 0 ? [] : [`events: ${dropped} in the middle are left out`];
      const answer = known.answer === null ? null : bounded(known.answer, 'answer', mask, cut);
      const turn: RecordedTurn = {
        ...known,
        why: known.why.slice(0, MAX_WHY_CHARS),
        version: RECORDING_VERSION,
        number: turnNumber(key),
        answer,
        prompt: { sha256: createHash('sha256').update(prompt).digest('hex'), chars: prompt.length },
        started_at: started,
        ended_at: new Date().toISOString(),
        trees,
        events,
        ending: endingOf(reply, mask, cut),
        usage: reply.usage,
        cut,
      };
      try {
        const names = await readdir(paths.turns).catch(() => []);
        if (names.length >= MAX_RECORDED_TURNS)
          throw new Error(`${MAX_RECORDED_TURNS} turns are recorded, and no more`);
        await writeTurn(paths.turns, turn);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        journal.emit('message', begun.phase, { notice: `${key} could not be recorded: ${why}` });
      }
    },
  };
}
