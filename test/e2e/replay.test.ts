/** `replay`: what an agent did once, played back without it, judged again, and compared. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { Comparison } from '../../src/job/recording/compare.ts';
import type { RecordedTurn } from '../../src/job/recording/recording.ts';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench, type Ran } from './cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep -q wrong a.txt"\n',
    'a.txt': 'one\n',
  });
});
afterEach(() => bench.remove());

const HOST = ['--sandbox', 'host'];

function parsed(ran: Ran): unknown {
  try {
    return JSON.parse(ran.stdout);
  } catch {
    throw new Error(`no JSON:\n${ran.stdout}\n${ran.stderr}`);
  }
}

async function run(agent: string, ...more: string[]): Promise<JobResult> {
  const args = ['run', 'Do it', '--repo', repo, '--json', ...HOST, ...more];
  return parsed(await bench.run(args, { AGENT_CMD: agent })) as JobResult;
}

interface Replayed {
  readonly code: number | null;
  readonly replay: Comparison;
  readonly result: JobResult;
}

async function replay(named: string, ...more: string[]): Promise<Replayed> {
  const ran = await bench.run(['replay', named, '--json', ...HOST, ...more]);
  return { code: ran.code, ...(parsed(ran) as Omit<Replayed, 'code'>) };
}

function turnsOf(jobId: string): string {
  return join(bench.home, 'jobs', jobId, 'logs', 'turns');
}

function readTurn(jobId: string, key: string): RecordedTurn {
  return JSON.parse(readFileSync(join(turnsOf(jobId), `${key}.json`), 'utf8')) as RecordedTurn;
}

/** Writes a recorded turn otherwise than it was. */
function edit(jobId: string, key: string, change: Partial<RecordedTurn>): void {
  const text = JSON.stringify({ ...readTurn(jobId, key), ...change });
  writeFileSync(join(turnsOf(jobId), `${key}.json`), text);
}

async function events(jobId: string): Promise<JobEvent[]> {
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JobEvent);
}

/** Wrong at first, and right once it is told. */
const MENDS = 'grep -q wrong a.txt && echo right > a.txt || echo wrong > a.txt; echo "I wrote $(cat a.txt)"';

describe('a job that was red, and mended', () => {
  it('is played back to the same outcome, verdicts and files, and touches no repository', async () => {
    const job = await run(MENDS);
    expect([job.outcome, job.iterations]).toEqual(['proposed', 2]);
    const branches = sh(repo, 'branch', '--list');
    rmSync(join(repo, '.git'), { recursive: true });
    const { code, replay: compared, result } = await replay(job.job_id);
    expect(compared).toMatchObject({ of: job.job_id, equal: true, checks: [], tree: { equal: true } });
    expect([code, result.agent, result.iterations, result.summary]).toEqual([
      0,
      'replay',
      2,
      'I wrote right',
    ]);
    expect(result.total_cost).toBe(0);
    expect(branches).not.toContain(result.branch);
    // A playback is a job like any other, and recorded as such.
    expect((await replay(result.job_id)).replay).toMatchObject({ of: result.job_id, equal: true });
  });

  it.skipIf(!HAS_BUBBLEWRAP)('is the same in bubblewrap (apt-get install bubblewrap)', async () => {
    const job = await run(MENDS, '--sandbox', 'bubblewrap');
    const { code, replay: compared } = await replay(job.job_id, '--sandbox', 'bubblewrap');
    expect([code, compared.equal]).toEqual([0, true]);
  });

  it('differs where a turn was edited, and says in which files', async () => {
    const job = await run(MENDS);
    const { after = '' } = readTurn(job.job_id, 'build-1').trees ?? {};
    edit(job.job_id, 'build-2', { trees: { before: after, after } });
    const { code, replay: compared, result } = await replay(job.job_id);
    expect([code, result.error?.message]).toEqual([1, 'the recording has no turn 3 of build']);
    expect(compared).toMatchObject({
      equal: false,
      outcome: { recorded: 'proposed', replayed: 'agent_failed', equal: false },
      tree: { equal: false, count: 1, differing: [{ path: 'a.txt', status: 'M' }] },
      checks: [
        { run: 2, check: null, recorded: 'green', replayed: 'red' },
        { run: 2, check: 'check', recorded: 'passed', replayed: 'failed' },
      ],
    });
  });

  it('differs where another gate judges it, and says in what', async () => {
    const job = await run(MENDS);
    const { code, replay: compared } = await replay(job.job_id, '--check', 'check=true');
    expect(code).toBe(1);
    expect(compared).toMatchObject({
      equal: false,
      outcome: { equal: true },
      tree: { equal: false, count: 1, differing: [{ path: 'a.txt', status: 'M' }] },
      checks: [
        { run: 1, check: null, recorded: 'red', replayed: 'green' },
        { run: 1, check: 'check', recorded: 'failed', replayed: 'passed' },
        { run: 2, check: null, recorded: 'green', replayed: null },
      ],
    });
    const { stdout } = await bench.run(['replay', job.job_id, ...HOST, '--check', 'check=true']);
    expect(stdout).toContain('files          differs in 1 file\n');
    expect(stdout).toContain('gate 1, check: recorded failed, now passed');
    expect(stdout).toMatch(/replay +different\n$/);
  });

  it('ends honestly where the gate asks for a turn that was never recorded', async () => {
    const job = await run('echo right > a.txt');
    // Green then, red now.
    const { result, replay: compared } = await replay(job.job_id, '--check', 'check=! grep -q right a.txt');
    expect(result).toMatchObject({
      outcome: 'agent_failed',
      error: { message: 'the recording has no turn 2 of build' },
    });
    expect(compared).toMatchObject({ equal: false, tree: { equal: true } });
  });
});

