/** One step of a definition, as far as it can be read without the others. */
import { parseTask } from '../../request.ts';
import { isFields } from '../../text/json.ts';
import {
  APPROVAL_FIELDS,
  ON_FAILURE,
  OUTPUT_FIELDS,
  OUTPUT_TYPES,
  STEP_FIELDS,
  type Approval,
  type OutputPromise,
  type StepDefinition,
} from '../definition.ts';
import { DEFAULT_OUTPUTS, OUTPUT_NAME, STEP_NAME } from '../reference.ts';
import { shown, type Path, type Problems } from './problem.ts';
import {
  fieldOf,
  isAbsent,
  readBudget,
  readFields,
  readFlag,
  readList,
  readName,
  readOneOf,
  readPeople,
  readPolicy,
  readText,
} from './values.ts';

/** Most outputs that a step may promise, and longest description of one, in characters. */
const MAX_OUTPUTS = 50;
const MAX_DESCRIPTION_CHARS = 1000;

/** The name of a step; a name that is wrong is kept, so that what names it is not refused as well. */
function readStepName(value: unknown, path: Path, problems: Problems): string {
  const form = 'give 1 to 64 letters, digits, "-" or "_", a letter or digit first';
  if (isAbsent(value)) {
    problems.add(path, 'it is missing', form);
    return '';
  }
  const name = readText(value, path, problems);
  if (name !== null && !STEP_NAME.test(name)) problems.add(path, `${shown(name)} is no name`, form);
  return name ?? '';
}

function readTask(value: unknown, path: Path, problems: Problems): string {
  if (isAbsent(value)) {
    problems.add(path, 'it is missing', 'say in a sentence what the step does');
    return '';
  }
  const text = readText(value, path, problems);
  return (text === null ? null : problems.attempt(path, () => parseTask(text))) ?? '';
}

/** `true`, a name, a list of names, or an object; absent and `false` are no approval. */
function readApproval(value: unknown, path: Path, problems: Problems): Approval | null {
  if (isAbsent(value) || value === false) return null;
  if (value === true) return { approvers: [], message: null };
  if (typeof value === 'string' || Array.isArray(value))
    return { approvers: readPeople(value, path, problems), message: null };
  if (!isFields(value)) {
    const hint = 'give true, a name, a list of names, or an object with approvers and message';
    problems.add(path, `${shown(value)} is no approval`, hint);
    return null;
  }
  const fields = readFields(value, path, APPROVAL_FIELDS, 'approval', problems) ?? {};
  const message = fieldOf(fields, 'message');
  const text = isAbsent(message) ? null : readText(message, [...path, 'message'], problems);
  return {
    approvers: readPeople(fieldOf(fields, 'approvers'), [...path, 'approvers'], problems),
    message: text === null ? null : problems.attempt([...path, 'message'], () => parseTask(text)),
  };
}

/** A type alone, or an object. */
function readPromise(value: unknown, path: Path, problems: Problems): OutputPromise {
  if (typeof value === 'string') {
    const type = readOneOf(value, path, OUTPUT_TYPES, 'string', problems);
    return { type, description: null, optional: false };
  }
  const fields = readFields(value, path, OUTPUT_FIELDS, 'promised output', problems) ?? {};
  const type = fieldOf(fields, 'type');
  if (isFields(value) && isAbsent(type))
    problems.add([...path, 'type'], 'it is missing', `give one of ${OUTPUT_TYPES.join(', ')}`);
  const described = fieldOf(fields, 'description');
  const description = isAbsent(described) ? null : readText(described, [...path, 'description'], problems);
  if (description !== null && description.length > MAX_DESCRIPTION_CHARS) {
    const message = `${description.length} characters are too long (at most ${MAX_DESCRIPTION_CHARS})`;
    problems.add([...path, 'description'], message);
  }
  return {
    type: readOneOf(type, [...path, 'type'], OUTPUT_TYPES, 'string', problems),
    description,
    optional: readFlag(fieldOf(fields, 'optional'), [...path, 'optional'], problems),
  };
}

function readOutputs(value: unknown, path: Path, problems: Problems): StepDefinition['outputs'] {
  if (isAbsent(value)) return null;
  if (!isFields(value)) {
    problems.add(path, `${shown(value)} promises nothing`, 'give an object: outputs: {count: integer}');
    return null;
  }
  const names = Object.keys(value);
  if (names.length > MAX_OUTPUTS) {
    problems.add(path, `${names.length} outputs are too many (at most ${MAX_OUTPUTS})`);
    return {};
  }
  return Object.fromEntries(
    names.map((name) => {
      const at = [...path, name];
      if (!OUTPUT_NAME.test(name))
        problems.add(at, 'it is no name of an output', 'give 1 to 64 letters, digits, "-" or "_"');
      if (DEFAULT_OUTPUTS.some((known) => known === name))
        problems.add(at, 'every step has this output', 'leave it out, or take another name');
      return [name, readPromise(value[name], at, problems)];
    }),
  );
}

/** Reads one step; what is wrong is noted, and stands as if it were not there. */
export function readStep(value: unknown, path: Path, problems: Problems): StepDefinition {
  const fields = readFields(value, path, STEP_FIELDS, 'step', problems);
  const get = (name: (typeof STEP_FIELDS)[number]): unknown =>
    fields === null ? undefined : fieldOf(fields, name);
  const at = (name: (typeof STEP_FIELDS)[number]): Path => [...path, name];
  const condition = get('condition');
  return {
    name: fields === null ? '' : readStepName(get('name'), at('name'), problems),
    task: fields === null ? '' : readTask(get('task'), at('task'), problems),
    mode: readOneOf(get('mode'), at('mode'), ['change', 'ask'], 'change', problems),
    depends_on: readList(get('depends_on'), at('depends_on'), problems),
    on_failure: readOneOf(get('on_failure'), at('on_failure'), ON_FAILURE, 'stop', problems),
    condition: isAbsent(condition) ? null : readText(condition, at('condition'), problems),
    approval: readApproval(get('approval'), at('approval'), problems),
    agent: readName(get('agent'), at('agent'), problems),
    model: readName(get('model'), at('model'), problems),
    outputs: readOutputs(get('outputs'), at('outputs'), problems),
    policy: readPolicy(get('policy'), at('policy'), problems),
    budget: readBudget(get('budget'), at('budget'), problems),
  };
}
