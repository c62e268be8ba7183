/** The fake agent as an agent. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAcpAgent } from '../../../src/agent/acp/acp.ts';
import type { Agent } from '../../../src/agent/agent.ts';
import { shellWord } from '../../../src/job/text/shell.ts';
import { stripped } from '../stripped.ts';

const here = dirname(fileURLToPath(import.meta.url));
const programme = stripped(join(here, 'fake-agent.ts'));

/** Makes an agent of the fake. `words` are further arguments of the programme. */
export function fakeAgent(behaviour: string, words: readonly string[] = []): Agent {
  const node = realpathSync(process.execPath);
  return createAcpAgent({
    name: 'fake',
    needs: { readOnlyPaths: [node, programme], mounts: [], env: {} },
    authMethod: 'key',
    modes: ['yolo', 'work'],
    usage: 'turn',
    launch: () => ({
      command: `exec ${[node, programme, behaviour, ...words].map(shellWord).join(' ')}`,
      env: {},
    }),
    check: () => Promise.resolve({ ready: true, detail: 'fake', fix: null }),
  });
}
