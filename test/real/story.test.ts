/** The whole story with real agents and one scripted model: no network, no key, and every token counted. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { openBench, processesWith, userPath, type Bench } from '../e2e/cli.ts';
import { makeRepository, sh } from '../workspace/scene.ts';
import { binOf, REAL_AGENTS, whyNot, type RealAgentName } from './agents.ts';
import { startModel, type Leg, type ScriptedModel } from './model.ts';

/** What an agent needs to be given a model, and what it can. */
interface Traits {
  /** Model as the configuration names it, and who is said to serve it. */
  readonly model: string;
  readonly provider: 'custom' | 'anthropic' | 'google';
  /** Whether it can go on with a session in another process. */
  readonly resumes: boolean;
}

const TRAITS: Readonly<Record<RealAgentName, Traits>> = {
  codex: { model: 'm1', provider: 'custom', resumes: true },
  opencode: { model: 'm1', provider: 'custom', resumes: true },
  claude: { model: 'claude-sonnet-4-5', provider: 'anthropic', resumes: true },
  goose: { model: 'm1', provider: 'custom', resumes: true },
  // session/load does not find what it wrote itself.
  gemini: { model: 'gemini-2.5-flash', provider: 'google', resumes: false },
};
/** Variables with the key of a provider. */
const KEYS = { custom: 'LLM_API_KEY', anthropic: 'ANTHROPIC_API_KEY', google: 'GEMINI_API_KEY' } as const;
const REAL_KEY = 'sk-scripted-0123456789abcdef';
/** Dollars for a million tokens. */
const PRICE = { input: 2, output: 10 };

const WRONG: Leg = { commands: ['echo wrong > a.txt', 'echo more > b.txt'], says: 'All done.' };
const PLAN = {
  reasoning: 'It is one line.',
  subtasks: [{ name: 'Set it', task: 'Write right into a.txt', files: ['a.txt'] }],
};
const RIGHT: Leg = { commands: ['echo right > a.txt'], says: 'Mended a.txt.' };

let bench: Bench;
let repo: string;
let model: ScriptedModel | null = null;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    '.agent-runner.yml': 'gate:\n  checks:\n    - name: check\n      command: "! grep wrong a.txt"\n',
    'a.txt': 'one\n',
  });
});
afterEach(async () => {
  await model?.stop();
  model = null;
  bench.remove();
});

/** Configures the scripted model for an agent; the environment of its runs. */
function configure(name: RealAgentName, scripted: ScriptedModel): Record<string, string> {
  const { model: served, provider } = TRAITS[name];
  const base = provider === 'custom' ? scripted.url : scripted.url.replace(/\/v1$/, '');
  mkdirSync(join(bench.root, 'config/agent-runner'), { recursive: true });
  const settings = {
    prices: { [`${provider}/${served}`]: PRICE },
    ...(provider === 'custom' ? {} : { providers: { [provider]: { base_url: base } } }),
  };
  writeFileSync(join(bench.root, 'config/agent-runner/config.yml'), JSON.stringify(settings));
  return {
    PATH: `${binOf(name)}${delimiter}${userPath()}`,
    [KEYS[provider]]: REAL_KEY,
    LLM_MODEL: provider === 'custom' ? served : `${provider}/${served}`,
    ...(provider === 'custom' ? { LLM_BASE_URL: base } : {}),
  };
}

/** Every token and every cent that the script has served, and none besides. */
function expectCounted(result: JobResult, { spent }: ScriptedModel): void {
  expect([result.total_tokens_in, result.total_tokens_out]).toEqual([spent.input, spent.output]);
  const cost = (spent.input * PRICE.input + spent.output * PRICE.output) / 1e6;
  expect(result.total_cost).toBeCloseTo(cost, 9);
}

function resultOf({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): JobResult {
  try {
    return JSON.parse(stdout) as JobResult;
  } catch {
    throw new Error(`no result:\n${stdout}\n${stderr}`);
  }
}

async function events(jobId: string): Promise<readonly JobEvent[]> {
  const { stdout } = await bench.run(['logs', jobId, '--json']);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JobEvent);
}

