/** A server that hears of a repository by webhooks, and people who do things there. */
import type { Job } from '../../../src/job/job.ts';
import { isTerminal } from '../../../src/job/status.ts';
import { startUp, type Started } from '../server/started.ts';
import type { ForgePlace } from './place.ts';

export const HOOK_SECRET = 'hook-secret-0123456789abcdef0123456789';
/** Longest wait for jobs to end. */
const MAX_WAIT_MS = 90_000;

/** Starts a server whose agent is a script, and tells it of `ann/tool`. */
export async function serve(
  place: ForgePlace,
  agent: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const { bench, forge } = place;
  const server = await startUp(
    bench,
    place.env({
      GITHUB_WEBHOOK_SECRET: HOOK_SECRET,
      AGENT_CMD: bench.script('agent.sh', `#!/bin/sh\ncat > "$HOME/prompt.txt"\n${agent}\nexit 0\n`),
      ...more,
    }),
  );
  forge.addHook('ann', 'tool', { url: `${server.url}/webhooks/github`, secret: HOOK_SECRET });
  return server;
}

/** Does something on the forge with somebody's token. */
export async function actAs(
  { forge }: ForgePlace,
  token: string,
  method: string,
  path: string,
  body: unknown,
): Promise<void> {
  const answer = await fetch(`${forge.apiUrl}/repos/ann/tool${path}`, {
    method,
    headers: { authorization: `token ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

/** Waits until as many jobs have ended, and gives all, the oldest first. */
export async function endedJobs(
  { bench }: ForgePlace,
  server: Started,
  count: number,
): Promise<readonly Job[]> {
  for (let waited = 0; waited < MAX_WAIT_MS; waited += 100) {
    const all = await bench.read((store) => store.listJobs({ limit: 100 }));
    if (all.length >= count && all.every((job) => isTerminal(job.status))) return all.toReversed();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no ${count} jobs ended\n${server.running.stderr()}`);
}
