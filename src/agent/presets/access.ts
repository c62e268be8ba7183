/** The way to a model that the user admits by variables, where no gateway is configured. */
import { JobError } from '../../job/error.ts';
import type { AgentContext, AgentTurn, ModelAccess } from '../agent.ts';

/** Variables that name an endpoint of the OpenAI kind, its key and its model. */
const [BASE_URL, API_KEY, MODEL] = ['LLM_BASE_URL', 'LLM_API_KEY', 'LLM_MODEL'] as const;

/** Whether variables that an agent is given name a model's endpoint. */
export function namesModel(env: Readonly<Record<string, string>>): boolean {
  return (env[BASE_URL] ?? '') !== '';
}

/**
 * The model of one turn: the gateway's, else the endpoint that the agent's variables name (`LLM_BASE_URL`, with
 * `LLM_API_KEY` and `LLM_MODEL`), else `null`: then the agent has its own login. The one place that knows which.
 *
 * @throws JobError `bad_configuration` for an endpoint without a model
 */
export function modelOf(
  context: Pick<AgentContext, 'model'>,
  turn: Pick<AgentTurn, 'model'>,
  env: Readonly<Record<string, string>>,
): ModelAccess | null {
  if (context.model !== undefined && context.model !== null) return context.model;
  if (!namesModel(env)) return null;
  const url = (env[BASE_URL] ?? '').replace(/\/+$/, '');
  const model = turn.model ?? env[MODEL] ?? '';
  if (model === '') {
    throw new JobError('bad_configuration', `model: none is given, and ${BASE_URL} serves no default`, {
      hint: `give --model or set ${MODEL}`,
    });
  }
  return {
    // One endpoint for all dialects, under the path that each has by custom.
    baseUrl: (dialect) => (dialect === 'anthropic' || dialect === 'gemini' ? url.replace(/\/v1$/, '') : url),
    token: env[API_KEY] ?? 'none',
    model,
    provider: 'custom',
  };
}
