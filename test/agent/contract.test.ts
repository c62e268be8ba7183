import { afterAll } from 'vitest';
import { createCommandAgent } from '../../src/agent/command.ts';
import { DEMO_FILES } from '../../src/agent/demo-project.ts';
import { createPatchAgent } from '../../src/agent/patch.ts';
import { createSimulatedAgent } from '../../src/agent/simulated.ts';
import type { Agent } from '../../src/agent/agent.ts';
import { agentContract } from '../contract/agent.ts';
import { fakeAgent } from './acp/fake.ts';
import { startScript, withModel, type Answering, type Reply } from './builtin/script.ts';
import { fakeOpencode } from './opencode/fake.ts';

const needs = { readOnlyPaths: [], mounts: [], env: {} };
const script = (command: string): Agent => createCommandAgent({ command, needs });

agentContract({
  name: 'command',
  files: { 'a.txt': 'one\n' },
  edits: () => script("sed -i 's/one/two/' a.txt; echo changed a.txt"),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: script('cat > /dev/null'), files: { 'a.txt': 'one\n' } }),
  fails: () => ({
    agent: script('echo no model for you >&2; exit 9'),
    said: 'exited with 9: no model for you',
  }),
  slow: () => script('echo x > partial.txt; while :; do echo working; sleep 0.3; done'),
  costUsd: null,
});

agentContract({
  name: 'simulated',
  files: DEMO_FILES,
  edits: () => createSimulatedAgent('good'),
  edited: { path: 'src/slug.js', text: 'maxLength = Infinity' },
  idle: () => ({ agent: createSimulatedAgent('noop'), files: DEMO_FILES }),
  fails: () => ({ agent: createSimulatedAgent('crash'), said: 'exited with 3: Error: simulated crash' }),
  slow: () => createSimulatedAgent('slow'),
  costUsd: 0,
});

const diff = (from: string, to: string): string =>
  `Apply this:\n\n\`\`\`diff\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-${from}\n+${to}\n\`\`\`\n`;

agentContract({
  name: 'patch',
  files: { 'a.txt': 'one\n' },
  edits: () => createPatchAgent({ task: diff('one', 'two') }),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: createPatchAgent({ task: diff('one', 'two') }), files: { 'a.txt': 'two\n' } }),
  fails: () => ({ agent: createPatchAgent({ task: diff('other', 'two') }), said: 'a.txt' }),
  slow: null,
  costUsd: 0,
});

agentContract({
  name: 'acp',
  files: { 'a.txt': 'one\n' },
  edits: () => fakeAgent('good'),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: fakeAgent('idle'), files: { 'a.txt': 'one\n' } }),
  fails: () => ({ agent: fakeAgent('crash'), said: 'exited with 9: Error: no model for you' }),
  slow: () => fakeAgent('slow'),
  costUsd: null,
});

/** A model that makes one call and then says what it did, however often it is asked. */
const once =
  (call: Reply): Answering =>
  (_count, { messages }) =>
    messages.at(-1)?.role === 'tool' ? { says: 'Done.' } : call;
const models = {
  edits: await startScript(once({ calls: [['write', { path: 'a.txt', content: 'two\n' }]] })),
  idle: await startScript(() => ({ says: 'Nothing to do.' })),
  fails: await startScript(() => ({ error: { status: 401, message: 'no model for you' } })),
  slow: await startScript(
    once({
      calls: [['shell', { command: 'echo x > partial.txt; while :; do echo working; sleep 0.3; done' }]],
    }),
  ),
};
afterAll(async () => {
  for (const model of Object.values(models)) await model.stop();
});

agentContract({
  name: 'builtin',
  files: { 'a.txt': 'one\n' },
  edits: () => withModel(models.edits),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: withModel(models.idle), files: { 'a.txt': 'one\n' } }),
  fails: () => ({ agent: withModel(models.fails), said: '401: no model for you' }),
  slow: () => withModel(models.slow),
  costUsd: null,
});

agentContract({
  name: 'opencode',
  files: { 'a.txt': 'one\n' },
  edits: () => fakeOpencode('good'),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: fakeOpencode('idle'), files: { 'a.txt': 'one\n' } }),
  fails: () => ({ agent: fakeOpencode('crash'), said: 'exited with 9: Error: no model for you' }),
  slow: () => fakeOpencode('slow'),
  costUsd: null,
  tokens: 0,
});
