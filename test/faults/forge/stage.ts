/** Where proposals meet faults: a home, a forge, a receiver of callbacks, and what must hold of a pull request. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobResult } from '../../../src/job/result.ts';
import { createDeliverer } from '../../../src/notify/deliverer.ts';
import { createDestinations } from '../../../src/notify/destination.ts';
import { createSender } from '../../../src/notify/send.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { openBench, type Bench } from '../../e2e/cli.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import type { Repository } from '../../forge/state/model.ts';
import { openReceiver, type Receiver } from '../../notify/receiver.ts';
import { brokenPromises, type Stage } from '../stage.ts';

export const BOT_TOKEN = 'ghp_botbotbotbotbotbotbotbotbotbotbotbot';
const OWNER_TOKEN = 'ghp_annannannannannannannannannannannann';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
/** Longer than a claim of a delivery lasts whose sender died. */
const CLAIM_MS = 61_000;
const STATUS_CONTEXT = 'agent-runner/gate';
const FILES = { 'README.md': '# Tool\n', 'src/sum.js': 'export const sum = (a, b) => a + b;\n' };

/** Writes one file with a name of its own, so that it can be found again wherever it was kept. */
const AGENT =
  '#!/bin/sh\ncat > /dev/null\necho work > "work-$(od -An -N6 -tx1 /dev/urandom | tr -d " \\n").txt"\n';

export interface ForgeStage {
  readonly bench: Bench;
  readonly forge: TestForge;
  readonly receiver: Receiver;
  /** What the command line needs to be the bot on the forge. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes a repository that the bot may only read; `name` is `ann/<name>`. */
  addRepository(name: string): Promise<void>;
  /** Sends what a dead process had claimed, as a later one would. */
  sendCallbacks(): Promise<void>;
  remove(): Promise<void>;
}

/** Sets the stage in a fresh folder, the forge in this process; `settings` are lines of YAML, `seed` is of the forge's faults. */
export async function setForgeStage({
  settings = [],
  seed = 1,
}: { readonly settings?: readonly string[]; readonly seed?: number } = {}): Promise<ForgeStage> {
  const bench = openBench();
  const folder = join(bench.root, 'config', 'agent-runner');
  mkdirSync(folder, { recursive: true });
  // Nobody waits for the pace that GitHub asks for, nor long for another attempt.
  const own = ['github_pace_ms: 0', 'fork_poll_s: 0.05', 'retry:', '  base_ms: 50', ...settings, ''];
  writeFileSync(join(folder, 'config.yml'), own.join('\n'));
  const receiver = await openReceiver();
  const forge = await startTestForge({
    rateLimit: 1_000_000,
    seed,
    users: [
      { login: 'ann', token: OWNER_TOKEN },
      { login: 'bot', token: BOT_TOKEN },
    ],
  });
  return {
    bench,
    forge,
    receiver,
    env: {
      BOT_TOKEN,
      GITHUB_SERVER_URL: forge.url,
      WEBHOOK_SECRET: SECRET,
      WEBHOOK_ALLOW: '127.0.0.1',
      AGENT_CMD: bench.script('agent.sh', AGENT),
    },
    async addRepository(name) {
      await forge.addRepository({ owner: 'ann', name, from: FILES });
    },
    async sendCallbacks() {
      const store = await openSqliteStore({ path: join(bench.home, 'agent-runner.db') });
      try {
        const later = createDeliverer({
          deliveries: {
            claim: (claims) => store.claimDeliveries(claims),
            record: (claim, tried, after) => store.recordDeliveryTry(claim, tried, after),
          },
          send: createSender(createDestinations({ allow: ['127.0.0.1'], allowHttp: false })),
          secret: SECRET,
          now: () => new Date(Date.now() + CLAIM_MS),
        });
        while ((await later.sendDue()).length > 0);
      } finally {
        await store.close();
      }
    },
    async remove() {
      await receiver.close();
      bench.remove();
      await forge.close();
    },
  };
}

/** The words that give a job to the runner; its checks take no time and its callback comes to the stage. */
export function jobWords({ receiver }: ForgeStage, name: string, task: string): readonly string[] {
  const judged = ['--check', 'true=true', '--setup', ''];
  return [task, '--repo', `ann/${name}`, '--agent', 'command', ...judged, '--callback-url', receiver.url];
}

