/**
 * A runner of its own: opens a sandbox of adapter argv[4] in argv[2] and runs the shell line argv[3], then prints
 * the result; with a time in ms in argv[5] it runs the line again and again, and kills itself after that time,
 * or stops everything and exits where argv[6] says `stop`.
 */
import { join } from 'node:path';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { stopEverything } from '../../src/runner/stop.ts';
import { createHost } from '../../src/sandbox/host.ts';

const [root = '', line = '', adapter = 'bubblewrap', dieAfterMs, how] = process.argv.slice(2);
const sandbox = await (adapter === 'host' ? createHost() : createBubblewrap()).open({
  workspace: join(root, 'workspace'),
  home: join(root, 'home'),
  env: {},
  network: false,
});
const bounds = { timeoutMs: 60_000, maxBytes: 10_000 };
if (dieAfterMs !== undefined) {
  setTimeout(() => {
    if (how !== 'stop') process.kill(process.pid, 'SIGKILL');
    stopEverything();
    process.exit(130);
  }, Number(dieAfterMs));
  for (;;) await sandbox.exec(['/bin/sh', '-c', line], bounds);
}
const result = await sandbox.exec(['/bin/sh', '-c', line], bounds);
await sandbox.close();
process.stdout.write(JSON.stringify(result));
