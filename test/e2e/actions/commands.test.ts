/** A run without a server, command by command: what each writes, and what the one that may push refuses. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import { JobError } from '../../../src/job/error.ts';
import { readChange, type Verdict } from '../../../src/runner/actions/artifact.ts';
import { permissionOf, type Permission } from '../../../src/runner/actions/decision.ts';
import { proposeBundle, type ProposeBundleInput } from '../../../src/runner/actions/propose.ts';
import { fetchUpstream, type Upstream } from '../../../src/runner/actions/upstream.ts';
import {
  inFolder,
  reachNamed,
  type Attended,
  type ForgeParts,
  type Reached,
} from '../../../src/runner/forge/alone/fork.ts';
import { openForge } from '../../../src/runner/open.ts';
import { resolveRequest } from '../../../src/runner/request/resolve.ts';
import { sh, write } from '../../workspace/scene.ts';
import type { Ran } from '../cli.ts';
import { openForgePlace, OWNER_TOKEN, TOKEN, type ForgePlace } from '../github/place.ts';

const TASK = 'Say hello in hello.txt\nand `nothing` else';
let place: ForgePlace;
let digests: Record<string, string>;

/** Values that a step left for those after it. */
function outputsOf(path: string): Record<string, string> {
  const text = readFileSync(path, 'utf8');
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)<<(.*)\n([\s\S]*?)\n\2$/gm)].map(([, name = '', , value = '']) => [name, value]),
  );
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function at(...parts: string[]): string {
  return join(place.bench.root, ...parts);
}

function nobody(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { GITHUB_SERVER_URL: place.forge.url, TASK_DESCRIPTION: TASK, ...more };
}

function verify(bundle: string, verdict: string, ...more: readonly string[]): Promise<Ran> {
  const flags = [
    '--upstream',
    'ann/tool',
    '--job-id',
    'job-1',
    '--bundle',
    at(bundle),
    '--verdict',
    at(verdict),
  ];
  return place.bench.run(
    ['actions', 'verify', ...flags, '--outputs', at(`${verdict}.out`), ...more],
    nobody(),
  );
}

interface Proposing {
  readonly bundleSha256?: string;
  readonly fork?: string;
  readonly token?: Readonly<Record<string, string>>;
}

function propose(what: Proposing = {}): Promise<Ran> {
  const flags = {
    upstream: 'ann/tool',
    fork: what.fork ?? 'bot/tool',
    'job-id': 'job-1',
    bundle: at('bundle'),
    verdict: at('verdict'),
    'bundle-sha256': what.bundleSha256 ?? digests['bundle_sha256'],
    'verdict-sha256': digests['verdict_sha256'],
    outputs: at('propose.out'),
    summary: at('propose.md'),
  };
  const words = Object.entries(flags).flatMap(([name, value = '']) => [`--${name}`, value]);
  return place.bench.run(['actions', 'propose', ...words], nobody(what.token ?? { BOT_TOKEN: TOKEN }));
}

beforeAll(async () => {
  place = await openForgePlace();
  const forked = await place.bench.run(['fork', 'ann/tool'], place.env());
  expect(forked.code, forked.stderr).toBe(0);
  const script = place.bench.script('agent.sh', '#!/bin/sh\necho hello > hello.txt\n');
  const agent = await place.bench.run(
    ['actions', 'agent', '--upstream', 'ann/tool', '--job-id', 'job-1', '--bundle', at('bundle')],
    nobody({ AGENT_CMD: script }),
  );
  expect(agent.code, agent.stderr).toBe(0);
  const verified = await verify('bundle', 'verdict', '--summary', at('verify.md'));
  expect(verified.code, verified.stderr).toBe(0);
  digests = outputsOf(at('verdict.out'));
});
afterAll(() => place.close());

