/**
 * A scripted agent for `turn.ts` that speaks the Agent Client Protocol: in each turn it asks its model, says a line and
 * calls a tool. It uses nothing but Node, so that a copy of this file runs in a sandbox.
 */
import { appendFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

const TURNS = Number(process.argv[2] ?? 200);
const [BASE = '', KEY = ''] = [process.env['ANTHROPIC_HOST'], process.env['ANTHROPIC_API_KEY']];
const SESSION = 'session-1';
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function update(fields: object): void {
  send({ method: 'session/update', params: { sessionId: SESSION, update: fields } });
}

/** One call to the model; its answer is read and thrown away. */
function ask(turn: number): Promise<void> {
  const body = JSON.stringify({
    model: process.env['GOOSE_MODEL'],
    max_tokens: 100,
    messages: [{ role: 'user', content: `turn ${turn}: ${'what is known so far. '.repeat(100)}` }],
  });
  const headers = { 'x-api-key': KEY, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(`${BASE}/v1/messages`, { method: 'POST', headers, agent }, (got) => {
      got.on('data', () => {});
      got.once('end', () =>
        got.statusCode === 200 ? resolve() : reject(new Error(`status ${String(got.statusCode)}`)),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

async function work(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    await ask(turn);
    const content = { type: 'text', text: `Turn ${turn}: I look at the next file and say why.\n` };
    update({ sessionUpdate: 'agent_message_chunk', content });
    const call = { toolCallId: `call-${turn}`, title: `read file-${turn}.js`, kind: 'read' };
    update({ sessionUpdate: 'tool_call', ...call, status: 'pending', rawInput: { path: `file-${turn}.js` } });
    update({
      sessionUpdate: 'tool_call_update',
      toolCallId: call.toolCallId,
      status: 'completed',
      content: [{ type: 'content', content: { type: 'text', text: 'a line of a file\n'.repeat(40) } }],
    });
  }
  appendFileSync('src/file-0.js', '// edited\n');
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method } = JSON.parse(line) as { id: number; method: string };
  if (method === 'initialize') send({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  else if (method === 'session/new') send({ id, result: { sessionId: SESSION } });
  else if (method === 'session/prompt')
    void work().then(() => send({ id, result: { stopReason: 'end_turn' } }));
});
