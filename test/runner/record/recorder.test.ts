/** What is written of a turn: whole, masked, bounded, or not at all. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentReply } from '../../../src/agent/agent.ts';
import { errorInfo } from '../../../src/job/error.ts';
import {
  MAX_EVENT_CHARS,
  MAX_RECORDED_EVENTS,
  MAX_RECORDED_TURNS,
  MAX_REPLY_CHARS,
  type RecordedTurn,
} from '../../../src/job/recording/recording.ts';
import { forgetTurn, recordTurn } from '../../../src/runner/record/recorder.ts';
import { readTurns } from '../../../src/runner/record/recording.ts';
import { BEGUN, recorderContext, type Told } from './scene.ts';

let turns: string;
beforeEach(() => {
  turns = join(mkdtempSync(join(tmpdir(), 'agent-runner-turns-')), 'turns');
});
afterEach(() => rmSync(join(turns, '..'), { recursive: true, force: true }));

const OK: AgentReply = { ok: true, summary: 'did it', question: null, sessionId: 's-1', usage: null };

async function only(): Promise<RecordedTurn> {
  const all = await readTurns(turns);
  expect(all).toHaveLength(1);
  return all[0] as RecordedTurn;
}

describe('a turn', () => {
  it('is written with what it told, how it ended and its trees', async () => {
    const recorder = recordTurn(recorderContext(turns), { ...BEGUN, answer: 'blue' });
    recorder.onEvent('tool_call', { title: 'edit' });
    const usage = { cost_usd: null, tokens_in: 5, tokens_out: 1, turns: 2 };
    const trees = { before: 'a'.repeat(40), after: 'b'.repeat(40) };
    await recorder.end({ ...OK, usage }, trees);
    expect(await only()).toMatchObject({
      phase: 'build',
      number: 1,
      answer: 'blue',
      prompt: { chars: 5 },
      events: [{ type: 'tool_call', data: { title: 'edit' } }],
      ending: { ok: true, summary: 'did it', question: null, session_id: 's-1' },
      trees,
      usage,
      cut: [],
    });
  });

  it('keeps no secret that the agent was given', async () => {
    const recorder = recordTurn(recorderContext(turns, 'hunter2hunter2'), BEGUN);
    recorder.onEvent('message', { text: 'key hunter2hunter2', deep: [{ a: 'hunter2hunter2' }] });
    await recorder.end({ ...OK, summary: 'hunter2hunter2', question: 'hunter2hunter2?' }, null);
    const failed = recordTurn(recorderContext(turns, 'hunter2hunter2'), { ...BEGUN, key: 'build-2' });
    await failed.end({ ok: false, error: errorInfo('agent_failed', 'hunter2hunter2'), usage: null }, null);
    for (const name of readdirSync(turns))
      expect(readFileSync(join(turns, name), 'utf8')).not.toContain('hunter2');
  });

  it('keeps the first and the last events of many, and says how many are missing', async () => {
    const recorder = recordTurn(recorderContext(turns), BEGUN);
    for (let at = 0; at < MAX_RECORDED_EVENTS + 500; at++) recorder.onEvent('log', { at });
    await recorder.end(OK, null);
    const { events, cut } = await only();
    expect([events.length, events[0]?.data['at'], events.at(-1)?.data['at']]).toEqual([
      MAX_RECORDED_EVENTS,
      0,
      MAX_RECORDED_EVENTS + 499,
    ]);
    expect(cut).toEqual(['events: 500 in the middle are left out']);
  });

  it('is bounded in characters, too', async () => {
    const recorder = recordTurn(recorderContext(turns), BEGUN);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, 'x'.repeat(4000)]));
    for (let at = 0; at < 20; at++) recorder.onEvent('message', many);
    await recorder.end({ ...OK, summary: 'y'.repeat(MAX_REPLY_CHARS + 7) }, null);
    const { events, ending, cut } = await only();
    expect(JSON.stringify(events).length).toBeLessThanOrEqual(MAX_EVENT_CHARS + MAX_RECORDED_EVENTS);
    expect(ending.ok && ending.summary.length).toBe(MAX_REPLY_CHARS);
    expect(cut).toHaveLength(2);
  });

  it('passes over events that only the runner may write', async () => {
    const recorder = recordTurn(recorderContext(turns), BEGUN);
    recorder.onEvent('status', { status: 'completed' });
    await recorder.end(OK, null);
    expect((await only()).events).toEqual([]);
  });

  it('that begins again forgets what a try before had written', async () => {
    const context = recorderContext(turns);
    await recordTurn(context, BEGUN).end(OK, null);
    await forgetTurn(context, BEGUN.key);
    expect(await readTurns(turns)).toEqual([]);
    await forgetTurn(context, BEGUN.key);
  });

  it('that can not be written costs the recording and not the job, and the log says so', async () => {
    const told: Told[] = [];
    mkdirSync(join(turns, '..'), { recursive: true });
    writeFileSync(turns, 'in the way');
    await recordTurn(recorderContext(turns, 'x'.repeat(12), told), BEGUN).end(OK, null);
    expect(told).toEqual([
      {
        type: 'message',
        data: { notice: expect.stringContaining('build-1 could not be recorded') as string },
      },
    ]);
  });

  it('after too many is not recorded, and the log says so', async () => {
    const told: Told[] = [];
    mkdirSync(turns, { recursive: true });
    for (let at = 1; at <= MAX_RECORDED_TURNS; at++) writeFileSync(join(turns, `build-${at}.json`), '');
    const context = recorderContext(turns, 'x'.repeat(12), told);
    await recordTurn(context, { ...BEGUN, key: 'build-201' }).end(OK, null);
    expect(readdirSync(turns)).toHaveLength(MAX_RECORDED_TURNS);
    expect(told).toHaveLength(1);
  });

  it('is whole or not there after any kill', async () => {
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, 'write-until-killed.ts'), turns], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = new Promise((resolve) => child.on('close', resolve));
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await sleep(40 + 23 * round);
      child.kill('SIGKILL');
      await ended;
      // What a kill leaves beside the turns is no turn.
      const found = await readTurns(turns);
      expect(found.length).toBeGreaterThan(0);
      for (const turn of found) expect([turn.ending.ok, turn.events.length]).toEqual([true, 200]);
    }
  });
});
