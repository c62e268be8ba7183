/** `claude -p --output-format stream-json --verbose`; Qwen Code prints the same. */
import { asList, asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream, type Told } from './stream.ts';

function readContent(line: Fields): readonly Told[] {
  return asList(at(line, 'message', 'content')).flatMap((block): Told[] => {
    const text = asText(at(block, 'text'));
    if (at(block, 'type') === 'text' && text !== null) return [{ what: 'text', text, whole: true }];
    if (at(block, 'type') !== 'tool_use') return [];
    const [id, title] = [asText(at(block, 'id')) ?? '', asText(at(block, 'name')) ?? 'tool'];
    return [{ what: 'call', id, title, input: inputText(at(block, 'input')) }];
  });
}

/** The last line: usage of this turn, but money of the whole session. */
function readResult(line: Fields): readonly Told[] {
  const { usage, is_error: isError, total_cost_usd: cost, subtype, terminal_reason: reason } = line;
  const names = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'];
  const tokens = {
    input: sum(...names.map((name) => at(usage, name))),
    output: sum(at(usage, 'output_tokens')),
    costUsd: null,
  };
  const money = { input: null, output: null, costUsd: sum(cost) };
  const failed = isError === true || (typeof subtype === 'string' && subtype.startsWith('error'));
  const why = asText(line['result']) ?? asText(reason) ?? asText(subtype) ?? 'it says no more';
  return [
    { what: 'spent', spent: tokens, total: false },
    { what: 'spent', spent: money, total: true },
    ...(failed || reason === 'api_error' ? [{ what: 'error', message: why } as const] : []),
  ];
}

function read(line: Fields): readonly Told[] {
  const id = asText(line['session_id']);
  const session: readonly Told[] = id === null ? [] : [{ what: 'session', id }];
  // What its sub-agents say is not what it says.
  if (line['type'] === 'assistant' && typeof line['parent_tool_use_id'] !== 'string')
    return [...session, ...readContent(line)];
  return line['type'] === 'result' ? [...session, ...readResult(line)] : session;
}

const resume = (id: string | null): readonly string[] => (id === null ? [] : ['--resume', id]);

export const claudeStream: CommandStream = { programme: 'claude', read, resume };
export const qwenStream: CommandStream = { programme: 'qwen', read, resume };
