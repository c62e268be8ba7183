/** `codex exec --json`. After `exec resume` its usage is that of the whole thread. */
import { asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream, type Told } from './stream.ts';

function readItem(item: unknown, isDone: boolean): readonly Told[] {
  const [type, id] = [asText(at(item, 'type')) ?? '', asText(at(item, 'id')) ?? ''];
  const text = asText(at(item, 'text'));
  if (type === 'agent_message') return isDone && text !== null ? [{ what: 'text', text, whole: true }] : [];
  // Its errors of this kind are warnings: the turn goes on.
  if (!isDone || type === 'error' || type === 'reasoning' || type === 'todo_list') return [];
  const command = asText(at(item, 'command'));
  const input = inputText(
    at(item, 'command') ?? at(item, 'changes') ?? at(item, 'arguments') ?? at(item, 'query'),
  );
  return [{ what: 'call', id, title: command ?? type, input }];
}

export const codexStream: CommandStream = {
  programme: 'codex',
  read(line: Fields) {
    const { type, thread_id: thread, item, usage, error } = line;
    const id = asText(thread);
    if (type === 'thread.started' && id !== null) return [{ what: 'session', id }];
    if (type === 'item.started' || type === 'item.completed')
      return readItem(item, type === 'item.completed');
    if (type === 'turn.failed')
      return [{ what: 'error', message: asText(at(error, 'message')) ?? 'the turn failed' }];
    if (type !== 'turn.completed') return [];
    const spent = {
      // Cached tokens are part of its input.
      input: sum(at(usage, 'input_tokens')),
      output: sum(at(usage, 'output_tokens')),
      costUsd: null,
    };
    return [{ what: 'spent', spent, total: true }];
  },
  resume: (id) => (id === null ? [] : ['resume', id]),
};
