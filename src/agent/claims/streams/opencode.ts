/** `opencode run --format json`. */
import { asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream, type Told } from './stream.ts';

function readPart(line: Fields): readonly Told[] {
  const { type, part, error } = line;
  const text = asText(at(part, 'text'));
  if (type === 'text' && text !== null) return [{ what: 'text', text, whole: true }];
  if (type === 'tool_use') {
    const [id, title] = [asText(at(part, 'callID')) ?? '', asText(at(part, 'tool')) ?? 'tool'];
    return [{ what: 'call', id, title, input: inputText(at(part, 'state', 'input')) }];
  }
  if (type === 'error') {
    const message = asText(at(error, 'data', 'message')) ?? asText(at(error, 'name')) ?? 'the turn failed';
    return [{ what: 'error', message }];
  }
  if (type !== 'step_finish') return [];
  const tokens = at(part, 'tokens');
  const spent = {
    input: sum(at(tokens, 'input'), at(tokens, 'cache', 'read'), at(tokens, 'cache', 'write')),
    output: sum(at(tokens, 'output'), at(tokens, 'reasoning')),
    costUsd: sum(at(part, 'cost')),
  };
  return [{ what: 'spent', spent, total: false }];
}

export const opencodeStream: CommandStream = {
  programme: 'opencode',
  read(line) {
    const id = asText(line['sessionID']);
    return [...(id === null ? [] : [{ what: 'session', id } as const]), ...readPart(line)];
  },
  resume: (id) => (id === null ? [] : ['--session', id]),
};
