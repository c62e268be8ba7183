/** `pi --mode json -p`. It exits with 0 after an error of its model, which its last message tells. */
import { asList, asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream, type Told } from './stream.ts';

function readMessage(message: unknown): readonly Told[] {
  if (at(message, 'role') !== 'assistant') return [];
  const texts = asList(at(message, 'content')).flatMap((block): Told[] => {
    const text = asText(at(block, 'text'));
    return at(block, 'type') === 'text' && text !== null ? [{ what: 'text', text, whole: false }] : [];
  });
  const usage = at(message, 'usage');
  const spent = {
    input: sum(at(usage, 'input'), at(usage, 'cacheRead'), at(usage, 'cacheWrite')),
    output: sum(at(usage, 'output')),
    costUsd: sum(at(usage, 'cost', 'total')),
  };
  const isError = at(message, 'stopReason') === 'error';
  const error = asText(at(message, 'errorMessage')) ?? 'its model failed';
  return [
    ...texts,
    { what: 'spent', spent, total: false },
    ...(isError ? [{ what: 'error', message: error } as const] : []),
  ];
}

export const piStream: CommandStream = {
  programme: 'pi',
  read(line: Fields) {
    const { type, message } = line;
    const id = asText(line['id']);
    if (type === 'session' && id !== null) return [{ what: 'session', id }];
    if (type === 'message_end') return readMessage(message);
    if (type !== 'tool_execution_start') return [];
    const title = asText(line['toolName']) ?? 'tool';
    return [{ what: 'call', id: asText(line['toolCallId']) ?? '', title, input: inputText(line['args']) }];
  },
  resume: (id) => (id === null ? [] : ['--session', id]),
};
