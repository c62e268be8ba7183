/** How programs are told of a model: the variables that their SDKs and command lines read. */
import { MODEL_DIALECTS, type ModelDialect } from '../../job/model/call.ts';
import type { ModelAccess } from '../agent.ts';

interface Names {
  readonly baseUrl: readonly string[];
  readonly key: readonly string[];
  readonly model: readonly string[];
}

const OPENAI: Names = {
  baseUrl: ['OPENAI_BASE_URL', 'OPENAI_API_BASE'],
  key: ['OPENAI_API_KEY'],
  model: ['OPENAI_MODEL'],
};
const VARIABLES: Readonly<Record<ModelDialect, Names>> = {
  'openai-chat': OPENAI,
  'openai-responses': OPENAI,
  anthropic: { baseUrl: ['ANTHROPIC_BASE_URL'], key: ['ANTHROPIC_API_KEY'], model: ['ANTHROPIC_MODEL'] },
  gemini: { baseUrl: ['GOOGLE_GEMINI_BASE_URL'], key: ['GEMINI_API_KEY'], model: ['GEMINI_MODEL'] },
};
const ANY: Names = { baseUrl: ['LLM_BASE_URL'], key: ['LLM_API_KEY'], model: ['LLM_MODEL'] };

/** The URL in a dialect; `null` where the model's provider does not speak it. */
function urlIn(model: ModelAccess, dialect: ModelDialect): string | null {
  try {
    return model.baseUrl(dialect);
  } catch {
    return null;
  }
}

/**
 * The variables that lead a program to the gateway, in every dialect the model's provider speaks, with the job's
 * token in the place of the key.
 *
 * @param own variables that the user admitted: a dialect whose key is among them is left as the user has it
 */
export function modelVariables(
  model: ModelAccess | null | undefined,
  own: Readonly<Record<string, string>>,
): Record<string, string> {
  if (model == null) return {};
  const spoken = MODEL_DIALECTS.flatMap((dialect) => {
    const url = urlIn(model, dialect);
    return url === null ? [] : [{ names: VARIABLES[dialect], url }];
  });
  const [first] = spoken;
  const all = first === undefined ? [] : [{ names: ANY, url: first.url }, ...spoken];
  const pairs = all
    .filter(({ names }) => ![...names.baseUrl, ...names.key].some((name) => Object.hasOwn(own, name)))
    .flatMap(({ names, url }) => [
      ...names.baseUrl.map((name) => [name, url]),
      ...names.key.map((name) => [name, model.token]),
      ...names.model.map((name) => [name, model.model]),
    ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}
