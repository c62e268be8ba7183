/** The fake server as an agent. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Agent } from '../../../src/agent/agent.ts';
import { createOpencodeAgent } from '../../../src/agent/opencode/opencode.ts';
import { shellWord } from '../../../src/job/text/shell.ts';
import { stripped } from '../stripped.ts';

const here = dirname(fileURLToPath(import.meta.url));
const programme = stripped(join(here, 'fake-server.ts'));

/** Makes an agent of the fake; its server is told the model of the turn, as another launch. */
export function fakeOpencode(behaviour: string): Agent {
  const node = realpathSync(process.execPath);
  return createOpencodeAgent({
    name: 'fake',
    needs: { readOnlyPaths: [node, programme], mounts: [], env: {} },
    launch: (_model, turn) => ({
      command: `exec ${[node, programme, behaviour].map(shellWord).join(' ')}`,
      env: behaviour === 'pid' ? { MODEL: turn.model ?? '' } : {},
    }),
    check: () => Promise.resolve({ ready: true, detail: 'fake', fix: null }),
  });
}
