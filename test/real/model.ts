/** A model that follows a script: one server for every dialect, and a count of what it has served. */
import { LLMock } from '@copilotkit/aimock';
import { fieldsOf, type Fields } from '../../src/job/text/json.ts';

type Request = Parameters<Extract<Parameters<LLMock['on']>[1], (request: never) => unknown>>[0];
type Message = Request['messages'][number];

/** What the model does in one prompt of the runner: shell commands, one after another, then its last words. */
export interface Leg {
  readonly commands: readonly string[];
  readonly says: string;
  /** For agents that begin a new session: what this prompt is, once `This turn: fix` is in it. */
  readonly fix?: Leg;
}

export interface ScriptedModel {
  /** For `LLM_BASE_URL`, with `/v1`. */
  readonly url: string;
  /** Sums of the usage of every answer it gave. */
  readonly spent: { readonly input: number; readonly output: number; readonly calls: number };
  /** Requests by the number of runner prompts that their conversation holds. */
  readonly seen: readonly { readonly prompts: number; readonly results: number; readonly text: string }[];
  /** What was asked that is not in the script. */
  readonly strange: readonly string[];
  stop(): Promise<void>;
}

/** A line that every prompt of the runner has, by which they are told from what agents put in themselves. */
export const MARK = 'AGENT_RUNNER_OUT';

/** Names that agents give to the tool that runs a shell command, and what its argument is called. */
const SHELLS = [
  'bash',
  'shell',
  'exec_command',
  'shell_command',
  'run_shell_command',
  'developer__shell',
  'Bash',
];

/** The tool by which an answer is given in a form. */
const FORM = 'StructuredOutput';

const NOTHING: Message = { role: 'user', content: '' };

function textOf({ content }: Message): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => part.text ?? '').join('\n');
}

/** The call of the agent's own shell tool. */
function shellCall(request: Request, command: string): { name: string; arguments: string } {
  const tools = (request.tools ?? []).map((tool) => tool.function);
  const tool = tools.find(({ name }) => SHELLS.includes(name));
  if (tool === undefined) throw new Error(`no shell among ${tools.map(({ name }) => name).join(', ')}`);
  const given = tool.parameters === undefined ? {} : (JSON.parse(JSON.stringify(tool.parameters)) as Fields);
  const properties = fieldsOf(given['properties']) ?? {};
  const name = 'cmd' in properties ? 'cmd' : 'command';
  const isList = JSON.stringify(properties[name] ?? '').includes('"array"');
  const args = { [name]: isList ? ['sh', '-c', command] : command };
  const more = 'description' in properties ? { description: 'Works on the task' } : {};
  return { name: tool.name, arguments: JSON.stringify({ ...args, ...more }) };
}

/** Prompts of the phases that only look. */
const LOOKS = /^## This turn: (explore|plan)$/m;

/** Starts a model that plays `legs`, one a prompt that builds, and `looks` for those that only look. */
export async function startModel(
  legs: readonly Leg[],
  looks: { readonly explore?: Leg; readonly plan?: Leg } = {},
): Promise<ScriptedModel> {
  const spent = { input: 0, output: 0, calls: 0 };
  const seen: { prompts: number; results: number; text: string }[] = [];
  const strange: string[] = [];
  const mock = new LLMock({ port: 0, logLevel: 'silent' });

  const usage = (): Record<string, number> => {
    const [input, output] = [1000 + spent.calls, 50 + spent.calls];
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

  mock.on({ predicate: (request) => !request.tools?.length }, () => ({ content: 'A title', usage: usage() }));
  mock.on({ predicate: (request) => !!request.tools?.length }, (request: Request) => {
    const asked = request.messages.filter((one) => one.role === 'user' && textOf(one).includes(MARK));
    const last = request.messages.findLastIndex((one) => one.role === 'user' && textOf(one).includes(MARK));
    const prompt = textOf(request.messages[last] ?? NOTHING);
    const results = request.messages.slice(last + 1).filter((one) => one.role === 'tool').length;
    const prompts = asked.filter((one) => !LOOKS.test(textOf(one))).length;
    seen.push({ prompts, results, text: JSON.stringify(request.messages) });
    const given = legs[prompts - 1];
    const look = LOOKS.exec(prompt)?.[1];
    const build = prompt.includes('## This turn: fix') ? (given?.fix ?? given) : given;
    const leg = look === 'explore' || look === 'plan' ? looks[look] : build;
    if (leg === undefined || results > leg.commands.length) {
      strange.push(`prompt ${prompts}, result ${results}`);
      return { error: { message: 'this is not in the script', type: 'invalid_request_error' }, status: 400 };
    }
    const command = leg.commands[results];
    const isForm = request.tools?.some((tool) => tool.function.name === FORM) === true;
    if (command === undefined && isForm)
      return { content: '', toolCalls: [{ name: FORM, arguments: leg.says }], usage: usage() };
    if (command === undefined) return { content: leg.says, usage: usage() };
    return { content: `Step ${results + 1}.`, toolCalls: [shellCall(request, command)], usage: usage() };
  });
  await mock.start();
  return { url: `${mock.url}/v1`, spent, seen, strange, stop: () => mock.stop() };
}
