/** `gemini -o stream-json`. */
import { asText, at, type Fields } from '../../../job/text/json.ts';
import { inputText, sum, type CommandStream } from './stream.ts';

export const geminiStream: CommandStream = {
  programme: 'gemini',
  read(line: Fields) {
    const { type, role, delta, stats, status, error } = line;
    const [id, text] = [asText(line['session_id']), asText(line['content'])];
    if (type === 'init' && id !== null) return [{ what: 'session', id }];
    if (type === 'message' && role === 'assistant' && text !== null)
      return [{ what: 'text', text, whole: delta !== true }];
    if (type === 'tool_use') {
      const title = asText(line['tool_name']) ?? 'tool';
      return [
        { what: 'call', id: asText(line['tool_id']) ?? '', title, input: inputText(line['parameters']) },
      ];
    }
    if (type !== 'result') return [];
    const spent = {
      input: sum(at(stats, 'input_tokens')),
      output: sum(at(stats, 'output_tokens')),
      costUsd: null,
    };
    const message = asText(at(error, 'message')) ?? (status === 'error' ? 'the turn failed' : null);
    return [
      { what: 'spent', spent, total: false },
      ...(message === null ? [] : [{ what: 'error', message } as const]),
    ];
  },
  resume: (id) => (id === null ? [] : ['--resume', id]),
};
