/** Jobs that move to another home as one file, and files that are refused. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';
import { openBench, type Bench, type Ran } from '../cli.ts';

let bench: Bench;
let repo: string;
let job: JobResult;
let archive: string;
beforeAll(async () => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n', 'b.txt': 'b\n' });
  sh(repo, 'commit', '--quiet', '--allow-empty', '--message', 'later');
  const args = ['run', 'Change a', '--repo', repo, '--json', '--check', 'ok=grep two a.txt', '--setup', ''];
  const ran = await bench.run(args, { AGENT_CMD: 'echo "${TURN:-working}"; echo two > a.txt' });
  job = JSON.parse(ran.stdout) as JobResult;
  archive = join(bench.root, 'job.tar');
  const exported = await bench.run(['export', job.job_id, '--out', archive, '--json']);
  expect(JSON.parse(exported.stdout), exported.stderr).toMatchObject({ jobs: [job.job_id], left_out: [] });
});
afterAll(() => bench.remove());

/** A command on another home. */
function there(home: string, args: readonly string[], cwd?: string): Promise<Ran> {
  return bench.run(args, { AGENT_RUNNER_HOME: join(bench.root, home) }, cwd);
}

describe('a job that moved', () => {
  beforeAll(async () => {
    const imported = await there('other', ['import', archive]);
    expect(imported, imported.stderr).toMatchObject({ code: 0, stdout: `${job.job_id}\n` });
  });

  it.each([['status'], ['logs'], ['diff']])('says the same to %s', async (command) => {
    const flags = command === 'diff' ? [] : ['--json'];
    const [here, now] = [
      await bench.run([command, job.job_id, ...flags]),
      await there('other', [command, job.job_id, ...flags]),
    ];
    expect(now, now.stderr).toEqual(here);
    expect(now.stdout).toMatch(/two|proposed/);
  });

  it('has its result, with paths of the home it is in now', async () => {
    const ran = await there('other', ['result', job.job_id, '--json']);
    const now = JSON.parse(ran.stdout) as JobResult;
    const [before, after] = [JSON.stringify(job), JSON.stringify(now)];
    expect(after).toBe(before.replaceAll(`${bench.home}/`, `${join(bench.root, 'other')}/`));
    expect(readFileSync(now.patch_path ?? '', 'utf8')).toContain('+two');
    const [log] = now.gate.runs.flatMap((run) => run.checks.map((check) => check.log));
    expect(existsSync(log ?? '')).toBe(true);
    const listed = await there('other', ['list', '--search', 'change', '--json']);
    expect(JSON.parse(listed.stdout)).toMatchObject({ jobs: [{ job_id: job.job_id, outcome: 'proposed' }] });
  });

  it('gives its work back, and is played back', async () => {
    const clone = join(bench.root, 'clone');
    sh(bench.root, 'clone', '--quiet', repo, clone);
    const out = await there('other', ['checkout', job.job_id], clone);
    expect(out, out.stderr).toMatchObject({ code: 0, stdout: `${job.branch}\n` });
    expect(readFileSync(join(clone, 'a.txt'), 'utf8')).toBe('two\n');
    const bundle = join(bench.root, 'work.bundle');
    const recovered = await there('other', ['recover', job.job_id, '--bundle', bundle]);
    expect(recovered.code, recovered.stderr).toBe(0);
    sh(clone, 'fetch', '--quiet', bundle, `refs/agent-runner/wip/${job.job_id}`);
    const branch = await there('other', ['recover', job.job_id, '--branch', 'back']);
    expect(branch.code, branch.stderr).toBe(0);
    expect(sh(repo, 'show', 'back:a.txt')).toBe('two');
    const replayed = await there('other', ['replay', job.job_id]);
    expect(replayed.stdout, replayed.stderr).toMatch(/^replay +equal$/m);
  });

  it('is refused where it is already, or passed over; a worker finds nothing to do', async () => {
    const again = await there('other', ['import', archive]);
    expect([again.code, again.stderr]).toEqual([64, expect.stringContaining(`already: ${job.job_id}`)]);
    const skipped = await there('other', ['import', archive, '--skip-existing', '--json']);
    expect(JSON.parse(skipped.stdout)).toEqual({ imported: [], skipped: [job.job_id] });
    const worked = await there('other', ['worker', '--once']);
    expect(JSON.parse(worked.stdout)).toMatchObject({ tasks_started: 0 });
    const over = await bench.run(['export', job.job_id, '--out', archive]);
    expect([over.code, over.stderr]).toEqual([64, expect.stringContaining('is there already')]);
  });

  it('joins work that is there: the repository knows both, and its whole history', async () => {
    const second = await bench.run(['run', 'Change b', '--repo', repo, '--json', '--check', 'ok=true'], {
      AGENT_CMD: 'echo three > b.txt',
    });
    const { job_id: id } = JSON.parse(second.stdout) as JobResult;
    const file = join(bench.root, 'second.tar');
    expect((await bench.run(['export', '--search', 'change b', '--out', file])).code).toBe(0);
    expect((await there('other', ['import', file])).code).toBe(0);
    for (const one of [id, job.job_id]) {
      const diff = await there('other', ['diff', one]);
      expect(diff.stdout, diff.stderr).toMatch(/\+(two|three)/);
    }
  });
});

