/** What a person is asked before a step begins. */
import type { ErrorInfo } from '../../error.ts';
import type { StepDefinition } from '../definition.ts';
import { fillTemplate } from '../expression/template.ts';
import type { Output } from '../run.ts';

/** Longest question, in characters: agents' words may be part of it, and it stands in lists and in the log. */
const MAX_QUESTION_CHARS = 16_000;

/**
 * The question of a step: its message with the outputs of other steps, or a sentence of the runner's where it has none, or
 * where nothing that can be read comes of it: what agents said may be empty, and nobody could answer an empty question.
 *
 * @returns the question, cut to 16,000 characters; `output_missing` for an output that is not there
 */
export function questionOf(
  { name, approval }: Pick<StepDefinition, 'name' | 'approval'>,
  outputOf: (step: string) => Output | null,
): { readonly text: string } | { readonly error: ErrorInfo } {
  const usual = `May the step ${name} begin?`;
  const filled = fillTemplate(approval?.message ?? usual, outputOf, 'person');
  if ('error' in filled) return filled;
  const text = filled.text.replaceAll('\0', '');
  if (!/[^\s\p{C}]/u.test(text)) return { text: usual };
  const isLong = text.length > MAX_QUESTION_CHARS;
  return { text: isLong ? `${text.slice(0, MAX_QUESTION_CHARS - 1).toWellFormed()}…` : text.toWellFormed() };
}
