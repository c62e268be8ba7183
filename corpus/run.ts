/**
 * Runs the corpus: every labelled change is judged by the code behind `agent-runner gate`, and what it says is
 * compared with what it should say.
 *
 *   node corpus/run.ts [--only <part of an id, a label, a split, a kind or a repository>,…] [--sample] [--within <seconds>] [--seed <hex>] [--json]
 *
 * `--sample` judges a small choice of them that is always the same. `--within <seconds>` begins no case after so long
 * and says how many were left; `--seed <hex>` says with which case to begin, so that others are left the next time.
 *
 * Exit code 1 when there is a miss that `known-misses.json` does not name with its reason, 2 when a case can't
 * be run.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeRequest } from '../src/cli/asking/settings.ts';
import { readEnvironment, resolveConfig } from '../src/config.ts';
import { openRunner } from '../src/runner/open.ts';
import type { Runner } from '../src/runner/runner.ts';
import { readCases, sampleOf, type Case } from './cases.ts';
import { makeRepository } from './repository.ts';
import { startService } from './service.ts';
import { missOf, renderTable, type Outcome } from './table.ts';

const HERE = import.meta.dirname;
/** Cases at one time: two where there are two cores, as in continuous integration. */
const PARALLEL = Math.max(2, availableParallelism());
const CASE_TIMEOUT_MS = 300_000;

interface Scene {
  readonly root: string;
  readonly shared: string;
  readonly runner: Runner;
  readonly signal: AbortSignal;
}