describe('a turn', () => {
  const CHANGES = [
    'rm gone.txt; mv moved.txt "new name.txt"; chmod +x run.sh; chmod -x not.sh',
    'ln -s ../../etc/passwd link; rm folder/in.txt; rmdir folder; echo flat > folder',
    'rm flat; mkdir flat; echo deep > flat/deep.txt; rm -r tree; ln -s flat tree',
    'echo full > empty.txt; : > full.txt; printf "\\000\\377" > binary; printf "\\351" > latin1.txt',
    'printf "a\\r\\nb\\r\\n" > crlf.txt; printf x > "$(printf "by\\377te")"; echo "*.log" > .gitignore; echo l > x.log',
  ].join('\n');

  // Where bubblewrap is missing and everything is required, `HAS_BUBBLEWRAP` has thrown.
  describe.each(['host', 'bubblewrap'])('of every kind of change on %s', (name) => {
    const isMissing = name === 'bubblewrap' && !HAS_BUBBLEWRAP;
    it.skipIf(isMissing)('is played back to the same tree (apt-get install bubblewrap)', async () => {
      write(repo, {
        'gone.txt': 'g',
        'moved.txt': 'm',
        'run.sh': 'r',
        'not.sh': 'n',
        'folder/in.txt': 'i',
        flat: 'f',
        'tree/a/b.txt': 'b',
        'empty.txt': '',
        'full.txt': 'f',
        'crlf.txt': 'a\n',
        '.gitattributes': 'crlf.txt text eol=crlf\n',
      });
      sh(repo, 'update-index', '--add', '--chmod=+x', 'not.sh');
      sh(repo, 'add', '--all');
      sh(repo, 'commit', '--quiet', '-m', 'more');
      const job = await run(bench.script('agent.sh', `#!/bin/sh\n${CHANGES}\n`), '--sandbox', name);
      expect(job.outcome).toBe('proposed');
      const file = join(bench.root, 'case.recording');
      await bench.run(['replay', job.job_id, '--export', file]);
      for (const named of [job.job_id, file]) {
        const { code, replay: compared } = await replay(named, '--sandbox', name);
        expect([code, compared.tree.equal, compared.tree.differing]).toEqual([0, true, []]);
      }
      const modes = sh(repo, 'ls-tree', '-r', job.branch ?? '');
      expect(modes).toMatch(/100755 .*\trun\.sh/);
      expect(modes).toMatch(/120000 .*\tlink/);
      expect(modes).toMatch(/100644 .*\tnot\.sh/);
    });
  });

  it('that only looked, and the plan it made, are played back', async () => {
    const agent = bench.script(
      'agent.sh',
      `#!/bin/sh
case "$AGENT_RUNNER_PHASE" in
  explore) echo report;;
  plan) echo '{"subtasks":[{"name":"first","task":"add red","files":[]},{"name":"second","task":"add blue","files":[]}]}';;
  build) echo more >> a.txt;;
esac`,
    );
    const job = await run(agent, '--phases', 'on');
    expect(job.subtasks).toHaveLength(2);
    const { replay: compared, result } = await replay(job.job_id);
    expect(compared.equal).toBe(true);
    expect(result.subtasks).toEqual(job.subtasks);
    expect(readTurn(result.job_id, 'explore-1')).toMatchObject({ trees: null, agent: 'replay' });
  });

  it('that asked, and was answered, is played back with the answer', async () => {
    const agent = bench.script(
      'agent.sh',
      `#!/bin/sh
if grep -q blue; then echo blue > a.txt; else echo 'which colour?' > "$AGENT_RUNNER_OUT/question.md"; fi`,
    );
    const args = ['run', 'Paint it', '--repo', repo, ...HOST];
    const asked = await bench.run(args, { AGENT_CMD: agent });
    expect(asked.code).toBe(6);
    const jobId = readdirSync(join(bench.home, 'jobs')).find((name) => name.startsWith('job-')) ?? '';
    const early = await bench.run(['replay', jobId]);
    expect([early.code, early.stderr]).toEqual([64, expect.stringContaining('has not ended')]);
    await bench.run(['message', jobId, 'blue']);
    const job = parsed(
      await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent }),
    ) as JobResult;
    expect(job.outcome).toBe('proposed');
    const { code, replay: compared } = await replay(jobId);
    expect([code, compared.equal]).toEqual([0, true]);
  });

  it('that failed, and what it had changed, is played back as it failed', async () => {
    const job = await run('echo half > a.txt; echo no model for you >&2; exit 9');
    const { code, replay: compared, result } = await replay(job.job_id);
    expect([code, compared.equal]).toEqual([0, true]);
    expect(result.error).toEqual(job.error);
  });

  it.each([
    ['that changed nothing', 'cat > /dev/null; echo nothing to do', [], 'no_change'],
    ['that answered', 'echo 42', ['--mode', 'ask'], 'answered'],
    ['of a job that reached its cap', 'echo wrong > a.txt', ['--max-turns', '1'], 'budget_exceeded'],
  ] as const)('%s is played back to the same end', async (_, agent, more, outcome) => {
    const job = await run(agent, ...more);
    expect(job.outcome).toBe(outcome);
    const { code, replay: compared } = await replay(job.job_id);
    expect([code, compared.equal, compared.outcome.replayed]).toEqual([0, true, outcome]);
  });

  it('tells again what it told, and what it had cost is shown and not charged', async () => {
    const job = await run('echo right > a.txt');
    const usage = { cost_usd: 3, tokens_in: 100, tokens_out: 10, turns: 4 };
    const told = [{ type: 'tool_call', data: { title: 'edit a.txt' } }] as const;
    edit(job.job_id, 'build-1', { usage, events: told });
    const { result } = await replay(job.job_id);
    expect([result.total_cost, result.total_tokens_in]).toEqual([0, 0]);
    const all = await events(result.job_id);
    expect(all.find((one) => one.type === 'tool_call')?.data).toEqual({
      title: 'edit a.txt',
      replayed: true,
    });
    expect(all.find((one) => one.type === 'usage')?.data).toEqual({ recorded: usage });
  });

  it('of an agent that was killed before its result was stored counts once, as it went on', async () => {
    const args = ['run', 'Do it', '--repo', repo, '--json', ...HOST];
    const agent = 'echo "$RANDOM$$" > a.txt';
    const killed = await bench.run(args, { AGENT_CMD: agent, AGENT_RUNNER_FAIL_AT: 'build-effect' });
    expect(killed.signal ?? killed.code).not.toBe(0);
    const jobId = readdirSync(join(bench.home, 'jobs')).find((name) => name.startsWith('job-')) ?? '';
    expect(readdirSync(turnsOf(jobId))).toEqual(['build-1.json']);
    const before = readTurn(jobId, 'build-1').trees?.after;
    const job = parsed(
      await bench.run(['run', '--resume', jobId, '--json'], { AGENT_CMD: agent }),
    ) as JobResult;
    expect(readdirSync(turnsOf(jobId))).toEqual(['build-1.json']);
    expect(readTurn(jobId, 'build-1').trees?.after).toBe(job.gate.runs[0]?.tree);
    expect(job.gate.runs[0]?.tree).not.toBe(before);
    expect((await replay(jobId)).replay.equal).toBe(true);
  });
});

