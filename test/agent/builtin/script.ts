/** A model that gives one written answer after another, in every dialect, and counts what it has served. */
import { LLMock } from '@copilotkit/aimock';
import type { Agent, ModelAccess } from '../../../src/agent/agent.ts';
import { createBuiltinAgent } from '../../../src/agent/builtin/agent.ts';
import { DEFAULT_BUILTIN, type DeclaredAgent } from '../../../src/job/agents/declared.ts';
import { JobError } from '../../../src/job/error.ts';
import { MODEL_DIALECTS, type ModelDialect } from '../../../src/job/model/call.ts';

type Request = Parameters<Extract<Parameters<LLMock['on']>[1], (request: never) => unknown>>[0];

/** One answer: words, tool calls (name and input; a text is sent as it is), or an error with its status. */
export interface Reply {
  readonly says?: string;
  readonly calls?: readonly (readonly [name: string, input: object | string])[];
  readonly error?: { readonly status: number; readonly message: string };
  /** Id of its first call; a new one unless given. */
  readonly callId?: string;
  /** Tokens it says it has read; 1000 and one more with every answer unless given. */
  readonly reads?: number;
  /** Why it says it ended. */
  readonly finishReason?: string;
  /** Milliseconds before its first byte. */
  readonly waitMs?: number;
}

export interface Script {
  /** Without `/v1`. */
  readonly url: string;
  /** Sums of the usage of every answer it gave. */
  readonly spent: { readonly input: number; readonly output: number; readonly calls: number };
  /** Every request, as the mock read it. */
  readonly seen: readonly Request[];
  /** Every request with its headers. */
  requests(): readonly unknown[];
  /** What was asked after the last written answer. */
  readonly strange: () => number;
  stop(): Promise<void>;
}

/** Answers a request by its number, from 0; nothing is an answer that is not in the script. */
export type Answering = (count: number, request: Request) => Reply | undefined;

/** Starts a model that gives `replies` in their order; a function is asked for each. */
export async function startScript(replies: readonly Reply[] | Answering): Promise<Script> {
  const spent = { input: 0, output: 0, calls: 0 };
  const seen: Request[] = [];
  let strange = 0;
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  const counted = (reads: number | undefined): Record<string, number> => {
    const [input, output] = [reads ?? 1000 + spent.calls, 50 + spent.calls];
    spent.calls++;
    spent.input += input;
    spent.output += output;
    return {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: input + output,
      input_tokens: input,
      output_tokens: output,
      promptTokenCount: input,
      candidatesTokenCount: output,
      totalTokenCount: input + output,
    };
  };
  mock.on({ predicate: () => true }, async (request: Request) => {
    const at = seen.push(request) - 1;
    const reply = typeof replies === 'function' ? replies(at, request) : replies[at];
    if (reply?.waitMs !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.waitMs));
    if (reply === undefined) {
      strange++;
      return { error: { message: 'this is not in the script', type: 'invalid_request_error' }, status: 400 };
    }
    if (reply.error !== undefined)
      return { error: { message: reply.error.message, type: 'x' }, status: reply.error.status };
    const toolCalls = (reply.calls ?? []).map(([name, input], index) => ({
      ...(reply.callId === undefined || index > 0 ? {} : { id: reply.callId }),
      name,
      arguments: typeof input === 'string' ? input : JSON.stringify(input),
    }));
    const usage = counted(reply.reads);
    return {
      content: reply.says ?? '',
      ...(toolCalls.length === 0 ? {} : { toolCalls }),
      ...(reply.finishReason === undefined ? {} : { finishReason: reply.finishReason }),
      usage,
    };
  });
  await mock.start();
  return {
    url: mock.url,
    spent,
    seen,
    requests: () => mock.getRequests(),
    strange: () => strange,
    stop: () => mock.stop(),
  };
}

/** A way to the scripted model as the runner gives one, in one dialect. */
function accessOf(script: Pick<Script, 'url'>, spoken: ModelDialect, provider: string): ModelAccess {
  return {
    token: 'job-token-1',
    model: 'm1',
    provider,
    window: null,
    baseUrl(dialect) {
      if (dialect !== spoken) throw new JobError('bad_configuration', `it does not speak ${dialect}`);
      return dialect.startsWith('openai') ? `${script.url}/v1` : script.url;
    },
  };
}

/** A built-in agent with its way to the scripted model. */
export function withModel(
  script: Pick<Script, 'url'>,
  declared: Partial<DeclaredAgent> = {},
  dialect: ModelDialect = 'openai-chat',
  provider = 'test',
): Agent {
  const agent = createBuiltinAgent({
    declared: { ...DEFAULT_BUILTIN, ...declared },
    needs: { readOnlyPaths: [], mounts: [], env: {} },
    gateway: MODEL_DIALECTS,
  });
  return {
    ...agent,
    run: (turn, context) => agent.run(turn, { ...context, model: accessOf(script, dialect, provider) }),
  };
}
