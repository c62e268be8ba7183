/** The declared form of an agent's closing message: a tool that takes it, checked by the schema. */
import { z } from 'zod';
import { JobError } from '../../job/error.ts';
import type { Fields } from '../../job/text/json.ts';

/** The name of the tool with which an agent gives its answer. */
export const ANSWER_TOOL = 'answer';
/** How often an agent is told that its answer is missing. */
export const MAX_REMINDERS = 2;
export const REMINDER: string = `You ended without your answer. Give it by calling ${ANSWER_TOOL}.`;

/**
 * Makes a check of a JSON schema.
 *
 * @throws JobError `bad_configuration`: the schema says something that can't be checked
 */
export function checkerOf(name: string, schema: Fields): z.ZodType {
  try {
    return z.fromJSONSchema(schema);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError('bad_configuration', `agents.${name}.output: ${why.slice(0, 300)}`, {
      hint: 'take a simpler JSON schema: types, properties, required, enum, items',
    });
  }
}