interface Part {
  name: string;
  data: Buffer;
  type?: string;
}

/** The members of an archive. */
function partsOf(path: string): Part[] {
  const all = readFileSync(path);
  const parts: Part[] = [];
  for (let at = 0; all[at] !== 0;) {
    const name = all.toString('latin1', at, at + 100).replace(/\0.*/s, '');
    const bytes = Number.parseInt(all.toString('latin1', at + 124, at + 135), 8);
    parts.push({ name, data: all.subarray(at + 512, at + 512 + bytes) });
    at += 512 + Math.ceil(bytes / 512) * 512;
  }
  return parts;
}

/** An archive as somebody else would write it, with sums that fit. */
function written(name: string, parts: readonly Part[], size?: string): string {
  const blocks: Buffer[] = [];
  const rest = parts.filter((part) => part.name !== 'SHA256SUMS');
  const sums = rest.map((one) => `${createHash('sha256').update(one.data).digest('hex')}  ${one.name}\n`);
  for (const part of [...rest, { name: 'SHA256SUMS', data: Buffer.from(sums.join('')), type: '0' }]) {
    const header = Buffer.alloc(512);
    header.write(part.name, 0, 100, 'latin1');
    const bytes = part.data.length.toString(8).padStart(11, '0');
    header.write(part === rest.at(-1) ? (size ?? bytes) : bytes, 124);
    header.write('        ', 148);
    header.write(part.type ?? '0', 156);
    header.write('ustar\u000000', 257, 'latin1');
    header.write(
      `${header
        .reduce((a, b) => a + b, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
      'latin1',
    );
    blocks.push(header, part.data, Buffer.alloc((512 - (part.data.length % 512)) % 512));
  }
  const path = join(bench.root, name);
  writeFileSync(path, Buffer.concat([...blocks, Buffer.alloc(1024)]));
  return path;
}

/** The archive with one member changed. */
function changed(end: string, change: (text: string) => string): Part[] {
  return partsOf(archive).map((part) =>
    part.name.endsWith(end) ? { ...part, data: Buffer.from(change(part.data.toString('utf8'))) } : part,
  );
}

describe('a file from anybody', () => {
  let runner: Runner;
  beforeAll(async () => {
    const flags = { home: join(bench.root, 'hostile') };
    const env = { PATH: process.env['PATH'] };
    runner = await openRunner(await resolveConfig({ flags, env, cwd: bench.root, projectFile: null }));
  });
  afterAll(() => runner.close());
  const id = (): string => job.job_id;
  const extra = (part: Part): Part[] => [...partsOf(archive), part];
  const data = Buffer.from('x');
  const cases: readonly (readonly [string, () => Part[], RegExp])[] = [
    [
      'a path that leaves the folder',
      () => extra({ name: `${id()}/logs/../../../x`, data }),
      /name .* is not allowed/,
    ],
    ['an absolute path', () => extra({ name: '/etc/x', data }), /name .* is not allowed/],
    ['a link', () => extra({ name: `${id()}/logs/x`, data: Buffer.alloc(0), type: '2' }), /is no plain file/],
    ['a folder', () => extra({ name: `${id()}/logs`, data: Buffer.alloc(0), type: '5' }), /is no plain file/],
    ['a file of no job', () => extra({ name: 'job-000000000000/job.json', data }), /does not belong there/],
    ['a file of another kind', () => extra({ name: `${id()}/git/config`, data }), /does not belong there/],
    ['a file that comes twice', () => extra({ name: `${id()}/job.json`, data }), /comes twice/],
    [
      'another version',
      () => changed('agent-runner.json', (t) => t.replace('"version":1', '"version":2')),
      /version: 2 came, allowed: 1/,
    ],
    [
      'a job that has not ended',
      () => changed('/job.json', (t) => t.replace('"status":"completed"', '"status":"queued"')),
      /job\.json: status/,
    ],
    [
      'an outcome of another status',
      () => changed('/job.json', (t) => t.replace('"outcome":"proposed"', '"outcome":"gave_up"')),
      /outcome: gave_up does not belong/,
    ],
    [
      'a repository that is an option',
      () => changed('/job.json', (t) => t.replace(/"repo":"[^"]*"/, '"repo":"--upload-pack=x"')),
      /request\.repo: no repository/,
    ],
    [
      'a job with a token',
      () => changed('/job.json', (t) => t.replace('"draft":false', '"draft":false,"sealed_token":"v1.x"')),
      /sealed_token: it holds a token/,
    ],
    [
      'a ref of somebody else',
      () => changed('/work.json', (t) => t.replace(/refs\/agent-runner\/wip[^"]*/, 'refs/heads/main')),
      /no ref of this job/,
    ],
    [
      'a commit that is not there',
      () =>
        changed('/work.json', (t) => t.replace(/"commit":"[0-9a-f]{40}"/, `"commit":"${'a'.repeat(40)}"`)),
      /there is no commit a{40}/,
    ],
    [
      'a log with a gap',
      () => changed('/events.jsonl', (t) => t.replace('"seq":2,', '"seq":3,')),
      /line 2: seq: 3 came, allowed: 2/,
    ],
    [
      'a step by another name',
      () => changed('/steps.json', (t) => t.replace('"build-1"', '"../x"')),
      /no name of a step/,
    ],
  ];

  it.each(cases)('%s is refused, and nothing is kept', async (name, parts, message) => {
    const path = written(`${name.replaceAll(' ', '-')}.tar`, parts());
    const refused = runner.archives.take(path, { skipExisting: false });
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(refused).rejects.toThrow(message);
    expect(await runner.store.listJobs({ limit: 1 })).toEqual([]);
    expect(existsSync(runner.layout.job(id()).root)).toBe(false);
  });

  it('changed bytes, a part of a file, giant sizes and things that are no file are refused', async () => {
    const bytes = readFileSync(archive);
    const flipped = Buffer.from(bytes);
    flipped.write('Chance', bytes.indexOf('Change a'));
    writeFileSync(join(bench.root, 'flipped.tar'), flipped);
    writeFileSync(join(bench.root, 'cut.tar'), bytes.subarray(0, bytes.length - 3000));
    sh(bench.root, 'init', '--quiet', 'no-archive');
    const giant = written('giant.tar', partsOf(archive), '77777777777');
    for (const [path, message] of [
      [join(bench.root, 'flipped.tar'), /job\.json is not what SHA256SUMS says/],
      [join(bench.root, 'cut.tar'), /cut off/],
      [giant, /cut off in/],
      [join(bench.root, 'no-archive'), /no plain file/],
      [join(bench.root, 'nothing.tar'), /no such file/],
    ] as const) {
      await expect(runner.archives.take(path, { skipExisting: false })).rejects.toThrow(message);
    }
    rmSync(giant);
  });

  it('a folder that the database does not know is left alone, unless an import that died left it', async () => {
    const { root } = runner.layout.job(id());
    mkdirSync(root, { recursive: true });
    await expect(runner.archives.take(archive, { skipExisting: false })).rejects.toThrow(/does not know/);
    expect(await runner.store.getJob(id())).toBeNull();
    writeFileSync(join(root, 'importing'), '');
    expect(await runner.archives.take(archive, { skipExisting: false })).toMatchObject({ imported: [id()] });
    expect(readdirSync(root)).toEqual(['logs', 'proposal.patch']);
    expect(readdirSync(join(root, '..'))).toEqual([id()]);
  });

  it('loses what it was allowed elsewhere', async () => {
    const loose = changed('/job.json', (text) =>
      text
        .replace('"allow_host":false', '"allow_host":true')
        .replace(/"sandbox":"\w+"/, '"sandbox":"host"')
        .replace('"network":false', '"network":true,"callback_url":"https://hook.example.org/secret"')
        .replace('"draft":false', '"draft":false,"sealed_token":null,"issue":"ann/tool#1"'),
    );
    const ran = await there('loose', ['import', written('loose.tar', loose)]);
    expect(ran.code, ran.stderr).toBe(0);
    const file = join(bench.root, 'loose-again.tar');
    await there('loose', ['export', id(), '--out', file]);
    const kept = partsOf(file)
      .find((part) => part.name.endsWith('/job.json'))
      ?.data.toString('utf8');
    expect(JSON.parse(kept ?? '')).toMatchObject({
      request: { allow_host: false, sandbox: 'auto', network: false, issue: 'ann/tool#1' },
    });
    expect(kept).not.toContain('hook.example.org');
    // Done with a token of its own, it is not done again with that of this home.
    const retried = await there('loose', ['retry', id()]);
    expect(retried.code).not.toBe(0);
    expect(retried.stderr).toContain('with a token of its own');
  });
});
