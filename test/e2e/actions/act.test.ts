/** `.github/workflows/run.yml` as it stands: three jobs and the callback, from a dispatch to a pull request. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startScript, type Reply, type Script } from '../../agent/builtin/script.ts';
import { openReceiver, type Receiver } from '../../notify/receiver.ts';
import { makeRepository, sh, write } from '../../workspace/scene.ts';
import { ROOT, type Ran } from '../cli.ts';
import { FILES, openForgePlace, TOKEN, type ForgePlace } from '../github/place.ts';
import { MISSING, toolPath } from '../../workflows/tools.ts';
import { runAct } from './act.ts';

const ACT = toolPath('act');
const KEY = 'sk-scripted-0123456789abcdef';
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

let place: ForgePlace;
let receiver: Receiver;
let script: Script;
let reply = (count: number): Reply =>
  count % 2 === 0
    ? { calls: [['write', { path: 'hello.txt', content: 'hello\n' }]] }
    : { says: 'Said hello.' };
beforeAll(async () => {
  if (ACT === null) return;
  place = await openForgePlace();
  receiver = await openReceiver();
  script = await startScript((count) => reply(count));
  expect((await place.bench.run(['fork', 'ann/tool'], place.env())).code).toBe(0);
  const folder = join(place.bench.root, 'config', 'agent-runner');
  mkdirSync(folder, { recursive: true });
  const settings = { github_pace_ms: 0, phases: 'off', prices: { 'custom/m1': { input: 1, output: 1 } } };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(settings));
});
afterAll(async () => {
  if (ACT === null) return;
  await script.stop();
  await receiver.close();
  await place.close();
});

function dispatch(jobId: string, attack?: string): Promise<Ran & { readonly artifacts: string }> {
  const inputs = {
    fork_repo: 'bot/tool',
    upstream_repo: 'ann/tool',
    prompt: 'Say "hello" in $(touch pwned) `hello.txt`\nand no more',
    job_id: jobId,
    callback_url: receiver.url,
  };
  return runAct(ACT ?? '', {
    root: join(place.bench.root, 'act', jobId),
    workflow: readFileSync(join(ROOT, '.github/workflows/run.yml'), 'utf8'),
    event: 'workflow_dispatch',
    payload: { inputs },
    secrets: { BOT_TOKEN: TOKEN, LLM_API_KEY: KEY, LLM_MODEL: 'm1', WEBHOOK_SECRET: SECRET },
    vars: { LLM_BASE_URL: `${script.url}/v1`, WEBHOOK_ALLOW: '127.0.0.1' },
    env: {
      GITHUB_SERVER_URL: place.forge.url,
      GITHUB_API_URL: place.forge.apiUrl,
      XDG_CONFIG_HOME: join(place.bench.root, 'config'),
    },
    ...(attack === undefined ? {} : { attack }),
  });
}

/** The last callback, as the package `standardwebhooks` reads it. */
function lastBody(): unknown {
  const request = receiver.received.at(-1);
  if (request === undefined) throw new Error('nothing came');
  return new Webhook(SECRET).verify(request.body, request.headers as Record<string, string>);
}

