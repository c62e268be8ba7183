/**
 * The agent that runs in our own process: a model reached by the gateway, and tools that act in the job's sandbox alone.
 * Its process is ours, so the token is never in the sandbox: commands of its tools have no way to the model.
 */
import { Cancelled } from '../../job/error.ts';
import { DEFAULT_BUILTIN, type DeclaredAgent } from '../../job/agents/declared.ts';
import type { ModelDialect } from '../../job/model/call.ts';
import type { Agent, AgentNeeds, AgentState } from '../agent.ts';

/** Dialects that it speaks to the gateway, in the order in which they are tried. */
export const BUILTIN_DIALECTS: readonly ModelDialect[] = ['openai-chat', 'anthropic', 'gemini'];

/** How a built-in agent is made. */
export interface BuiltinOptions {
  readonly declared: DeclaredAgent;
  readonly needs: AgentNeeds;
  /** Dialects of the model that the gateway will give it; `null` where no model is configured. */
  readonly gateway: readonly ModelDialect[] | null;
}

function stateOf({ declared, gateway }: BuiltinOptions): AgentState {
  const model = declared.model === null ? '' : `, model ${declared.model}`;
  const detail = `in this process, tools: ${declared.tools.join(', ') || 'none'}${model}`;
  const fix =
    'set LLM_MODEL, LLM_API_KEY and LLM_BASE_URL, or one of ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY';
  if (gateway === null)
    return { ready: false, detail: `${detail}: no way to a model is configured`, fix, installed: true };
  if (gateway.some((one) => BUILTIN_DIALECTS.includes(one)))
    return { ready: true, detail, fix: null, installed: true };
  const spoken = `the model's provider speaks ${gateway.join(', ')}, it ${BUILTIN_DIALECTS.join(', ')}`;
  return {
    ready: false,
    detail: `${detail}: ${spoken}`,
    fix: 'take a model of another provider',
    installed: true,
  };
}

/** Makes a built-in agent. Everything it is made of is loaded with its first turn. */
export function createBuiltinAgent(options: BuiltinOptions): Agent {
  const { declared, needs } = options;
  return {
    name: declared.name === DEFAULT_BUILTIN.name ? 'builtin' : `builtin:${declared.name}`,
    needs: { ...needs, dialects: BUILTIN_DIALECTS },
    inProcess: true,
    ...(declared.model === null ? {} : { model: declared.model }),
    check: async () => {
      if (declared.output !== null) (await import('./output.ts')).checkerOf(declared.name, declared.output);
      return stateOf(options);
    },
    async run(turn, context) {
      if (context.signal.aborted) throw new Cancelled();
      const { takeTurn } = await import('./turn.ts');
      return takeTurn(declared, turn, context);
    },
  };
}
