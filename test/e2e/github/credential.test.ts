/** The push credential is for git, one command and one host: it lies nowhere, and nobody else is shown it. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../../src/job/result.ts';
import { APP_PERMISSIONS } from '../../../src/forge/github/tokens.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { sh } from '../../workspace/scene.ts';
import { openBench, type Bench, type Ran } from '../cli.ts';
import { filesWith, formsOf, shownIn, watchProcesses } from './secret.ts';

const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
const OTHER_TOKEN = 'ghp_eveeveeveeveeveeveeveeveeveeveeveeve';
const FILES = { 'README.md': '# Tool\n' };
/** Writes down all that an agent can see of itself, of others and of git. */
const SPY = `#!/bin/sh
cat > prompt.txt
env > seen.txt
cat /proc/*/environ /proc/*/cmdline >> seen.txt 2> /dev/null
find . -path ./seen.txt -prune -o -type f -path '*.git*' -exec cat {} + >> seen.txt 2> /dev/null
cat "$HOME"/.git* "$HOME"/.config/git/* /etc/gitconfig >> seen.txt 2> /dev/null
# So that it is seen in its turn, by who looks now and then.
sleep 1
exit 0
`;

let bench: Bench;
let forge: TestForge;
beforeEach(async () => {
  bench = openBench();
  const folder = join(bench.root, 'config', 'agent-runner');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.yml'), 'github_pace_ms: 0\nfork_poll_s: 0.05\nretry:\n  base_ms: 10\n');
  forge = await startTestForge({
    users: [{ login: 'ann' }, { login: 'bot', token: TOKEN }, { login: 'eve', token: OTHER_TOKEN }],
  });
});
afterEach(async () => {
  bench.remove();
  await forge.close();
});

function words(...more: readonly string[]): readonly string[] {
  const judged = ['--check', 'true=true', '--setup', '', '--json'];
  return ['run', 'Look around', '--repo', 'ann/tool', '--agent', 'command', ...judged, ...more];
}

function environment(more: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const agent = bench.script('spy.sh', SPY);
  return {
    BOT_TOKEN: TOKEN,
    GITHUB_SERVER_URL: forge.url,
    AGENT_CMD: agent,
    AGENT_RUNNER_LOG_LEVEL: 'debug',
    ...more,
  };
}

function resultOf({ stdout }: Ran): JobResult {
  return JSON.parse(stdout === '' ? 'null' : stdout) as JobResult;
}

/** Runs a job with a slow push, and gives all that its processes showed of themselves. */
async function runWatched(env: Readonly<Record<string, string>>): Promise<{ ran: Ran; processes: string }> {
  forge.setFault({ kind: 'slow', method: 'GIT', path: /git-receive-pack/, delayMs: 500, times: 1 });
  const running = bench.start(words(), env);
  const watch = watchProcesses(running.child.pid ?? 0);
  const ran = await running.done;
  return { ran, processes: watch.stop() };
}

/** All that the agent saw, from the branch that was proposed. */
function seenByAgent({ branch, fork_repo: fork }: JobResult): string {
  const [owner = 'ann', name = 'tool'] = fork?.split('/') ?? [];
  const folder = forge.folder(owner, name);
  return ['seen.txt', 'prompt.txt'].map((file) => sh(folder, 'show', `${String(branch)}:${file}`)).join('\n');
}