describe.skipIf(ACT === null)(`run.yml${ACT === null ? ` (${MISSING})` : ''}`, () => {
  it('ends in a pull request and one signed callback, and shows no secret', async () => {
    const ran = await dispatch('job-0123456789ab');
    expect(ran.code, ran.stdout).toBe(0);
    const { pulls } = place.forge.repo('ann', 'tool');
    expect(pulls).toMatchObject([
      { title: 'Say "hello" in $(touch pwned) `hello.txt`', state: 'open', draft: false },
    ]);
    expect(pulls[0]?.body).toContain('### What the agent says');
    const sha = await place.forge.branch('bot', 'tool', 'bot/job-0123456789ab');
    expect(sh(place.forge.folder('bot', 'tool'), 'show', '--stat', '--format=%an', sha ?? '')).toMatch(
      /^agent-runner\n\n hello\.txt \| 1 \+\n 1 file changed/,
    );
    expect(receiver.received).toHaveLength(1);
    const url = `${place.forge.url}/ann/tool/pull/1`;
    expect(lastBody()).toMatchObject({
      job_id: 'job-0123456789ab',
      status: 'completed',
      pr_url: url,
      error: null,
    });
    expect(ran.stdout).toContain('## Gate: green');
    expect(script.seen.length).toBe(2);
    const left = readdirSync(ran.artifacts, { recursive: true, encoding: 'utf8' });
    expect(left.toSorted()).toEqual([
      'bundle',
      'bundle/change.bundle',
      'bundle/change.json',
      'verdict',
      'verdict/verdict.json',
    ]);
    const files = left
      .filter((name) => name.includes('/'))
      .map((name) => readFileSync(join(ran.artifacts, name), 'utf8'));
    for (const text of [...files, ran.stdout, ran.stderr, JSON.stringify([pulls, lastBody()])])
      for (const secret of [KEY, TOKEN, SECRET]) expect(text).not.toContain(secret);
    expect(JSON.stringify(script.seen)).not.toContain(KEY);
  });

  it('has nothing pushed where somebody wrote to the verdict, and the callback says so', async () => {
    const jobId = 'job-0000000000b1';
    const file = '"$STAND_IN_ARTIFACTS/verdict/verdict.json"';
    const attack = `if [ "$NAME" = verdict ]; then sed -i 's/"green"/"none"/' ${file}; fi\n`;
    const [calls, pulls] = [receiver.received.length, place.forge.repo('ann', 'tool').pulls.length];
    const ran = await dispatch(jobId, attack);
    expect(ran.code).toBe(1);
    expect(ran.stderr).toContain("Job 'propose' failed");
    expect(await place.forge.branch('bot', 'tool', `bot/${jobId}`)).toBeNull();
    expect(place.forge.repo('ann', 'tool').pulls).toHaveLength(pulls);
    expect(receiver.received).toHaveLength(calls + 1);
    const error: unknown = expect.stringMatching(/^conflict: verdict-sha256: the artifact has .*; see http/);
    expect(lastBody()).toMatchObject({
      job_id: jobId,
      status: 'failed',
      outcome: 'refused',
      pr_url: null,
      error,
    });
  });

  it('an agent that changes nothing ends the run well; one that fails does not, and both are told', async () => {
    reply = () => ({ says: 'There is nothing to do.' });
    const nothing = await dispatch('job-0000000000c1');
    expect(nothing.code, nothing.stdout).toBe(0);
    expect(lastBody()).toMatchObject({ job_id: 'job-0000000000c1', outcome: 'no_change', pr_url: null });
    const half = script.seen.length;
    reply = (count) =>
      count === half
        ? { calls: [['write', { path: 'half.txt', content: 'half' }]] }
        : { error: { status: 401, message: 'Incorrect API key' } };
    const failed = await dispatch('job-0000000000c2');
    expect(failed.code).toBe(1);
    // The machine is gone; what was done on it is not.
    expect(readdirSync(join(failed.artifacts, 'work'))).toEqual(['work.bundle']);
    expect(lastBody()).toMatchObject({
      job_id: 'job-0000000000c2',
      status: 'failed',
      error: expect.stringMatching(/^agent_failed: .*401.*; see http/),
    });
  });
});

describe.skipIf(ACT === null)('action.yml', () => {
  const outputs = `
      - if: always()
        env:
          VERDICT: \${{ steps.asked.outputs.verdict }}
          CODE: \${{ steps.asked.outputs.exit-code }}
          URL: \${{ steps.asked.outputs.pr-url }}
        run: echo "said '$VERDICT' '$CODE' '$URL'"
`;

  function act(name: string, workflow: string, checkout: string): ReturnType<typeof runAct> {
    const root = join(place.bench.root, 'act', name);
    const env = { XDG_CONFIG_HOME: join(place.bench.root, 'config') };
    const payload = { pull_request: { number: 1 } };
    return runAct(ACT ?? '', { root, workflow, checkout, event: 'pull_request', payload, secrets: {}, env });
  }

  it('judges a pull request by the rules of its base, as the example has it', async () => {
    const repo = makeRepository(join(place.bench.root, 'pull'), FILES);
    sh(repo, 'switch', '-qc', 'theirs');
    write(repo, { 'sum.mjs': 'export const sum = () => 0;\n', '.agent-runner.yml': 'gate:\n  checks: []\n' });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '-qm', 'Break it, and its judge');
    sh(repo, 'switch', '-q', 'main');
    sh(repo, 'merge', '-q', '--no-ff', '-m', 'Merge', 'theirs');
    const example = readFileSync(join(ROOT, 'examples/workflows/gate.yml'), 'utf8');
    const workflow = example.replace(/(- )(uses: your-account)/, '$1id: asked\n        $2') + outputs;
    const ran = await act('gate', workflow, repo);
    expect(ran.code, ran.stdout).toBe(1);
    expect(ran.stdout).toContain('## Gate: red');
    expect(ran.stdout).toContain("said 'red' '1' ''");
  });

  it('runs a job, with arguments that no shell reads', async () => {
    const repo = makeRepository(join(place.bench.root, 'job'), FILES);
    const workflow = `on: pull_request
jobs:
  job:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0
        with:
          persist-credentials: false
      - id: asked
        uses: your-account/agent-runner@0000000000000000000000000000000000000000 # the commit of your fork
        with:
          command: run
          task: --say "$(touch pwned)"
          args: |
            --agent
            simulated
            --check=ok=test ! -e pwned
${outputs}`;
    const ran = await act('job', workflow, repo);
    expect(ran.code, ran.stdout).toBe(0);
    expect(ran.stdout).toContain("said 'proposed' '0' ''");
  });
});
