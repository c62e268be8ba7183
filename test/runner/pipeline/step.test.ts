/** The job of a step: it begins with a commit that only the home has, and leaves one there, and outputs. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config.ts';
import type { AssembleInput, Assembled, StepRequest } from '../../../src/job/pipeline/run.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { assembleChanges } from '../../../src/runner/pipeline/assemble.ts';
import type { JobContext, PreparedDetail } from '../../../src/runner/context.ts';
import type { Bench } from '../../../src/runner/place.ts';
import { openRunner } from '../../../src/runner/open.ts';
import type { Runner } from '../../../src/runner/runner.ts';
import { createJobRepository } from '../../../src/workspace/copy/checkout.ts';
import { createGit } from '../../../src/workspace/git.ts';
import { sampleRequest } from '../../store/sample.ts';
import { makeRepository, sh } from '../../workspace/scene.ts';

/** Does what stands behind `RUN:` in its task, and what stands behind `LATER:` in the turn that asks for what is missing. */
const AGENT = [
  'cp {prompt_file} "$PROMPTS/$(ls "$PROMPTS" | wc -l | tr -d " ")"',
  'word=RUN; if grep -q "^## This turn: what is missing" {prompt_file}; then word=LATER; fi',
  'eval "$(sed -n "s/^.*$word: //p" {prompt_file} | head -n 1)"',
].join('; ');

const RUN = 'job-00000000000a';

let root: string;
let repo: string;
let base: string;
let runner: Runner;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-step-'));
  repo = makeRepository(join(root, 'repo'), { 'a.txt': 'one\n', 'list.txt': '1\n2\n3\n' });
  base = sh(repo, 'rev-parse', 'HEAD');
  mkdirSync(join(root, 'prompts'));
  const flags = { home: join(root, 'home'), min_free_bytes: 0, agent: 'command', sandbox: 'host' };
  const env = { PATH: process.env['PATH'], HOME: root, AGENT_CMD: `PROMPTS=${root}/prompts; ${AGENT}` };
  runner = await openRunner(await resolveConfig({ flags, env, cwd: root, projectFile: null }));
});
afterEach(async () => {
  await runner.close();
  rmSync(root, { recursive: true, force: true });
});

/** Runs the job of a step to its end. */
async function step(name: string, task: string, over: Partial<StepRequest> = {}): Promise<JobResult> {
  const request = sampleRequest({
    repo,
    task,
    agent: 'command',
    checks: [{ name: 'test', kind: 'test', command: 'test -f a.txt', timeout_s: 60 }],
    step: {
      run: RUN,
      pipeline: 'release',
      name,
      kind: 'step',
      base: 'main',
      base_sha: base,
      origin_sha: base,
      conflicts: [],
      start: null,
      outputs: null,
      ...over,
    },
  });
  const job = await runner.accept(request);
  const end = await runner.run(job.job_id, { signal: new AbortController().signal });
  if (end.kind !== 'ended') throw new Error('the step did not end');
  return end.result;
}

/** What the agent was told in a turn, from 0. */
function prompt(turn: number): string {
  return readFileSync(join(root, 'prompts', String(turn)), 'utf8');
}

function saved(): string {
  return runner.layout.repo(repo).saved;
}

/** Brings work together as the run does, in a repository of its own. */
async function assemble(input: AssembleInput): Promise<Assembled> {
  const git = createGit({ path: process.env['PATH'] ?? '', home: root, network: {} });
  const paths = runner.layout.job(RUN);
  mkdirSync(paths.root, { recursive: true });
  if (!existsSync(paths.git)) createJobRepository(paths.git, runner.layout.repo(repo).mirror, []);
  const context = { git, job: { job_id: RUN }, layout: runner.layout, paths } as unknown as JobContext;
  const detail = { remote: { url: repo }, base_sha: base } as unknown as PreparedDetail;
  return assembleChanges(
    context,
    detail,
    { copy: { target: { dir: paths.git } } } as unknown as Bench,
    input,
  );
}

const change = (name: string, { base_sha, head_sha }: JobResult): AssembleInput['changes'][number] => {
  return { step: name, base_sha: base_sha ?? '', head_sha: head_sha ?? '' };
};

