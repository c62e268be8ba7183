/** Whether a job is explored and planned before it is built. Pure, so that every engine chooses alike. */
import { isWithoutBaseline } from '../in-place/in-place.ts';
import type { JobRequest } from '../request.ts';

/** What a caller may say about explore and plan; `auto` leaves it to the rule below. */
export const PHASES_MODES = ['auto', 'on', 'off'] as const;
export type PhasesMode = (typeof PHASES_MODES)[number];

/** Whether explore and plan run, and why, in words for the events. */
export interface PhaseChoice {
  readonly run: boolean;
  readonly reason: string;
}

/** Agents that do not plan by themselves, by the part of their name before a colon; all others do. */
const PLANNED_FOR: ReadonlySet<string> = new Set(['opencode', 'builtin']);
/** A task is simple up to this many characters and sentences, where it is no list. */
const SIMPLE_CHARS = 200;
const SIMPLE_SENTENCES = 2;
/** In so few files everything is found by looking. */
const SMALL_FILES = 20;

const LIST_ITEM = /^\s*(?:[-*+•]|\d{1,3}[.)])\s+\S/m;
const SENTENCE_END = /[.!?](?=\s|$)|[。！？]/g;

/** Why a task needs no plan; `null` where it may need one. */
function simpleBecause(task: string, files: number): string | null {
  if (files <= SMALL_FILES) return `the repository has ${files} ${files === 1 ? 'file' : 'files'}`;
  const text = task.trim();
  if (text.length > SIMPLE_CHARS || LIST_ITEM.test(text) || /\n\s*\n/.test(text)) return null;
  const sentences = Math.max(1, text.match(SENTENCE_END)?.length ?? 0);
  if (sentences > SIMPLE_SENTENCES) return null;
  return `${sentences === 1 ? 'one sentence' : `${sentences} sentences`} of ${text.length} characters`;
}

/**
 * The rule: what the caller says, else explore and plan for agents that do not plan by themselves, and not for
 * simple tasks (a short text without a list, or a repository of a few files).
 *
 * @param files tracked files of the base
 */
export function choosePhases(
  request: Pick<JobRequest, 'agent' | 'mode' | 'task' | 'in_place' | 'phases'>,
  files: number,
): PhaseChoice {
  const skip = (reason: string): PhaseChoice => ({ run: false, reason });
  if (request.mode === 'ask') return skip('a question is answered in one turn');
  if (isWithoutBaseline(request.in_place)) return skip('healing begins with the gate');
  const mode = request.phases?.mode ?? 'auto';
  if (mode === 'on') return { run: true, reason: 'asked for' };
  if (mode === 'off') return skip('switched off');
  const [agent = ''] = request.agent.split(':');
  if (!PLANNED_FOR.has(agent)) return skip(`${agent} plans by itself`);
  const simple = simpleBecause(request.task, files);
  if (simple !== null) return skip(`the task is simple: ${simple}`);
  return { run: true, reason: `${agent} does not plan by itself, and the task is not simple` };
}