describe('a run of three commands', () => {
  it('ends in one pull request of exactly the judged tree, also when its last step is done again', async () => {
    expect(readFileSync(at('verify.md'), 'utf8')).toContain('## Gate: green');
    expect(digests).toMatchObject({ verdict: 'green', permitted: 'true', error: '' });
    for (let round = 0; round < 2; round++) {
      const ran = await propose();
      expect(ran.code, ran.stderr).toBe(0);
    }
    const { pulls } = place.forge.repo('ann', 'tool');
    expect(pulls).toHaveLength(1);
    const sha = await place.forge.branch('bot', 'tool', 'bot/job-1');
    expect(pulls[0]).toMatchObject({ title: 'Say hello in hello.txt', state: 'open' });
    expect(pulls[0]?.body).toContain('| `test` | passed (1 passed) | passed (1 passed) | ✅ passed |');
    expect(outputsOf(at('propose.out'))).toMatchObject({ head_sha: sha, error: '' });
    expect(readFileSync(at('propose.md'), 'utf8')).toContain('/ann/tool/pull/1');
    // The commit is of our making: its message has nothing of the bundle's.
    const fork = place.forge.folder('bot', 'tool');
    const judged = (JSON.parse(readFileSync(at('verdict/verdict.json'), 'utf8')) as Verdict).tree_sha;
    expect(sh(fork, 'rev-parse', `${sha ?? ''}^{tree}`)).toBe(judged);
    expect(sh(fork, 'log', '-1', '--format=%B%an', sha ?? '')).toBe(
      'Say hello in hello.txt\n\nAgent-Runner-Job: job-1\nagent-runner',
    );
  });

  it('says what it refuses by exit code, output and summary', async () => {
    const ran = await propose({ bundleSha256: '0'.repeat(64) });
    expect(ran.code).toBe(64);
    expect(ran.stderr).toContain('::error title=Propose::conflict: bundle-sha256: the artifact has');
    expect(readFileSync(at('propose.out'), 'utf8')).toMatch(/error<<(.*)\nconflict: bundle-sha256: /);
  });
});

