/** A runner of its own: opens a sandbox in argv[2] and runs the shell line argv[3], then prints the result. */
import { join } from 'node:path';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';

const [root = '', line = ''] = process.argv.slice(2);
const sandbox = await createBubblewrap().open({
  workspace: join(root, 'workspace'),
  home: join(root, 'home'),
  env: {},
  network: false,
});
const result = await sandbox.exec(['/bin/sh', '-c', line], { timeoutMs: 60_000, maxBytes: 10_000 });
await sandbox.close();
process.stdout.write(JSON.stringify(result));