describe('the job of a step', () => {
  it('keeps its commit at home, and the next begins with it, also where the mirror is lost', async () => {
    const give = `printf '{"version": "1.2.0", "outcome": "mine"}' > "$AGENT_RUNNER_OUT/output.json"`;
    const first = await step('first', `RUN: echo b > b.txt; ${give}`);
    expect(first).toMatchObject({ outcome: 'proposed', pr_url: null, push_command: null, base_sha: base });
    expect(first.output).toMatchObject({ version: '1.2.0', outcome: 'proposed', files: ['b.txt'] });
    expect(first.output).toMatchObject({ head_sha: first.head_sha, tests_passed: true });
    expect(
      sh(saved(), 'log', '-1', '--format=%(trailers:key=Agent-Runner-Step,valueonly)', first.head_sha ?? ''),
    ).toMatch(/^first/);
    for (const gone of ['mirror', 'history', 'warm'] as const)
      rmSync(runner.layout.repo(repo)[gone], { recursive: true, force: true });
    const second = await step('second', 'RUN: cat b.txt b.txt > c.txt', { base_sha: first.head_sha ?? '' });
    expect(second).toMatchObject({ outcome: 'proposed', base: 'main', base_sha: first.head_sha });
    expect(second.output).toMatchObject({ files: ['c.txt'] });
    expect(sh(saved(), 'rev-parse', `${second.head_sha}^`)).toBe(first.head_sha);
    expect(await runner.diff(second.job_id)).not.toContain('b.txt\n');
    // Nothing came to the repository.
    expect(sh(repo, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main');
    expect(prompt(0)).toMatch(/You do step "first" of pipeline "release"/);
  });

  it('is asked once for outputs that it promised, and fails by their names', async () => {
    const promised = { type: 'integer', description: 'how many', optional: false } as const;
    const outputs = { count: promised, note: { ...promised, type: 'string', optional: true } } as const;
    const late = await step(
      'late',
      `RUN: echo x > x; echo '\`\`\`json'; echo '{"count": "2"}'; echo '\`\`\`'\nLATER: echo '{"count": 2}' > "$AGENT_RUNNER_OUT/output.json"`,
      { outputs },
    );
    expect(late).toMatchObject({ outcome: 'proposed', iterations: 2, output: { count: 2 } });
    expect(prompt(1)).toMatch(/count: is of type string, but integer was promised/);
    const never = await step('never', 'RUN: echo y > y', { outputs });
    expect(never).toMatchObject({ outcome: 'agent_failed', error: { code: 'agent_failed' } });
    expect(never.error?.message).toBe('output "count" was not given');
  });

  it('that solves a conflict gets the files with markers, and fails as long as one is left', async () => {
    const left = await step('left', 'RUN: sed -i s/1/LEFT/ list.txt');
    const right = await step('right', 'RUN: sed -i s/1/RIGHT/ list.txt');
    const other = await step('other', 'RUN: echo o > other.txt');
    const changes = [change('other', other), change('left', left), change('right', right)];
    const { commit, conflict } = await assemble({ for: null, onto: base, changes });
    expect(conflict).toMatchObject({ step: 'right', at: 2, paths: ['list.txt'], with: ['left'] });
    // What steps and processes to come need is at home.
    rmSync(runner.layout.job(RUN).git, { recursive: true });
    expect(sh(saved(), 'ls-tree', '--name-only', commit)).toContain('other.txt');
    const over = {
      kind: 'resolve',
      base_sha: commit,
      start: conflict?.marked ?? '',
      conflicts: ['list.txt'],
    } as const;
    const stuck = await step('right', 'RUN: true\nLATER: true', over);
    expect(stuck).toMatchObject({ outcome: 'refused', error: { code: 'conflict' } });
    expect(stuck.error?.message).toBe('"list.txt" holds conflict markers');
    const solved = await step('right', 'RUN: printf "LEFT RIGHT\\n2\\n3\\n" > list.txt', over);
    expect(solved).toMatchObject({ outcome: 'proposed', base_sha: commit, output: { files: ['list.txt'] } });
    expect(sh(saved(), 'show', `${solved.head_sha}:list.txt`)).toBe('LEFT RIGHT\n2\n3');
  });
});
