/** Where jobs die: a home, a bare remote with a small project, and what must hold of a job whatever killed it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { isTerminal } from '../../src/job/status.ts';
import type { Store } from '../../src/store/store.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, readAllEvents, type Bench } from '../e2e/cli.ts';

/** Gate and setup take long enough to be killed in, and no longer. */
const PROJECT: Readonly<Record<string, string>> = {
  '.agent-runner.yml': [
    'setup: mkdir -p node_modules/dep && echo ready > node_modules/dep/state && sleep 0.1',
    'gate:',
    '  checks:',
    '    - name: test',
    '      command: sleep 0.1 && node --test test/',
    '',
  ].join('\n'),
  'package.json': '{"name": "sum", "private": true, "type": "module"}\n',
  'src/sum.js': 'export const sum = (a, b) => a + b;\n',
  'test/sum.test.js': [
    "import { test } from 'node:test';",
    "import assert from 'node:assert/strict';",
    "import { readFileSync } from 'node:fs';",
    "import { sum } from '../src/sum.js';",
    "test('adds', () => assert.equal(sum(1, 2), 3));",
    "test('is set up', () => assert.match(readFileSync('node_modules/dep/state', 'utf8'), /ready/));",
    '',
  ].join('\n'),
  'test/zero.test.js': [
    "import { test } from 'node:test';",
    "import assert from 'node:assert/strict';",
    "import { sum } from '../src/sum.js';",
    "test('zero', () => assert.equal(sum(0, 0), 0));",
    '',
  ].join('\n'),
};

/** A home and a bare remote that all jobs of a suite share: what one leaves behind meets the next. */
export interface Stage {
  readonly bench: Bench;
  readonly remote: string;
  /** Reads the home's database with the store's own code. */
  read<T>(look: (store: Store) => Promise<T>): Promise<T>;
  remove(): void;
}

/** Sets the stage in a fresh folder. */
export function setStage(): Stage {
  const bench = openBench();
  const person = makeRepository(join(bench.root, 'person'), PROJECT);
  const remote = join(bench.root, 'remote.git');
  sh(bench.root, 'clone', '--quiet', '--bare', person, remote);
  return {
    bench,
    remote,
    read: (look) => bench.read(look),
    remove: () => bench.remove(),
  };
}

/** Files of the agent that lie anywhere below a job's folder, however its working copy is made. */
export function worksOf(stage: Pick<Stage, 'bench'>, jobId: string): string[] {
  const root = join(stage.bench.home, 'jobs', jobId);
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.split('/').at(-1) ?? '')
    .filter((name) => /^work-\w+\.txt$/.test(name));
}

/** Paths in every commit that is kept for a job: its saved refs and its branch on the remote. */
function keptPaths(stage: Stage, job: Job): Set<string> {
  const saved = join(stage.bench.home, 'saved');
  const repositories = existsSync(saved)
    ? readdirSync(saved).flatMap((name) => (name.endsWith('.git') ? [join(saved, name)] : []))
    : [];
  const kept = new Set<string>();
  for (const repository of [...repositories, stage.remote]) {
    const refs = sh(repository, 'for-each-ref', '--format=%(refname)').split('\n');
    for (const ref of refs.filter((name) => name.includes(job.job_id))) {
      for (const path of sh(repository, 'ls-tree', '-r', '--name-only', ref).split('\n')) kept.add(path);
    }
  }
  return kept;
}

/**
 * Processes that belong to a folder: it is in their command line, or their mounts come from it (a process in a
 * sandbox names nothing else of ours).
 */
export function processesOf(folder: string): string[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  };
  const own = read('/proc/self/mountinfo');
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => {
      if (read(`/proc/${pid}/cmdline`).includes(folder)) return true;
      const mounts = read(`/proc/${pid}/mountinfo`);
      return mounts !== own && mounts.includes(folder);
    })
    .map((pid) => `${pid} ${read(`/proc/${pid}/cmdline`)}`);
}

/** How long the kernel and a dying git may take to be gone after a kill; what lives longer is an orphan. */
const GONE_WITHIN_MS = 2000;