describe.each(Object.keys(REAL_AGENTS) as RealAgentName[])('%s', (name) => {
  const reason = whyNot(name);
  const { resumes } = TRAITS[name];
  const title = (text: string): string => (reason === null ? text : `${text} (${reason})`);

  it.skipIf(reason !== null)(
    title('edits files, is red, mends it in its session, and is proposed'),
    async () => {
      model = await startModel(resumes ? [WRONG, RIGHT] : [{ ...WRONG, fix: RIGHT }]);
      const ran = await bench.run(
        ['run', 'Set a.txt right', '--repo', repo, '--agent', name, '--phases', 'off', '--json'],
        configure(name, model),
      );
      const result = resultOf(ran);
      expect(model.strange).toEqual([]);
      expect(result, ran.stderr).toMatchObject({
        outcome: 'proposed',
        iterations: 2,
        gate: { runs: [{ verdict: 'red' }, { verdict: 'green' }] },
        summary: 'Mended a.txt.',
      });
      expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
      expect(sh(repo, 'show', `${result.branch}:b.txt`)).toBe('more');
      const told = await events(result.job_id);
      expect(told.filter(({ type }) => type === 'tool_call').length).toBeGreaterThanOrEqual(3);
      expectCounted(result, model);
      expect(told.filter(({ type, data }) => type === 'usage' && 'call_id' in data)).toHaveLength(
        model.spent.calls,
      );
      expect(JSON.stringify(told)).not.toContain(REAL_KEY);
      expect(processesWith(bench.root)).toEqual([]);
    },
    240_000,
  );

  it.skipIf(reason !== null || !resumes)(
    title('goes on with its own session when the runner is killed in the middle of a build'),
    async () => {
      const [half, sleeps] = ['echo half > a.txt', 'timeout 120 tail -f /dev/null'];
      model = await startModel([{ commands: [half, sleeps], says: 'Never said.' }, RIGHT]);
      const env = configure(name, model);
      const running = bench.start(
        ['run', 'Set a.txt right', '--repo', repo, '--agent', name, '--phases', 'off', '--json'],
        env,
      );
      for (let tries = 0; tries < 1200; tries++) {
        if (model.seen.some(({ prompts, results }) => prompts === 1 && results === 1)) break;
        await sleep(50);
      }
      await sleep(500);
      running.child.kill('SIGKILL');
      const dead = await running.done;
      const jobId = /job (job-[0-9a-f]{12})/.exec(dead.stderr)?.[1] ?? '';
      const callsBefore = model.seen.length;

      const ran = await bench.run(['run', '--resume', jobId, '--json'], env);
      const result = resultOf(ran);
      expect(model.strange).toEqual([]);
      expect(result, ran.stderr).toMatchObject({ outcome: 'proposed', summary: 'Mended a.txt.' });
      expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
      const first = model.seen[callsBefore];
      expect(first?.prompts).toBe(2);
      expect(first?.text).toContain('Your last turn was cut off');
      expect(first?.text).toContain(half);
      expectCounted(result, model);
    },
    240_000,
  );

  it.skipIf(reason !== null)(
    title('explores and plans in a workspace that it can only read, then builds'),
    async () => {
      const look = 'echo looked > a.txt || echo held $?';
      model = await startModel([RIGHT], {
        explore: { commands: ['cat a.txt', look], says: 'a.txt has one line.' },
        plan: { commands: [], says: JSON.stringify(PLAN) },
      });
      const ran = await bench.run(
        ['run', 'Set a.txt right', '--repo', repo, '--agent', name, '--phases', 'on', '--json'],
        configure(name, model),
      );
      const result = resultOf(ran);
      expect(model.strange).toEqual([]);
      expect(result, ran.stderr).toMatchObject({ outcome: 'proposed', exploration_report_generated: true });
      expect(sh(repo, 'show', `${result.branch}:a.txt`)).toBe('right');
      const explored = model.seen.findLast(({ text }) => text.includes(look));
      // The exit code is the shell's own, the message is of the mount.
      expect(explored?.text).toMatch(/held [12]/);
      expect(explored?.text).toContain('Read-only file system');
      const told = await events(result.job_id);
      if (name === 'opencode') expect(JSON.stringify(told)).toContain('"StructuredOutput');
      const plans = told.flatMap(({ type, data }) => (type === 'plan' && 'subtasks' in data ? [data] : []));
      expect(plans).toMatchObject([{ subtasks: PLAN.subtasks, problem: null }]);
      expectCounted(result, model);
    },
    240_000,
  );

  it.skipIf(reason !== null)(
    title('has failed with the error of its model, whatever it says itself'),
    async () => {
      // Nothing is in the script: every call is refused with 400.
      model = await startModel([]);
      const ran = await bench.run(
        ['run', 'Set a.txt right', '--repo', repo, '--agent', name, '--phases', 'off', '--json'],
        configure(name, model),
      );
      const result = resultOf(ran);
      expect(result, ran.stderr).toMatchObject({ outcome: 'agent_failed' });
      expect(result.error?.message).toContain('not in the script');
    },
    240_000,
  );
});

/** Command lines as a person would write them; what they need of a model is in their variables. */
const COMMANDS = {
  codex: [
    'codex exec {resume} --json --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox -m "$OPENAI_MODEL"',
    `-c model_provider=runner -c "model_providers.runner={name='runner', base_url='$OPENAI_BASE_URL', env_key='OPENAI_API_KEY', wire_api='responses'}" -`,
  ].join(' '),
  claude:
    'claude -p {resume} --output-format stream-json --verbose --permission-mode bypassPermissions --model "$ANTHROPIC_MODEL"',
} as const;

describe.each(Object.keys(COMMANDS) as (keyof typeof COMMANDS)[])('%s as a command', (name) => {
  const reason = whyNot(name);
  it.skipIf(reason !== null)(
    reason === null ? 'tells its session and its tokens, and is proposed' : reason,
    async () => {
      model = await startModel([WRONG, RIGHT]);
      const ran = await bench.run(
        ['run', 'Set a.txt right', '--repo', repo, '--agent', 'command', '--phases', 'off', '--json'],
        { ...configure(name, model), AGENT_CMD: COMMANDS[name] },
      );
      const result = resultOf(ran);
      expect(model.strange).toEqual([]);
      expect(result, ran.stderr).toMatchObject({
        outcome: 'proposed',
        iterations: 2,
        summary: 'Mended a.txt.',
      });
      expectCounted(result, model);
      const calls = (await events(result.job_id)).filter(({ type }) => type === 'tool_call');
      expect(calls).toHaveLength(3);
    },
    240_000,
  );
});