async function judgeCase({ root, shared, runner, signal }: Scene, one: Case): Promise<Outcome> {
  const name = one.id.replace('/', '-');
  const folder = join(root, 'repositories', name);
  const started = performance.now();
  const service = one.service === undefined ? null : await startService(shared, name, one.service);
  const fill = (text: string): string =>
    text.replaceAll('{{service}}', service?.socket ?? '').replaceAll('{{shared}}', shared);
  try {
    const path = runner.config.host.path;
    await makeRepository(one, join(HERE, 'repositories', one.repository), folder, path, fill);
    const request = await makeRequest(runner.config, {
      task: 'gate',
      repo: folder,
      base: 'main',
      allowHost: false,
    });
    const { report } = await runner.judge(
      { request, head: 'change' },
      { signal: AbortSignal.any([signal, AbortSignal.timeout(CASE_TIMEOUT_MS)]) },
    );
    const durationMs = performance.now() - started;
    return { case: one, verdict: report.verdict, report, error: null, durationMs };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return {
      case: one,
      verdict: 'error',
      report: null,
      error: text,
      durationMs: performance.now() - started,
    };
  } finally {
    await service?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Cases whose tools are here; the others are told. What they need is run once in a copy of their repository and
 * may leave a cache in `$SHARED`, which every sandbox can read.
 */
function runnable({ root, shared, runner }: Scene, cases: readonly Case[]): readonly Case[] {
  const missing = new Set<string>();
  const keyOf = ({ repository, needs }: Case): string => `${repository}: ${needs}`;
  for (const one of new Map(cases.map((each) => [keyOf(each), each])).values()) {
    const cwd = join(root, 'needs');
    cpSync(join(HERE, 'repositories', one.repository), cwd, { recursive: true });
    const env = { ...readEnvironment(), PATH: runner.config.host.path, SHARED: shared };
    try {
      execFileSync('sh', ['-c', one.needs], { cwd, stdio: 'ignore', timeout: CASE_TIMEOUT_MS, env });
    } catch {
      missing.add(keyOf(one));
    }
    rmSync(cwd, { recursive: true, force: true });
  }
  for (const key of missing) {
    const count = cases.filter((one) => keyOf(one) === key).length;
    if (readEnvironment()['AGENT_RUNNER_REQUIRE_ALL'] === '1')
      throw new Error(`this fails on this machine: ${key}`);
    process.stderr.write(`${count} cases are skipped, because this fails on this machine: ${key}\n`);
  }
  return cases.filter((one) => !missing.has(keyOf(one)));
}

function isMeant(one: Case, only: string | undefined): boolean {
  if (only === undefined) return true;
  return only
    .split(',')
    .some((part) => [one.label, one.split, one.kind, one.repository].includes(part) || one.id.includes(part));
}

/** The cases from another one on, by a seed; what was the end comes after the beginning. */
function rotated(cases: readonly Case[], seed: string | undefined): readonly Case[] {
  const at = seed === undefined ? 0 : Number.parseInt(seed.slice(0, 8), 16) % Math.max(1, cases.length);
  return Number.isNaN(at) ? cases : [...cases.slice(at), ...cases.slice(0, at)];
}

/** Judges cases until there are no more, or none may be begun any more. */
async function judgeAll(scene: Scene, cases: readonly Case[], untilMs: number): Promise<readonly Outcome[]> {
  const outcomes = new Map<Case, Outcome>();
  const left = [...cases];
  const work = async (): Promise<void> => {
    for (let one = left.shift(); one !== undefined; one = left.shift()) {
      if (performance.now() > untilMs) return;
      outcomes.set(one, await judgeCase(scene, one));
      if (process.stderr.isTTY) process.stderr.write(`\r${outcomes.size} of ${cases.length} `);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  if (process.stderr.isTTY) process.stderr.write('\r');
  return cases.flatMap((one) => outcomes.get(one) ?? []);
}

function knownMisses(): ReadonlyMap<string, string> {
  const list = JSON.parse(readFileSync(join(HERE, 'known-misses.json'), 'utf8')) as {
    id: string;
    reason: string;
  }[];
  return new Map(list.map(({ id, reason }) => [id, reason]));
}

/** What a programme reads: one object a case. */
function toJson(outcomes: readonly Outcome[], known: ReadonlyMap<string, string>): string {
  const rows = outcomes.map((outcome) => {
    const { id, label, kind, split, repository, expect } = outcome.case;
    return {
      id,
      repository,
      label,
      kind,
      split,
      expect,
      verdict: outcome.verdict,
      tamper: outcome.report?.tamper ?? [],
      checks:
        outcome.report?.checks.map(({ name, base, head, verdict, reason }) => ({
          name,
          base,
          head,
          verdict,
          reason,
        })) ?? [],
      error: outcome.error,
      miss: missOf(outcome),
      known: known.get(id) ?? null,
      duration_ms: Math.round(outcome.durationMs),
    };
  });
  return `${JSON.stringify(rows, null, 2)}\n`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      sample: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      within: { type: 'string' },
      seed: { type: 'string' },
    },
  });
  const started = performance.now();
  const known = knownMisses();
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-corpus-'));
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort());
  try {
    const shared = join(root, 'shared');
    for (const folder of [shared, join(root, 'repositories')]) mkdirSync(folder);
    // A person's own settings must not change what the corpus says.
    const env = Object.fromEntries(
      Object.entries(readEnvironment()).filter(([name]) => !/^(AGENT_|MODEL|LLM_|TASK|WORKSPACE)/.test(name)),
    );
    const flags = { home: join(root, 'home'), agent: 'simulated:noop', 'sandbox.ro_paths': [shared] };
    const config = await resolveConfig({
      flags,
      env: { ...env, XDG_CONFIG_HOME: join(root, 'config') },
      cwd: root,
      projectFile: null,
    });
    const all = (await readCases(join(HERE, 'cases'))).filter((one) => isMeant(one, values.only));
    const cases = values.sample ? sampleOf(all) : all;
    if (cases.length === 0) {
      process.stderr.write(`no case is meant by ${values.only ?? 'nothing'}\n`);
      return 2;
    }
    const runner = await openRunner(config);
    try {
      const scene: Scene = { root, shared, runner, signal: stop.signal };
      const meant = rotated(runnable(scene, cases), values.seed);
      const untilMs = values.within === undefined ? Infinity : started + Number(values.within) * 1000;
      const outcomes = await judgeAll(scene, meant, untilMs);
      const left = meant.length - outcomes.length;
      if (left > 0) process.stderr.write(`${left} of ${meant.length} cases were left: the time was over\n`);
      const seconds = (performance.now() - started) / 1000;
      process.stdout.write(values.json ? toJson(outcomes, known) : renderTable(outcomes, known, seconds));
      // Nothing judged is nothing known.
      if (outcomes.length === 0 || outcomes.some(({ error }) => error !== null)) return 2;
      return outcomes.some((outcome) => missOf(outcome) !== null && !known.has(outcome.case.id)) ? 1 : 0;
    } finally {
      await runner.close();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

process.exitCode = await main();
