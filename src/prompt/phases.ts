/** What the phases tell one another: the prompts of explore and plan, and what build is told of their answers. */
import { MAX_SUBTASKS, type Plan } from '../job/phases/plan.ts';
import type { Turn } from '../job/step.ts';
import { cutToTokens } from './budget.ts';
import { fence, markUntrusted, oneLine, stripInvisible } from './untrusted.ts';

/** Most tokens of an exploration report that later turns are told. */
const REPORT_TOKENS = 4000;
const REASONING_TOKENS = 500;

/** What a turn that only looks is told to do: its part of the prompt after the task. */
export function lookPart(phase: 'explore' | 'plan'): string {
  return phase === 'explore' ? EXPLORE : PLAN;
}

const EXPLORE = [
  '## This turn: explore',
  'Change nothing: the workspace is read-only. Read files and run commands to find out what whoever does the task must know, and write a report of at most two pages:',
  '- which files and functions the task is about, with their paths, and how they work together;',
  '- how the repository does such things already: names, patterns, tests, helpers to use again;',
  '- which checks and tests cover the place, how one of them is run alone, and what of it is red now;',
  '- what could go wrong, what is unclear, and what must stay as it is.',
  'Say what you saw, not what you suppose. No advice that is not about this task, and no code of the solution.',
  'The summary is your report: write it to `$AGENT_RUNNER_OUT/summary.md`, or close with it as your last message.',
].join('\n');

const PLAN = [
  '## This turn: plan',
  `Change nothing: the workspace is read-only. Cut the task into pieces that are done one after the other, each by one prompt: 1 where it is simple, at most ${MAX_SUBTASKS} where it is not. A piece leaves the repository working, names what is to be done and where, and is no piece that only looks, tests or tidies up: tests belong to what they test.`,
  'Answer with this JSON and nothing else; it is your summary (`$AGENT_RUNNER_OUT/summary.md`, or your last message):',
  '```json',
  '{"reasoning": "why these pieces, in a few sentences", "subtasks": [{"name": "a few words", "task": "what to do, so that it can be done without having read the rest", "files": ["path/of/a/file"]}]}',
  '```',
].join('\n');

/** The report of the explore phase, as data. */
export function reportPart(report: string | null): string {
  if (report === null || report.trim() === '') return '';
  const cut = cutToTokens(stripInvisible(report), REPORT_TOKENS);
  return `## What was found out before\n${markUntrusted('report of the explore phase', cut)}`;
}

/** All pieces of a plan as a list; empty where the whole task is the only one. */
export function planPart(plan: Plan | null): string {
  if (plan === null || plan.problem !== null || plan.subtasks.length < 2) return '';
  const rows = plan.subtasks.map((one, at) => `${at + 1}. ${oneLine(one.name)}`);
  const why = plan.reasoning.trim() === '' ? [] : [cutToTokens(plan.reasoning, REASONING_TOKENS)];
  return ['## Plan', fence('pieces of the plan', [...why, ...rows].join('\n'))].join('\n');
}

/** The piece of the plan that a turn builds. */
export function subtaskPart(turn: Extract<Turn, { kind: 'subtask' }>): string {
  const files = turn.files.length === 0 ? [] : [`Files: ${turn.files.map((one) => oneLine(one)).join(', ')}`];
  const others =
    turn.of === 1
      ? []
      : [
          turn.number === 1
            ? 'The other pieces come after it: leave them.'
            : 'What the pieces before it changed is in the workspace; those after it come later.',
        ];
  return [
    `## Sub-task ${turn.number} of ${turn.of}: ${oneLine(turn.name)}`,
    'Do this piece of the task now, as far as it serves the task above.',
    ...others,
    fence('sub-task, from the plan', [turn.task, ...files].join('\n')),
  ].join('\n');
}