describe('what may push refuses', () => {
  const nothing: Attended = { signal: new AbortController().signal, onNotice: () => {} };
  let parts: ForgeParts;
  let upstream: Reached;
  let input: Omit<ProposeBundleInput, 'folder'>;
  beforeAll(async () => {
    const env = {
      ...place.env(),
      XDG_CONFIG_HOME: at('config'),
      HOME: place.bench.root,
      PATH: process.env['PATH'],
    };
    const config = await resolveConfig({ flags: { agent: 'simulated:noop' }, env, cwd: place.bench.root });
    parts = openForge(config);
    upstream = await reachNamed(parts, 'upstream', 'ann/tool', 'job-1', nothing);
    const asked = { task: TASK, repo: `${place.forge.url}/ann/tool`, allowHost: false };
    input = {
      jobId: 'job-1',
      request: await resolveRequest(config, asked),
      branch: 'bot/attack',
      bundle: at('bundle'),
      verdict: at('verdict'),
      bundleSha256: digests['bundle_sha256'] ?? '',
      verdictSha256: digests['verdict_sha256'] ?? '',
      runUrl: null,
      author: config.author,
    };
  });
  afterAll(async () => {
    for (const owner of ['ann', 'bot'])
      expect(await place.forge.branch(owner, 'tool', 'bot/attack')).toBeNull();
    expect(place.forge.repo('ann', 'tool').pulls).toHaveLength(1);
  });

  /** Copies of both artifacts, to be tampered with. */
  function copies(name: string): { readonly bundle: string; readonly verdict: string } {
    const [bundle, verdict] = [at(`${name}.bundle`), at(`${name}.verdict`)];
    cpSync(at('bundle'), bundle, { recursive: true });
    cpSync(at('verdict'), verdict, { recursive: true });
    return { bundle, verdict };
  }

  /** Writes another verdict. @returns its digest, as a job that judged so would tell it */
  function judged(folder: string, change: (verdict: Verdict) => object): string {
    const path = join(folder, 'verdict.json');
    const old = JSON.parse(readFileSync(path, 'utf8')) as Verdict;
    const text = JSON.stringify({ ...old, ...change(old) });
    writeFileSync(path, text);
    return sha256(text);
  }

  const red = ({ report }: Verdict): object => ({
    report: {
      ...report,
      verdict: 'red',
      checks: report.checks.map((one) => ({ ...one, verdict: 'failed', head: 'failed' })),
    },
  });

  async function refusal(more: Partial<ProposeBundleInput>, fork = 'ann/tool'): Promise<JobError> {
    const from = await reachNamed(parts, 'fork', fork, 'job-1', nothing);
    const done = inFolder((folder) => {
      const fetch = (base: string): Promise<Upstream> => fetchUpstream(upstream, folder, base);
      return proposeBundle(from, { upstreamName: 'ann/tool', fetch }, { ...input, folder, ...more });
    });
    const error: unknown = await done.catch((thrown: unknown) => thrown);
    if (error instanceof JobError) return error;
    throw new Error(`not refused: ${JSON.stringify(error)}`);
  }

  it('a bundle with a bit flipped', async () => {
    const { bundle } = copies('flipped');
    const path = join(bundle, 'change.bundle');
    const bytes = readFileSync(path);
    bytes[bytes.length - 30] = (bytes.at(-30) ?? 0) ^ 1;
    writeFileSync(path, bytes);
    expect((await refusal({ bundle })).message).toMatch(/^bundle-sha256: the artifact has/);
    // Even where the digest is made to fit, git does not take it.
    const { verdict } = copies('flipped-too');
    const bundleSha256 = sha256(bytes);
    const verdictSha256 = judged(verdict, () => ({ bundle_sha256: bundleSha256 }));
    const fits = await refusal({ bundle, verdict, bundleSha256, verdictSha256 });
    expect(fits.message).toMatch(/^bundle: git refuses it/);
  });

  it('a verdict that was red and was made green', async () => {
    const { verdict } = copies('greened');
    const verdictSha256 = judged(verdict, red);
    expect(await refusal({ verdict, verdictSha256 })).toMatchObject({ code: 'gate_failed' });
    judged(verdict, ({ report }) => ({ report: { ...report, verdict: 'green' } }));
    expect((await refusal({ verdict, verdictSha256 })).message).toMatch(/^verdict-sha256: the artifact has/);
  });

  it('a verdict without the digest that binds it', async () => {
    expect(await refusal({ verdictSha256: '' })).toMatchObject({ code: 'invalid_request' });
    expect(await refusal({ bundleSha256: '' })).toMatchObject({ code: 'invalid_request' });
  });

  it('a verdict of another job, another bundle, another upstream, another tree', async () => {
    const { bundle, verdict } = copies('other');
    const having = (change: object): Partial<ProposeBundleInput> => ({
      verdict,
      verdictSha256: judged(verdict, () => change),
    });
    expect((await refusal({ jobId: 'job-2' })).message).toBe(
      'verdict: it is of the job "job-1", this is job-2',
    );
    expect((await refusal(having({ job_id: 'job-2' }))).message).toContain(
      'job_id is "job-2", but the bundle says',
    );
    expect((await refusal(having({ job_id: 'job-1', bundle_sha256: '0'.repeat(64) }))).message).toContain(
      'another bundle',
    );
    const right = { bundle_sha256: digests['bundle_sha256'], upstream: 'eve/tool' };
    expect((await refusal(having(right))).message).toContain('upstream is "eve/tool"');
    expect((await refusal(having({ upstream: 'ann/tool', tree_sha: '1'.repeat(40) }))).message).toContain(
      'of the tree 111',
    );
    const sheet = join(bundle, 'change.json');
    writeFileSync(sheet, readFileSync(sheet, 'utf8').replace('"summary": "', '"summary": "x'));
    expect((await refusal({ bundle })).message).toContain('another change.json');
  });

  it('what the policy of the base blocks, and what it lets through as a draft', () => {
    const verdict = JSON.parse(readFileSync(at('verdict/verdict.json'), 'utf8')) as Verdict;
    const finding = { kind: 'x', severity: 'block', file: 'a', line: null, detail: 'b' } as const;
    const of = (report: Partial<Verdict['report']>, policy: Partial<Verdict['policy']> = {}): Permission =>
      permissionOf(input.request, {
        ...verdict,
        report: { ...verdict.report, ...report },
        policy: { ...verdict.policy, ...policy },
      });
    expect(of({ tamper: [finding] })).toMatchObject({ permits: false, error: { code: 'tampered' } });
    expect(of({ verdict: 'inconclusive' })).toMatchObject({
      permits: true,
      input: { draft: true, labels: ['unverified'] },
    });
    expect(of({ verdict: 'inconclusive' }, { on_inconclusive: 'block' })).toMatchObject({ permits: false });
    expect(of({ verdict: 'red' }, { on_red: 'draft' })).toMatchObject({
      permits: true,
      input: { draft: true },
    });
    const both = of({ verdict: 'red', tamper: [finding] }, { on_red: 'draft' });
    expect(both).toMatchObject({ permits: false, error: { code: 'tampered' } });
  });

  it('a repository that is no fork of the upstream', async () => {
    await place.forge.addRepository({ owner: 'bot', name: 'other', from: { a: 'b' } });
    expect(await refusal({}, 'bot/other')).toMatchObject({
      code: 'repo_unusable',
      message: 'fork: bot/other is no fork, not a fork of ann/tool',
    });
  });
});

