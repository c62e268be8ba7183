/** `goose run --output-format stream-json`. It tells no session id, so its sessions here have one name: HOME is the job's. */
import { asList, asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream, type Told } from './stream.ts';

const SESSION = 'agent-runner';

function readBlock(block: unknown): readonly Told[] {
  const text = asText(at(block, 'text'));
  if (at(block, 'type') === 'text' && text !== null) return [{ what: 'text', text, whole: false }];
  if (at(block, 'type') !== 'toolRequest') return [];
  const call = at(block, 'toolCall', 'value');
  const [id, title] = [asText(at(block, 'id')) ?? '', asText(at(call, 'name')) ?? 'tool'];
  return [{ what: 'call', id, title, input: inputText(at(call, 'arguments')) }];
}

export const gooseStream: CommandStream = {
  programme: 'goose',
  read(line: Fields) {
    const { type, message } = line;
    if (type === 'message') {
      if (at(message, 'role') !== 'assistant') return [];
      const session: Told = { what: 'session', id: SESSION };
      return [session, ...asList(at(message, 'content')).flatMap(readBlock)];
    }
    if (type === 'error')
      return [{ what: 'error', message: asText(line['error']) ?? asText(message) ?? 'the turn failed' }];
    if (type !== 'complete') return [];
    const spent = { input: sum(line['input_tokens']), output: sum(line['output_tokens']), costUsd: null };
    return [{ what: 'spent', spent, total: true }];
  },
  resume: (id) => (id === null ? ['--name', SESSION] : ['--resume', '--name', SESSION]),
};