/** What is still running of a folder 2 s after everything should be gone; nothing where all is well. */
export async function orphansOf(folder: string): Promise<string[]> {
  const ends = Date.now() + GONE_WITHIN_MS;
  let found = processesOf(folder);
  while (found.length > 0 && Date.now() < ends) {
    await sleep(20);
    found = processesOf(folder);
  }
  return found;
}

/** Whether SQLite finds the file whole. */
export function integrityOf(database: string): string {
  const db = new DatabaseSync(database, { readOnly: true, timeout: 10_000 });
  try {
    return String(db.prepare('PRAGMA integrity_check').get()?.['integrity_check']);
  } finally {
    db.close();
  }
}

/** Outcomes that come with a branch and a patch. */
const PROPOSALS: readonly string[] = ['proposed', 'pr_opened', 'pr_updated'];

/** What must hold of an ended job; each entry of the answer is a sentence that does not. */
export async function brokenPromises(
  stage: Stage,
  jobId: string,
  printed: JobResult,
  expected: { readonly outcomes: readonly string[]; readonly works: readonly string[] },
): Promise<string[]> {
  const broken: string[] = [];
  const must = (holds: boolean, sentence: string): void => {
    if (!holds) broken.push(sentence);
  };
  const { job, events } = await stage.read(async (store) => {
    return { job: await store.getJob(jobId), events: await readAllEvents(store, jobId) };
  });
  if (job === null) return [`the accepted job ${jobId} is gone`];
  must(isTerminal(job.status), `its status is ${job.status}`);
  must(expected.outcomes.includes(String(printed.outcome)), `its outcome is ${String(printed.outcome)}`);
  must(
    job.outcome === printed.outcome && job.result?.outcome === printed.outcome,
    'stored and printed outcome differ',
  );
  const ends = events.filter((event) => event.type === 'status' && event.phase === 'notify');
  must(
    ends.length === 1 && ends[0]?.data['outcome'] === printed.outcome,
    `its end is told ${ends.length} times`,
  );
  must(
    events.every((event, at) => event.seq === at + 1),
    'its events have gaps',
  );

  const branches = sh(stage.remote, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/')
    .split('\n')
    .filter((line) => line.includes(jobId));
  if (PROPOSALS.includes(String(printed.outcome))) {
    must(
      branches.join() === `${String(printed.head_sha)} refs/heads/${printed.branch}`,
      `the remote has ${branches.join() || 'no branch'}`,
    );
    must(printed.patch_path !== null && existsSync(printed.patch_path), 'its patch is not there');
  } else must(branches.length === 0, `the remote has ${branches.join()}, and nothing was proposed`);

  // Asked of git for each repository: only where there is something to find.
  const kept = expected.works.length === 0 ? new Set<string>() : keptPaths(stage, job);
  for (const work of new Set(expected.works)) must(kept.has(work), `${work} is in no saved ref`);
  must(integrityOf(join(stage.bench.home, 'agent-runner.db')) === 'ok', 'the database is damaged');
  must(!existsSync(join(stage.bench.home, 'jobs', jobId, 'checkouts')), 'its checkouts were left behind');
  if (HAS_BUBBLEWRAP) {
    const orphans = await orphansOf(join(stage.bench.home, 'jobs', jobId));
    must(orphans.length === 0, `it left processes: ${orphans.join('; ')}`);
  }
  return broken;
}

/** What must hold of a home after all of its jobs: repositories are whole, nothing half-made is in the way. */
export function brokenHome(stage: Stage): string[] {
  const { home } = stage.bench;
  const saved = join(home, 'saved');
  const repositories = existsSync(saved) ? readdirSync(saved).filter((name) => name.endsWith('.git')) : [];
  return [stage.remote, ...repositories.map((name) => join(saved, name))].flatMap((repository) => {
    try {
      execFileSync('git', ['--git-dir', repository, 'fsck', '--connectivity-only', '--no-dangling'], {
        stdio: 'pipe',
        encoding: 'utf8',
      });
      return [];
    } catch (error) {
      return [`${repository}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}
