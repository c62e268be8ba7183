/**
 * The test forge as a process of its own:
 *
 *   node test/forge/main.ts --root /tmp/forge [--port 8080] [--user ann:ann-token]… [--repository ann/shop=/path/to/repo]…
 *
 * Prints one line of JSON with its URLs when it listens. What it holds outlives it in `--root`. A test in another
 * process asks it at `/_forge/…`: state, requests, violations; and tells it of faults and late forks.
 */
import { parseArgs } from 'node:util';
import { startTestForge } from './forge.ts';

const { values } = parseArgs({
  options: {
    root: { type: 'string' },
    port: { type: 'string', default: '0' },
    user: { type: 'string', multiple: true, default: [] },
    repository: { type: 'string', multiple: true, default: [] },
  },
});

const users = values.user.map((text) => {
  const [login = '', token = ''] = text.split(':');
  if (login === '' || token === '') throw new Error(`--user ${text}: it must be <login>:<token>`);
  return { login, token };
});
const forge = await startTestForge({
  users,
  port: Number(values.port),
  ...(values.root === undefined ? {} : { root: values.root }),
});
for (const text of values.repository) {
  const [, owner = '', name = '', from = ''] = /^([^/=]+)\/([^/=]+)=(.+)$/.exec(text) ?? [];
  if (from === '') throw new Error(`--repository ${text}: it must be <owner>/<name>=<path of a repository>`);
  const known = forge.state().repositories.some((one) => one.owner === owner && one.name === name);
  if (!known) await forge.addRepository({ owner, name, from });
}
console.log(JSON.stringify({ url: forge.url, api_url: forge.apiUrl }));

async function stop(): Promise<void> {
  await forge.close().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
