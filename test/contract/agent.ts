/** What every agent owes the runner, on every sandbox that works here. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { Cancelled } from '../../src/job/error.ts';
import type { SandboxName } from '../../src/sandbox/sandbox.ts';
import { openBench, whySkip } from '../agent/bench.ts';

/** One agent in the situations of the contract. */
export interface AgentSubject {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  /** Changes `edited.path` so that it holds `edited.text`. */
  readonly edits: () => Agent;
  readonly edited: { readonly path: string; readonly text: string };
  /** Ends well and changes nothing. */
  readonly idle: () => { readonly agent: Agent; readonly files: Readonly<Record<string, string>> };
  /** Fails; its message must hold `said`. */
  readonly fails: () => { readonly agent: Agent; readonly said: string };
  /** Prints now and then and works until it is stopped; `null` for agents that can't be slow. */
  readonly slow: (() => Agent) | null;
  readonly costUsd: number | null;
  /** Tokens of a turn, where it counts them although it does not know their price. */
  readonly tokens?: number;
}

const SANDBOXES: readonly SandboxName[] = ['host', 'bubblewrap'];

/** Whether nothing is left of a turn, given a moment for the kernel to bury the dead. */
async function gone(leftovers: () => Promise<string[]>): Promise<string[]> {
  for (let tries = 0; tries < 20; tries++) {
    if ((await leftovers()).length === 0) return [];
    await sleep(50);
  }
  return await leftovers();
}

/** Runs the contract of the agent port for one agent on every sandbox. */
export function agentContract(subject: AgentSubject): void {
  for (const name of SANDBOXES) {
    describe(`agent contract: ${subject.name} on ${name}`, async () => {
      const reason = await whySkip(name);
      if (reason !== null) {
        it.skip(reason, () => {});
        return;
      }
      contractOn(subject, name);
    });
  }
}

function contractOn(subject: AgentSubject, name: SandboxName): void {
  it('leaves its edits in the workspace and says what it did', async () => {
    const bench = await openBench(name, subject.edits(), subject.files);
    const reply = await bench.runOk();
    expect(await bench.read(subject.edited.path)).toContain(subject.edited.text);
    expect(reply.summary.trim()).not.toBe('');
    expect(reply.question).toBeNull();
    const tokens = subject.tokens ?? (subject.costUsd === 0 ? 0 : null);
    expect(reply.usage).toEqual({
      cost_usd: subject.costUsd,
      tokens_in: tokens,
      tokens_out: tokens,
      turns: 1,
    });
    expect(await gone(() => bench.leftovers())).toEqual([]);
  });

  it('run twice has the effect of once', async () => {
    const bench = await openBench(name, subject.edits(), subject.files);
    await bench.runOk();
    const [files, text] = [await bench.list(), await bench.read(subject.edited.path)];
    await bench.runOk();
    expect([await bench.list(), await bench.read(subject.edited.path)]).toEqual([files, text]);
  });

  it('ends well when it changes nothing', async () => {
    const { agent, files } = subject.idle();
    const bench = await openBench(name, agent, files);
    const before = await bench.list();
    expect((await bench.run()).ok).toBe(true);
    expect(await bench.list()).toEqual(before);
  });

  it('fails as agent_failed, with its own words', async () => {
    const { agent, said } = subject.fails();
    const bench = await openBench(name, agent, subject.files);
    const reply = await bench.run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed', blame: 'operator' } });
    if (!reply.ok) expect(reply.error.message).toContain(said);
    expect(reply.usage?.turns).toBe(1);
  });

  it('takes a prompt of 1 MB', async () => {
    const bench = await openBench(name, subject.edits(), subject.files);
    await bench.runOk({ prompt: `## Task\n\nLong\n${'word\n'.repeat(210_000)}` });
    expect(await bench.read(subject.edited.path)).toContain(subject.edited.text);
  });

  it('does nothing once it is cancelled', async () => {
    const bench = await openBench(name, subject.edits(), subject.files);
    const before = await bench.list();
    await expect(bench.run({}, AbortSignal.abort())).rejects.toThrow(Cancelled);
    expect(await bench.list()).toEqual(before);
  });

  const { slow } = subject;
  if (slow === null) return;

  it('throws Cancelled within a second and leaves no process', async () => {
    const bench = await openBench(name, slow(), subject.files);
    const controller = new AbortController();
    const running = bench.run({}, controller.signal);
    const ended = expect(running).rejects.toThrow(Cancelled);
    for (let tries = 0; tries < 200 && bench.events.length < 2; tries++) await sleep(50);
    for (let tries = 0; tries < 100 && (await bench.leftovers()).length === 0; tries++) await sleep(50);
    expect(await bench.leftovers()).not.toEqual([]);
    const started = performance.now();
    controller.abort();
    await ended;
    expect(performance.now() - started).toBeLessThan(1000);
    expect(await gone(() => bench.leftovers())).toEqual([]);
  });

  it('is timed_out at the wall clock bound, and its edits stay', async () => {
    const bench = await openBench(name, slow(), subject.files);
    const before = await bench.list();
    const reply = await bench.run({ timeoutMs: 1500 });
    expect(reply).toMatchObject({ ok: false, error: { code: 'timed_out' } });
    if (!reply.ok) expect(reply.error.message).toContain('1.5 s');
    expect((await bench.list()).length).toBeGreaterThan(before.length);
    expect(await gone(() => bench.leftovers())).toEqual([]);
  });
}