describe('a playback that dies', () => {
  it('is gone on with like any job', async () => {
    const job = await run(MENDS);
    const dead = await bench.run(['replay', job.job_id, ...HOST], { AGENT_RUNNER_FAIL_AT: 'verify-effect' });
    expect(dead.code).not.toBe(0);
    const { stdout } = await bench.run(['list', '--json', '--limit', '1']);
    const [jobId = ''] = /job-[0-9a-f]{12}/.exec(stdout) ?? [];
    const resumed = parsed(await bench.run(['run', '--resume', jobId, '--json'])) as JobResult;
    expect(resumed).toMatchObject({ outcome: 'proposed', agent: 'replay', resumed_from_checkpoint: true });
  });
});

describe('the recording of a playback', () => {
  it('is a cache: where it was evicted, a new playback lays it out again, and a dead one says so', async () => {
    const job = await run('echo right > a.txt');
    await bench.run(['replay', job.job_id, ...HOST], { AGENT_RUNNER_FAIL_AT: 'build-begun' });
    const { stdout } = await bench.run(['list', '--json', '--limit', '1']);
    const [dead = ''] = /job-[0-9a-f]{12}/.exec(stdout) ?? [];
    expect(dead).not.toBe(job.job_id);
    rmSync(join(bench.home, 'replays'), { recursive: true });
    const resumed = await bench.run(['run', '--resume', dead]);
    expect([resumed.code, resumed.stderr]).toEqual([
      64,
      expect.stringMatching(new RegExp(`was evicted[^]*agent-runner replay.* ${job.job_id}`)),
    ]);
    expect((await replay(job.job_id)).code).toBe(0);
  });
});