describe('the credential', () => {
  it('of an account is in no process, no file and nothing that an agent sees', async () => {
    await forge.addRepository({ owner: 'ann', name: 'tool', from: FILES });
    const { ran, processes } = await runWatched(environment());
    const result = resultOf(ran);
    expect(result.outcome, ran.stderr).toBe('pr_opened');
    expect(processes).toMatch(/git .*push /);
    expect(processes).toContain('AGENT_RUNNER_OUT');
    expect(shownIn(processes, [TOKEN])).toEqual([]);
    const seen = seenByAgent(result);
    expect(seen).toContain('PATH=');
    expect(shownIn(seen, [TOKEN])).toEqual([]);
    const logs = await bench.run(['logs', result.job_id, '--json'], environment());
    expect(shownIn([ran.stdout, ran.stderr, logs.stdout].join('\n'), [TOKEN])).toEqual([]);
    expect(filesWith(bench.root, [TOKEN])).toEqual([]);
  });

  it('of an App is for one repository and job, and lies about as little', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    await forge.addRepository({ owner: 'ann', name: 'tool', from: FILES });
    await forge.addRepository({ owner: 'ann', name: 'other', from: FILES });
    const permissions = { ...APP_PERMISSIONS, administration: 'write' } as const;
    const { app } = forge.addApp({
      slug: 'runner',
      publicKey,
      permissions,
      installations: [{ account: 'ann' }],
    });
    const keys = mkdtempSync(join(tmpdir(), 'agent-runner-key-'));
    try {
      writeFileSync(join(keys, 'app.pem'), privateKey);
      const who = {
        GITHUB_APP_ID: String(app.id),
        GITHUB_APP_KEY_FILE: join(keys, 'app.pem'),
        BOT_TOKEN: '',
      };
      const { ran, processes } = await runWatched(environment(who));
      const result = resultOf(ran);
      expect(result.outcome, ran.stderr).toBe('pr_opened');
      const minted = forge.state().tokens.filter((one) => one.kind === 'installation');
      // One to look before the job is accepted, and one for the job.
      const narrow = { repositoryIds: [forge.repo('ann', 'tool').id], permissions: APP_PERMISSIONS };
      expect(minted).toMatchObject([narrow, narrow]);
      const line = privateKey.split('\n')[3] ?? '';
      const secrets = [...minted.map((one) => one.token), line];
      const told = [processes, seenByAgent(result), ran.stdout, ran.stderr].join('\n');
      expect(shownIn(told, secrets)).toEqual([]);
      expect(filesWith(bench.root, secrets)).toEqual([]);
    } finally {
      rmSync(keys, { recursive: true, force: true });
    }
  });

  it.each([
    ['git', { method: 'GIT', path: /info\/refs$/ }, /unable to access 'http:\/\/127/],
    ['the REST interface', { method: 'POST', path: /\/pulls$/ }, /422 Validation Failed/],
  ])('is in no error where %s fails and quotes an address', async (_, which, said) => {
    await forge.addRepository({ owner: 'ann', name: 'tool', from: FILES });
    forge.setFault({ kind: 'unprocessable', ...which });
    const ran = await bench.run(words(), environment());
    expect(resultOf(ran).error?.message).toMatch(said);
    expect(shownIn(ran.stdout + ran.stderr, [TOKEN])).toEqual([]);
    expect(filesWith(bench.root, [TOKEN])).toEqual([]);
  });

  it('would be found in each of its forms', () => {
    const place = mkdtempSync(join(tmpdir(), 'agent-runner-forms-'));
    try {
      const texts = [
        TOKEN,
        Buffer.from(`x-access-token:${TOKEN}`).toString('base64'),
        ...['', 'a', 'ab'].map((before) => Buffer.from(`${before}${TOKEN}-after`).toString('base64')),
        Buffer.from(TOKEN).toString('hex').toUpperCase(),
      ];
      for (const [at, text] of texts.entries()) {
        expect(shownIn(`<${text}>`, [TOKEN]).length, text).toBeGreaterThan(0);
        writeFileSync(join(place, String(at)), `\0${text}\n`);
      }
      expect(filesWith(place, [TOKEN])).toHaveLength(texts.length);
      expect(formsOf(OTHER_TOKEN).filter((form) => texts.some((text) => text.includes(form)))).toEqual([]);
    } finally {
      rmSync(place, { recursive: true, force: true });
    }
  });
});

describe('a mirror', () => {
  it('serves nobody whose own credential can not list the remote', async () => {
    await forge.addRepository({
      owner: 'ann',
      name: 'tool',
      from: FILES,
      private: true,
      collaborators: { bot: 'write' },
    });
    const first = resultOf(await bench.run(words(), environment()));
    expect(first.outcome).toBe('pr_opened');
    const sha = String(first.base_sha);
    for (const [base, env] of [
      [[], { BOT_TOKEN: OTHER_TOKEN }],
      [['--base', sha], { BOT_TOKEN: OTHER_TOKEN }],
      [['--base', 'main'], { BOT_TOKEN: 'ghp_nobodynobodynobodynobodynobodynobody' }],
    ] as const) {
      const ran = await bench.run(words(...base), environment(env));
      expect(resultOf(ran), ran.stderr).toEqual({
        error: expect.objectContaining({ code: 'repo_unusable' }),
      });
    }
    // Without any token it is a remote like others, reached as this machine is set up to: not at all.
    const url = `${forge.url}/ann/tool`;
    const without = { BOT_TOKEN: '', GIT_TERMINAL_PROMPT: '0' };
    const ran = await bench.run(
      words('--base', sha).map((word) => (word === 'ann/tool' ? url : word)),
      environment(without),
    );
    expect(ran.code).not.toBe(0);
    expect(ran.stdout).not.toContain('pr_opened');
  });
});