/** Ids under which the end of a job was told. */
export function toldIds({ receiver }: ForgeStage, jobId: string): readonly string[] {
  const own = receiver.received.filter(
    ({ body }) => (JSON.parse(body) as { job_id: string }).job_id === jobId,
  );
  return [...new Set(own.map(({ headers }) => String(headers['webhook-id'])))];
}

/** The repositories of the forge that were forked from one, itself not among them. */
function forksOf(forge: TestForge, upstream: Repository): readonly Repository[] {
  return forge.state().repositories.filter((one) => one.parentId === upstream.id);
}

/** The branches of a repository that bear a job's name. */
async function branchesOf(forge: TestForge, { owner, name }: Repository, jobId: string): Promise<string[]> {
  const refs = Object.entries(await forge.refs(owner, name));
  return refs
    .filter(([ref]) => ref.startsWith('refs/heads/') && ref.includes(jobId))
    .map(([ref, sha]) => `${ref} ${sha}`);
}

/** What must hold of the proposal of one job on the forge; each entry of the answer is a sentence that does not. */
export async function brokenProposal(
  { forge }: ForgeStage,
  name: string,
  result: Pick<JobResult, 'job_id' | 'branch' | 'head_sha' | 'pr_url'>,
): Promise<string[]> {
  const { job_id: jobId, branch, head_sha: sha } = result;
  const upstream = forge.repo('ann', name);
  const forks = forksOf(forge, upstream);
  const [fork] = forks;
  const broken: string[] = [];
  if (forks.length !== 1 || fork === undefined) return [`there are ${forks.length} forks of ann/${name}`];
  const there = await branchesOf(forge, fork, jobId);
  if (there.join() !== `refs/heads/${String(branch)} ${String(sha)}`)
    broken.push(`the fork has ${there.join() || 'no branch'}, wanted is ${String(branch)} at ${String(sha)}`);
  const astray = await branchesOf(forge, upstream, jobId);
  if (astray.length > 0) broken.push(`the repository itself has ${astray.join()}`);
  const pulls = [upstream, fork].flatMap((one) => one.pulls.filter((pull) => pull.headRef === branch));
  const [pull] = pulls;
  if (pulls.length !== 1 || pull === undefined) return [...broken, `there are ${pulls.length} pull requests`];
  if (pull.headSha !== sha || pull.state !== 'open' || pull.body?.includes(jobId) !== true)
    broken.push(`the pull request is ${pull.state} at ${pull.headSha}: ${String(pull.body).slice(0, 100)}`);
  if (result.pr_url !== `${forge.url}/ann/${name}/pull/${pull.number}`)
    broken.push(`its result names ${String(result.pr_url)}`);
  const statuses = [upstream, fork].flatMap((one) => one.statuses.filter((status) => status.sha === sha));
  const said = statuses.map(({ context, state }) => `${context} ${state}`);
  if (said.join() !== `${STATUS_CONTEXT} success`)
    broken.push(`its head has the statuses ${said.join() || 'none'}`);
  return broken;
}

/** What must hold of an ended job, of its proposal and of what was told of it. */
export async function brokenJob(
  stage: ForgeStage,
  name: string,
  result: JobResult,
  works: readonly string[] = [],
): Promise<string[]> {
  const { bench, forge } = stage;
  const broken = await brokenProposal(stage, name, result);
  if (broken.length > 0)
    return [...broken, `its outcome is ${String(result.outcome)}: ${JSON.stringify(result.error)}`];
  const told = toldIds(stage, result.job_id);
  if (told.length !== 1) broken.push(`its end was told under ${told.length} ids: ${told.join()}`);
  const asStage: Stage = {
    bench,
    remote: forge.folder('bot', name),
    async read(look) {
      const store = await openSqliteStore({ path: join(bench.home, 'agent-runner.db') });
      try {
        return await look(store);
      } finally {
        await store.close();
      }
    },
    remove: () => {},
  };
  return [
    ...broken,
    ...(await brokenPromises(asStage, result.job_id, result, { outcomes: ['pr_opened'], works })),
  ];
}