describe('a recording as a file', () => {
  it('is played back in another home, without the repository', async () => {
    write(repo, { 'b.txt': 'second\n' });
    sh(repo, 'add', '--all');
    sh(repo, 'commit', '--quiet', '-m', 'second');
    const job = await run(MENDS);
    const file = join(bench.root, 'case.recording');
    const exported = await bench.run(['replay', job.job_id, '--export', file]);
    expect([exported.code, exported.stdout]).toEqual([0, `${file}\n`]);
    rmSync(repo, { recursive: true });
    rmSync(bench.home, { recursive: true });
    const { code, replay: compared, result } = await replay('case.recording');
    expect([code, compared.of, compared.equal]).toEqual([0, job.job_id, true]);
    // It has the base, and none of its history.
    const shallow = sh(result.repo, 'rev-list', '--count', job.base_sha ?? '');
    expect(shallow).toBe('1');
  });

  it('never replaces a file, and is of a job only', async () => {
    const job = await run('echo right > a.txt');
    const file = join(bench.root, 'mine.txt');
    writeFileSync(file, 'mine');
    const taken = await bench.run(['replay', job.job_id, '--export', file]);
    expect([taken.code, taken.stderr]).toEqual([64, expect.stringContaining('is there already')]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    expect(readdirSync(bench.root).filter((name) => name.includes('.new-'))).toEqual([]);
    expect((await bench.run(['replay', file, '--export', 'x'])).code).toBe(64);
    expect((await bench.run(['replay', file])).stderr).toContain('is no recording');
  });
});

describe('what can not be played back', () => {
  it.each([
    ['a job that is not there', ['replay', 'job-0123456789ab'], 64, 'there is no job-0123456789ab'],
    ['nothing at all', ['run', 'x', '--agent', 'replay', '--repo', '.'], 78, 'agent-runner replay <job>'],
  ])('%s', async (_, args, code, said) => {
    const ran = await bench.run(args, {}, repo);
    expect([ran.code, ran.stderr]).toEqual([code, expect.stringContaining(said)]);
  });

  it('a job whose recording is gone, or was written by nobody of ours', async () => {
    const job = await run('echo right > a.txt');
    writeFileSync(join(turnsOf(job.job_id), 'build-1.json'), '{"version":1}');
    const broken = await bench.run(['replay', job.job_id]);
    expect([broken.code, broken.stderr]).toEqual([64, expect.stringContaining('build-1.json')]);
    rmSync(turnsOf(job.job_id), { recursive: true });
    const gone = await bench.run(['replay', job.job_id]);
    expect([gone.code, gone.stderr]).toEqual([64, expect.stringContaining('has no recorded turns')]);
  });

  it('an old job, once gc took its logs: then its trees are gone, too', async () => {
    const job = await run('echo right > a.txt');
    const saved = join(bench.home, 'saved', readdirSync(join(bench.home, 'saved'))[0] ?? '');
    expect(sh(saved, 'for-each-ref', 'refs/agent-runner/turns')).toContain(job.job_id);
    const db = new DatabaseSync(join(bench.home, 'agent-runner.db'));
    const then = new Date(Date.now() - 40 * 86_400_000).toISOString();
    db.prepare('UPDATE jobs SET finished_at = ?, updated_at = ?').run(then, then);
    db.close();
    await bench.run(['gc', '--dry-run']);
    expect(sh(saved, 'for-each-ref', 'refs/agent-runner/turns')).toContain(job.job_id);
    await bench.run(['gc']);
    expect(existsSync(turnsOf(job.job_id))).toBe(false);
    expect(sh(saved, 'for-each-ref', '--format=%(refname)').split('\n')).toEqual([
      `refs/agent-runner/base/${job.base_sha}`,
      `refs/agent-runner/wip/${job.job_id}`,
    ]);
    expect((await bench.run(['replay', job.job_id])).stderr).toContain('has no recorded turns');
  });
});