describe('what judges refuses', () => {
  /** A bundle of a commit that a person makes in a clone. */
  function bundled(
    name: string,
    change: (clone: string) => void,
    refs: readonly string[] = [],
    commits = true,
  ): void {
    const clone = at(`${name}.clone`);
    sh(place.bench.root, 'clone', '-q', place.forge.folder('ann', 'tool'), clone);
    change(clone);
    if (commits) sh(clone, 'commit', '-qm', 'x', '--allow-empty');
    sh(clone, 'update-ref', 'refs/agent-runner/change', 'HEAD');
    mkdirSync(at(name));
    sh(
      clone,
      'bundle',
      'create',
      '-q',
      at(name, 'change.bundle'),
      '^HEAD~',
      'refs/agent-runner/change',
      ...refs,
    );
    const sheet = JSON.parse(readFileSync(at('bundle/change.json'), 'utf8')) as object;
    const head = { head_sha: sh(clone, 'rev-parse', 'HEAD') };
    writeFileSync(at(name, 'change.json'), JSON.stringify({ ...sheet, ...head }));
  }

  it('bundles that hold more or other than one change', async () => {
    bundled('two', (clone) => writeFileSync(join(clone, 'a'), 'a'), ['HEAD']);
    bundled('module', (clone) => {
      sh(clone, 'update-index', '--add', '--cacheinfo', `160000,${'1'.repeat(40)},sub`);
    });
    bundled('nothing', () => {});
    bundled(
      'dotgit',
      (clone) => {
        const blob = sh(clone, 'rev-parse', 'HEAD:sum.mjs');
        sh(clone, 'update-index', '--add', '--cacheinfo', `100644,${blob},x/git`);
        const tree = sh(clone, 'write-tree');
        // What no git makes by itself: a tree with an entry `.git`.
        const evil = sh(clone, 'rev-parse', `${tree}:x`);
        const bytes = execFileSync('git', ['cat-file', 'tree', evil], { cwd: clone });
        const named = Buffer.from(bytes.toString('latin1').replace('100644 git', '100644 .git'), 'latin1');
        const args = ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'];
        const made = execFileSync('git', args, { cwd: clone, input: named }).toString('utf8').trim();
        const all = `${sh(clone, 'ls-tree', 'HEAD')}\n040000 tree ${made}\tx\n`;
        const root = execFileSync('git', ['mktree'], { cwd: clone, input: all }).toString('utf8').trim();
        sh(clone, 'reset', '-q', '--soft', sh(clone, 'commit-tree', root, '-p', 'HEAD', '-m', 'x'));
      },
      [],
      false,
    );
    const said = await Promise.all(
      ['two', 'module', 'nothing', 'dotgit'].map(
        async (name) => [name, await verify(name, `${name}.verdict`)] as const,
      ),
    );
    const words = Object.fromEntries(said.map(([name, { code, stderr }]) => [name, `${code} ${stderr}`]));
    expect(words['two']).toMatch(/^64 [^]*its refs are not exactly/);
    expect(words['module']).toMatch(/^64 [^]*adds or moves a submodule/);
    expect(words['dotgit']).toMatch(/^64 [^]*git refuses it: .*hasDotgit/);
    expect(words['nothing']).toMatch(/^64 [^]*has all of it already/);
  });

  it('sheets that are links, too long, or of another job', async () => {
    rmSync(at('link'), { recursive: true, force: true });
    cpSync(at('bundle'), at('link'), { recursive: true });
    rmSync(at('link/change.json'));
    symlinkSync('/etc/passwd', at('link/change.json'));
    await expect(readChange(at('link'))).rejects.toThrow(/can't be read: ELOOP/);
    cpSync(at('bundle'), at('long'), { recursive: true });
    writeFileSync(at('long/change.json'), ' '.repeat(300_000));
    await expect(readChange(at('long'))).rejects.toThrow('it has 300000 bytes (at most 262144)');
    writeFileSync(at('long/change.json'), '{"version": 2}');
    await expect(readChange(at('long'))).rejects.toThrow('version: ');
    const { stderr, code } = await verify('bundle', 'x.verdict', '--job-id', 'job-2');
    expect(`${code} ${stderr}`).toMatch(/^64 [^]*it is of the job "job-1"/);
  });

  it('an agent that leaves its check red, and says which, and where its work is', async () => {
    const flags = [
      '--upstream',
      'ann/tool',
      '--job-id',
      'job-9',
      '--bundle',
      at('stuck'),
      '--max-gate-runs',
      '1',
    ];
    const script = place.bench.script(
      'break.sh',
      '#!/bin/sh\necho "export const sum = () => 0;" > sum.mjs\n',
    );
    const ran = await place.bench.run(
      ['actions', 'agent', ...flags, '--summary', at('stuck.md')],
      nobody({ AGENT_CMD: script }),
    );
    expect(ran.code, ran.stderr).toBe(1);
    const summary = readFileSync(at('stuck.md'), 'utf8');
    expect(summary).toMatch(
      /^## Agent: gate_failed\n\n`command`, 1 turn, [^]*\n- `test`: `[^]*kept as work\.bundle/,
    );
    // Nobody can look there once the machine is gone.
    expect(summary).not.toContain(place.bench.root);
    expect(existsSync(at('stuck', 'work.bundle'))).toBe(true);
  });

  it('a change whose check is red, and says so', async () => {
    bundled('red', (clone) => {
      writeFileSync(join(clone, 'sum.mjs'), 'export const sum = () => 0;\n');
      sh(clone, 'add', '-A');
    });
    const ran = await verify('red', 'red.verdict');
    expect(ran.code, ran.stderr).toBe(1);
    expect(outputsOf(at('red.verdict.out'))).toMatchObject({ verdict: 'red', permitted: 'false' });
    expect(ran.stderr).toContain('::error title=Verify::gate_failed');
  });
});

describe('what moved meanwhile', () => {
  /** Adds a commit to a branch on the forge, as a person does. */
  function push(owner: string, branch: string, files: Readonly<Record<string, string>>): void {
    const clone = at(`${owner}.person`);
    rmSync(clone, { recursive: true, force: true });
    sh(place.bench.root, 'clone', '-q', '--no-local', '-b', branch, place.forge.folder(owner, 'tool'), clone);
    write(clone, files);
    sh(clone, 'add', '--all');
    sh(clone, 'commit', '-qm', 'A person was here');
    sh(clone, 'push', '-q', 'origin', branch);
  }

  async function judge(): Promise<Ran> {
    const ran = await verify('bundle', 'verdict');
    const said = outputsOf(at('verdict.out'));
    if (ran.code === 0) digests = said;
    return ran;
  }

  it('a base takes the change over, and the commit of an earlier try is replaced in the same pull request', async () => {
    push('ann', 'main', { 'beside.txt': 'x\n' });
    const tip = await place.forge.branch('ann', 'tool', 'main');
    expect((await judge()).code).toBe(0);
    const before = await place.forge.branch('bot', 'tool', 'bot/job-1');
    const ran = await propose();
    expect(ran.code, ran.stderr).toBe(0);
    const after = (await place.forge.branch('bot', 'tool', 'bot/job-1')) ?? '';
    expect(after).not.toBe(before);
    const fork = place.forge.folder('bot', 'tool');
    expect(sh(fork, 'log', '-1', '--format=%P', after)).toBe(tip);
    expect(sh(fork, 'show', '--name-only', '--format=', after)).toBe('hello.txt');
    expect(place.forge.repo('ann', 'tool').pulls).toHaveLength(1);
  });

  it('a branch that a person went on with is left alone', async () => {
    push('bot', 'bot/job-1', { 'theirs.txt': 'x\n' });
    const theirs = await place.forge.branch('bot', 'tool', 'bot/job-1');
    expect((await judge()).code).toBe(0);
    const ran = await propose();
    expect(`${ran.code} ${ran.stderr}`).toMatch(/^64 [^]*which is not this job's work/);
    expect(await place.forge.branch('bot', 'tool', 'bot/job-1')).toBe(theirs);
  });

  it('the repository itself takes the branch, with the token that a workflow has', async () => {
    const ran = await propose({ fork: 'ann/tool', token: { GITHUB_TOKEN: OWNER_TOKEN } });
    expect(ran.code, ran.stderr).toBe(0);
    const { pulls, statuses } = place.forge.repo('ann', 'tool');
    const head = await place.forge.branch('ann', 'tool', 'bot/job-1');
    expect(pulls).toHaveLength(2);
    expect(statuses).toMatchObject([{ sha: head, context: 'agent-runner/gate', state: 'success' }]);
  });

  it('a base that the change does not fit ends the run, and says so', async () => {
    push('ann', 'main', { 'hello.txt': 'another\n' });
    const { code, stderr } = await judge();
    expect(`${code} ${stderr}`).toMatch(
      /^64 [^]*the base moved to \w+ while the agent worked, and the change does not fit/,
    );
  });
});
