/** A repository that is hostile from the start: what a clone, a checkout or a look into it could run or follow. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from '../e2e/cli.ts';
import { createTally } from '../faults/tally.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { GIT_VECTORS } from './vectors.ts';

const CANARY = `CANARY${randomBytes(12).toString('hex')}`;
let bench: Bench;
let secrets: string;
let marks: string;
beforeAll(() => {
  bench = openBench();
  secrets = join(bench.root, 'host-only');
  marks = join(bench.root, 'marks');
  mkdirSync(secrets);
  mkdirSync(marks);
  writeFileSync(join(secrets, 'secret.txt'), `${CANARY}\n`);
});
afterAll(() => bench.remove());

/** Adds an entry to the index that no working copy could hold. */
function addEntry(repo: string, mode: string, id: string, path: string): void {
  sh(repo, 'update-index', '--add', '--cacheinfo', `${mode},${id},${path}`);
}

interface Hostile {
  readonly name: string;
  readonly make: (repo: string, mark: string) => void;
}

const REPOSITORIES: readonly Hostile[] = [
  {
    name: 'rules, settings and manifests that are links to files of the host',
    make(repo) {
      for (const name of [
        'AGENTS.md',
        'CLAUDE.md',
        'README.md',
        'package.json',
        'package-lock.json',
        'pyproject.toml',
        'Makefile',
      ])
        symlinkSync(join(secrets, 'secret.txt'), join(repo, name));
      symlinkSync(secrets, join(repo, 'docs'));
      sh(repo, 'add', '--all');
    },
  },
  {
    name: 'submodules whose URL, path and name are commands or options',
    make(repo, mark) {
      const head = sh(repo, 'rev-parse', 'HEAD');
      const modules = [
        `[submodule "a"]\n\tpath = a\n\turl = ext::sh -c touch% ${mark}\n\tupdate = !touch ${mark}\n`,
        `[submodule "b"]\n\tpath = b\n\turl = -u./payload\n`,
        `[submodule "../../.git/hooks"]\n\tpath = c\n\turl = ./payload\n`,
        `[submodule "d"]\n\tpath = "d\\r"\n\turl = ./payload\n`,
      ];
      write(repo, { '.gitmodules': modules.join(''), payload: `#!/bin/sh\ntouch ${mark}\n` });
      sh(repo, 'add', '--all');
      for (const path of ['a', 'b', 'c', 'd\r']) addEntry(repo, '160000', head, path);
    },
  },
  {
    name: 'attributes with filters, LFS pointers and encodings',
    make(repo, mark) {
      write(repo, {
        '.gitattributes': '* filter=lfs diff=lfs merge=lfs -text export-subst\n',
        '.lfsconfig': `[lfs]\n\turl = ext::sh -c touch% ${mark}\n`,
        'big.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
      });
      sh(repo, '-c', 'filter.lfs.clean=cat', 'add', '--all');
    },
  },
  {
    name: 'names that are options, magic or not what they seem',
    make(repo) {
      const blob = sh(repo, 'rev-parse', 'HEAD:a.txt');
      for (const path of [
        '-rf',
        '--upload-pack=x',
        '--',
        ':(top)x',
        'bidi\u202etxt.exe',
        'new\nline',
        'CASE',
        'case',
        'e\u0301',
        '\u00e9',
        '-/x',
      ])
        addEntry(repo, '100644', blob, path);
      sh(repo, 'checkout-index', '--all', '--force');
    },
  },
  {
    name: 'settings of the runner that a repository may not make',
    make(repo, mark) {
      write(repo, {
        '.agent-runner/config.yml': 'model: small\n',
        '.claude/settings.json': `{"hooks": {"PreToolUse": [{"command": "touch ${mark}"}]}}`,
        '.mcp.json': `{"mcpServers": {"x": {"command": "touch", "args": ["${mark}"]}}}`,
        '.envrc': `touch ${mark}\n`,
        '.husky/pre-commit': `#!/bin/sh\ntouch ${mark}\n`,
        '.npmrc': `script-shell=touch ${mark}\n`,
      });
      sh(repo, 'add', '--all');
    },
  },
];

async function runOn(repo: string): Promise<{ result: JobResult; said: string }> {
  const ran = await bench.run(
    [
      'run',
      'Be honest',
      '--repo',
      repo,
      '--json',
      '--check',
      'honest=grep -q honest honest.txt',
      '--setup',
      '',
    ],
    {
      AGENT_CMD: bench.script('honest.sh', '#!/bin/sh\ncat\necho honest > honest.txt\n'),
    },
  );
  expect(ran.stdout, ran.stderr).not.toBe('');
  return { result: JSON.parse(ran.stdout) as JobResult, said: ran.stdout + ran.stderr };
}

describe.skipIf(!HAS_BUBBLEWRAP)('a hostile repository (bubblewrap: apt-get install bubblewrap)', () => {
  const tally = createTally('hostile repositories');
  afterAll(() => tally.close());

  it.each(REPOSITORIES)('$name', async ({ name, make }) => {
    await tally.attempt(async () => {
      const mark = join(marks, name.replace(/[^a-z]+/gi, '-'));
      const repo = makeRepository(join(bench.root, name.replace(/[^a-z]+/gi, '-')), { 'a.txt': 'one\n' });
      make(repo, mark);
      sh(repo, 'commit', '--quiet', '--message', 'hostile');
      const { result, said } = await runOn(repo);
      expect(result, said).toMatchObject({ outcome: 'proposed' });
      expect(sh(repo, 'show', `${result.branch}:honest.txt`)).toBe('honest');
      expect(sh(repo, 'diff', '--name-only', String(result.base_sha), String(result.branch))).toBe(
        'honest.txt',
      );
      expect(said).not.toContain(CANARY);
      expect(readdirSync(marks)).toEqual([]);
    });
  });

  it("a person's own repository whose .git is full of traps", async () => {
    await tally.attempt(async () => {
      const repo = makeRepository(join(bench.root, 'trapped'), { 'a.txt': 'one\n', 'dir/b.txt': 'two\n' });
      const mark = join(marks, 'trapped');
      // Those that change how git finds or reads the repository itself would only break it.
      const usable = GIT_VECTORS.filter(
        ({ name }) =>
          !['a .git file', 'core.worktree', 'ext:: by insteadOf', 'core.sshCommand'].includes(name),
      );
      for (const vector of usable) {
        const planted = spawnSync(
          'sh',
          [
            '-c',
            vector.plant(`${mark}-${vector.name.replace(/[^a-z]+/gi, '-')}`, join(secrets, 'secret.txt')),
          ],
          {
            cwd: repo,
            stdio: 'ignore',
            env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
          },
        );
        expect(planted.status).toBe(0);
      }
      for (const name of readdirSync(marks)) rmSync(join(marks, name));
      const { result, said } = await runOn(repo);
      expect(result, said).toMatchObject({ outcome: 'proposed' });
      expect(readdirSync(marks)).toEqual([]);
    });
  });

  it('no byte of the host is in what was kept', () => {
    const found = spawnSync('grep', ['-rlF', '--devices=skip', CANARY, bench.home], { encoding: 'utf8' });
    expect(found.stdout).toBe('');
  });
});
