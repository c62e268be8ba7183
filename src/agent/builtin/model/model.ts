/** A model of the gateway as the Vercel AI SDK knows models. Loaded when a turn begins: the SDK takes 0.1 s. */
import type { LanguageModel } from 'ai';
import { JobError } from '../../../job/error.ts';
import type { ModelDialect } from '../../../job/model/call.ts';
import type { Fields } from '../../../job/text/json.ts';
import type { ModelAccess } from '../../agent.ts';
import { BUILTIN_DIALECTS } from '../agent.ts';
import { createDirectFetch } from './direct-fetch.ts';

/** The first dialect of ours that the model's provider speaks, and where. */
function routeOf(access: ModelAccess): { readonly dialect: ModelDialect; readonly baseUrl: string } {
  for (const dialect of BUILTIN_DIALECTS) {
    try {
      return { dialect, baseUrl: access.baseUrl(dialect) };
    } catch (error) {
      if (!(error instanceof JobError) || error.code !== 'bad_configuration') throw error;
    }
  }
  throw new JobError('bad_configuration', `model: ${access.provider} speaks nothing that builtin speaks`, {
    hint: `builtin speaks ${BUILTIN_DIALECTS.join(', ')}`,
  });
}

/** OpenAI's own models refuse the older name of this field, which most others know alone. */
function renameLimit(body: Fields): Record<string, unknown> {
  const { max_tokens: limit, ...rest } = body;
  return limit === undefined ? rest : { ...rest, max_completion_tokens: limit };
}

/** Opens the model that the gateway serves. What stands in the place of its key is the job's token. */
export async function openModel(access: ModelAccess): Promise<LanguageModel> {
  // The SDK writes warnings to our terminal unless it is told not to.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  const { dialect, baseUrl } = routeOf(access);
  const apiKey = access.token;
  const fetch = createDirectFetch();
  switch (dialect) {
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return createAnthropic({ baseURL: `${baseUrl}/v1`, apiKey, fetch })(access.model);
    }
    case 'gemini': {
      const { createGoogleGenerativeAI } = await import('@ai-sdk/google');
      return createGoogleGenerativeAI({ baseURL: `${baseUrl}/v1beta`, apiKey, fetch })(access.model);
    }
    case 'openai-chat':
    case 'openai-responses': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      const { provider: name } = access;
      const rename = name === 'openai' ? { transformRequestBody: renameLimit } : {};
      const settings = { name, baseURL: baseUrl, apiKey, fetch, includeUsage: true, ...rename };
      return createOpenAICompatible(settings)(access.model);
    }
  }
}
