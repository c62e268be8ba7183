/** Agents that a user declares: what a declaration may say. Pure; where declarations lie, `config/agents.ts` knows. */
import { JobError } from '../error.ts';
import { isFields, type Fields } from '../text/json.ts';

/** The tools of agents that run in our own process. */
export const BUILTIN_TOOLS = ['read', 'write', 'edit', 'list', 'grep', 'shell'] as const;
export type BuiltinTool = (typeof BUILTIN_TOOLS)[number];

/** One declared agent, as it is used. */
export interface DeclaredAgent {
  readonly name: string;
  /** `provider/model`, which holds whatever the job asks for; `null`: the job's. */
  readonly model: string | null;
  /** What it is told besides the task. */
  readonly instructions: string | null;
  readonly tools: readonly BuiltinTool[];
  /** JSON schema of its closing message; `null`: any text. */
  readonly output: Fields | null;
  /** Most tokens of one answer; `null`: what the model's provider takes. */
  readonly maxOutputTokens: number | null;
  /** Tokens its model can read at once; `null`: those of the configuration. */
  readonly modelWindow: number | null;
}

/** What the agent `builtin` is: every tool, the job's model, no further instructions. */
export const DEFAULT_BUILTIN: DeclaredAgent = {
  name: 'builtin',
  model: null,
  instructions: null,
  tools: BUILTIN_TOOLS,
  output: null,
  maxOutputTokens: null,
  modelWindow: null,
};

const FIELDS = ['kind', 'model', 'instructions', 'tools', 'output', 'max_output_tokens', 'model_window'];
/** Fields that are planned: refused by name, so that nobody takes them for a typing error or for working. */
const NOT_YET: ReadonlySet<string> = new Set(['mcp_servers', 'skills', 'sub_agents']);
const NAME = /^[a-z][a-z0-9_-]{0,49}$/;
const MAX_INSTRUCTIONS_CHARS = 32_000;
const MAX_SCHEMA_CHARS = 32_000;

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 200);
}

/** Reads one field, or says what came and what is allowed. */
type Reader = <T>(field: string, fallback: T, allowed: string, read: (value: unknown) => T | undefined) => T;

function readerOf(fields: Fields, path: string, where: string): Reader {
  return (field, fallback, allowed, read) => {
    const value = fields[field];
    if (value === undefined || value === null) return fallback;
    const known = read(value);
    if (known !== undefined) return known;
    throw new JobError(
      'bad_configuration',
      `${path}.${field}: ${shown(value)} from ${where} is not allowed (allowed: ${allowed})`,
      { hint: `change it in ${where}` },
    );
  };
}

function textUpTo(maxChars: number): (value: unknown) => string | undefined {
  return (value) =>
    typeof value === 'string' && value.trim() !== '' && value.length <= maxChars ? value : undefined;
}

function wholeFrom(min: number, max: number): (value: unknown) => number | undefined {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
}

function toolsOf(value: unknown): readonly BuiltinTool[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const known = value.map((one) => BUILTIN_TOOLS.find((tool) => tool === one));
  return known.every((one) => one !== undefined) ? [...new Set(known)] : undefined;
}

function schemaOf(value: unknown): Fields | undefined {
  const isSchema = isFields(value) && value['type'] === 'object' && isFields(value['properties']);
  return isSchema && JSON.stringify(value).length <= MAX_SCHEMA_CHARS ? value : undefined;
}

function checkFields(fields: Fields, path: string, where: string): void {
  for (const field of Object.keys(fields)) {
    if (FIELDS.includes(field)) continue;
    const why = NOT_YET.has(field) ? 'does not exist yet' : 'is no field of an agent';
    throw new JobError(
      'bad_configuration',
      `${path}.${field.slice(0, 100)} from ${where} ${why} (allowed: ${FIELDS.join(', ')})`,
      { hint: `take it out of ${where}` },
    );
  }
  if (fields['kind'] === 'builtin') return;
  const came = fields['kind'] === undefined ? 'it is missing' : `${shown(fields['kind'])} is not allowed`;
  throw new JobError('bad_configuration', `${path}.kind: ${came} in ${where} (allowed: builtin)`, {
    hint: `write kind: builtin in ${where}`,
  });
}

/**
 * Reads a declaration.
 *
 * @param where file, or file and line, for errors
 * @throws JobError `bad_configuration` that names the field, what came and what is allowed
 */
export function parseDeclaredAgent(name: string, value: unknown, where: string): DeclaredAgent {
  const path = `agents.${name.slice(0, 100)}`;
  if (!NAME.test(name))
    throw new JobError(
      'bad_configuration',
      `${path} from ${where}: the name is not allowed (allowed: small letters, digits, - and _, from a letter on)`,
    );
  if (!isFields(value))
    throw new JobError('bad_configuration', `${path}: ${shown(value)} from ${where} is no agent`, {
      hint: `allowed is a map of ${FIELDS.join(', ')}`,
    });
  checkFields(value, path, where);
  const read = readerOf(value, path, where);
  return {
    name,
    model: read<string | null>('model', null, 'provider/model', textUpTo(300)),
    instructions: read<string | null>(
      'instructions',
      null,
      `text of at most ${MAX_INSTRUCTIONS_CHARS} characters`,
      textUpTo(MAX_INSTRUCTIONS_CHARS),
    ),
    tools: read('tools', BUILTIN_TOOLS, `a list of ${BUILTIN_TOOLS.join(', ')}`, toolsOf),
    output: read<Fields | null>(
      'output',
      null,
      `a JSON schema of type object with properties, at most ${MAX_SCHEMA_CHARS} characters`,
      schemaOf,
    ),
    maxOutputTokens: read<number | null>(
      'max_output_tokens',
      null,
      'a whole number from 1 to 1000000',
      wholeFrom(1, 1e6),
    ),
    modelWindow: read<number | null>(
      'model_window',
      null,
      'a whole number from 1000 to 100000000',
      wholeFrom(1000, 1e8),
    ),
  };
}
