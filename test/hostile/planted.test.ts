/** Traps in a working copy: none runs on the host, no byte of the host travels, the honest edit is published. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { HAS_BUBBLEWRAP, openBench, userPath, type Bench } from '../e2e/cli.ts';
import { createTally } from '../faults/tally.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { FILE_VECTORS, GIT_VECTORS, type Vector } from './vectors.ts';

const CANARY = `CANARY${randomBytes(12).toString('hex')}`;
let bench: Bench;
let person: string;
let remote: string;
let canary: string;
let marks: string;

beforeAll(() => {
  bench = openBench();
  person = makeRepository(join(bench.root, 'person'), {
    'a.txt': 'one\n',
    'dir/b.txt': 'two\n',
    'README.md': 'read me\n',
    'AGENTS.md': 'rules\n',
  });
  remote = join(bench.root, 'remote.git');
  sh(bench.root, 'clone', '--quiet', '--bare', person, remote);
  marks = join(bench.root, 'marks');
  mkdirSync(marks);
  mkdirSync(join(bench.root, 'host-only'));
  canary = join(bench.root, 'host-only', 'secret.txt');
  writeFileSync(canary, `${CANARY}\n`);
});
afterAll(() => bench.remove());

function markOf(vector: Vector, who: string): string {
  return join(marks, `${who}-${vector.name.replace(/[^A-Za-z0-9]+/g, '-')}`);
}

/** Everything git keeps in a repository, as it is before compression. */
function objectsOf(repository: string): string {
  return execFileSync('git', ['--git-dir', repository, 'cat-file', '--batch', '--batch-all-objects'], {
    maxBuffer: 64 * 1024 * 1024,
  }).toString('latin1');
}

/** Where the canary was found: in what the runner keeps as plain files, or in what it publishes or saves. */
function leaks(): string[] {
  const found = spawnSync('grep', ['-rlF', '--devices=skip', CANARY, bench.home], {
    encoding: 'utf8',
  }).stdout;
  const saved = join(bench.home, 'saved');
  const repositories = existsSync(saved) ? readdirSync(saved).map((name) => join(saved, name)) : [];
  return [
    ...found.split('\n').filter(Boolean),
    ...[remote, ...repositories].filter((repository) => objectsOf(repository).includes(CANARY)),
  ];
}

/** The agent: prints what it was told, edits honestly, plants. */
function agentOf(vector: Vector): string {
  const script = [
    '#!/bin/sh',
    'cat',
    'echo honest > honest.txt',
    'echo more >> dir/b.txt',
    vector.plant(markOf(vector, 'job'), canary),
    'true',
    '',
  ];
  return bench.script(`${vector.name.replace(/[^A-Za-z0-9]+/g, '-')}.sh`, script.join('\n'));
}

/** Plants in a clone as the agent would, then works on it as a person would. */
function useNaively(vector: Vector): void {
  const clone = join(bench.root, 'clones', vector.name.replace(/[^A-Za-z0-9]+/g, '-'));
  const env = {
    PATH: userPath(),
    HOME: join(bench.root, 'nobody'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    ...Object.fromEntries(
      ['AUTHOR', 'COMMITTER'].flatMap((who) => [
        [`GIT_${who}_NAME`, 'Person'],
        [`GIT_${who}_EMAIL`, 'person@example.org'],
      ]),
    ),
  };
  sh(bench.root, 'clone', '--quiet', remote, clone);
  const options = { cwd: clone, env, timeout: 20_000, stdio: 'ignore' as const };
  spawnSync(
    'sh',
    [
      '-c',
      `echo honest > honest.txt\necho more >> dir/b.txt\n${vector.plant(markOf(vector, 'naive'), canary)}`,
    ],
    options,
  );
  for (const args of [
    ['status'],
    ['diff'],
    ['add', '--all'],
    ['commit', '-qm', 'x'],
    ['push', '-q', 'origin', 'HEAD:refs/heads/naive'],
    ['push', '-q', '--delete', 'origin', 'naive'],
  ])
    spawnSync('git', args, options);
}

describe.skipIf(!HAS_BUBBLEWRAP)('planted by an agent (bubblewrap: apt-get install bubblewrap)', () => {
  const tally = createTally('planted traps');
  afterAll(() => tally.close());

  it.concurrent.each([...GIT_VECTORS, ...FILE_VECTORS])('$name', async (vector) => {
    await tally.attempt(async () => {
      const ran = await bench.run(
        ['run', 'Be honest', '--repo', remote, '--json', '--check', 'honest=grep -q honest honest.txt'],
        { AGENT_CMD: agentOf(vector) },
      );
      const result = JSON.parse(ran.stdout) as JobResult;
      expect(result, ran.stderr).toMatchObject({ outcome: 'proposed' });
      expect(sh(remote, 'show', `${result.branch}:honest.txt`)).toBe('honest');
      expect(ran.stdout + ran.stderr).not.toContain(CANARY);
      expect(existsSync(markOf(vector, 'job'))).toBe(false);
      expect(existsSync(join(bench.home, 'jobs', result.job_id, 'tree'))).toBe(false);
    });
  });

  it('nothing of the host is in what was published, saved, logged or stored', () => {
    expect(leaks()).toEqual([]);
    expect(readdirSync(marks).filter((name) => name.startsWith('job-'))).toEqual([]);
  });
});

describe('the traps are real', () => {
  it('git as a person uses it runs them', () => {
    const vectors = [...GIT_VECTORS, ...FILE_VECTORS].filter((vector) => vector.firesNaively);
    for (const vector of vectors) useNaively(vector);
    const fired = vectors.filter((vector) => existsSync(markOf(vector, 'naive'))).map(({ name }) => name);
    console.log(`traps that naive git runs: ${vectors.length} tried, ${fired.length} ran`);
    expect(fired).toEqual(vectors.map(({ name }) => name));
  });
});
