/** The agent that plays recorded turns back: the contract of all agents, and what only it does. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Agent } from '../../../src/agent/agent.ts';
import { createReplayAgent } from '../../../src/agent/replay/agent.ts';
import type { RecordedTurn } from '../../../src/job/recording/recording.ts';
import { errorInfo, type ErrorInfo } from '../../../src/job/error.ts';
import { agentContract } from '../../contract/agent.ts';
import { openBench, whySkip } from '../bench.ts';
import { openTreeHouse, TURN } from './recorded.ts';

const house = openTreeHouse();
afterAll(() => house.remove());

const one = house.tree({ 'a.txt': 'one\n' });
const two = house.tree({ 'a.txt': 'two\n' });

function agentOf(turns: readonly RecordedTurn[], error: ErrorInfo | null = null): Agent {
  return createReplayAgent({ repository: house.repository, turns, error });
}

agentContract({
  name: 'replay',
  files: { 'a.txt': 'one\n' },
  edits: () => agentOf([{ ...TURN, trees: { before: one, after: two } }]),
  edited: { path: 'a.txt', text: 'two' },
  idle: () => ({ agent: agentOf([TURN]), files: { 'a.txt': 'one\n' } }),
  fails: () => ({ agent: agentOf([]), said: 'the recording has no turn 1 of build' }),
  slow: null,
  costUsd: 0,
});

const BEFORE = { 'gone.txt': 'x', 'mode.sh': 'echo\n', file: 'f', 'folder/in.txt': 'i', empty: '' };
const MAKE_BEFORE = 'ln -s file link';
const AFTER = {
  'mode.sh': 'echo\n',
  'file/now/deep.txt': 'd',
  folder: 'flat',
  empty: 'full',
  'moved.txt': 'x',
};
const MAKE_AFTER =
  'chmod +x mode.sh; ln -s ../../nowhere link; printf "\\000\\377\\n" > binary; printf x > "$(printf "line\\nbreak")"';

describe.each(['host', 'bubblewrap'] as const)('on %s', async (name) => {
  const reason = await whySkip(name);
  const before = house.tree(BEFORE, MAKE_BEFORE);
  const after = house.tree(AFTER, MAKE_AFTER);
  const turn = { ...TURN, trees: { before, after } };

  it.skipIf(reason !== null)(
    `lays contents, modes, links, deletions and changes of kind (${reason ?? 'it runs'})`,
    async () => {
      const bench = await openBench(name, agentOf([turn]), BEFORE);
      const at = (path: string): string => join(bench.workspace, path);
      // What nobody recorded stays, and what lies in the way is replaced.
      writeFileSync(at('own.txt'), 'mine');
      mkdirSync(at('moved.txt'));
      for (let times = 0; times < 2; times++) {
        await bench.runOk();
        expect(await bench.list()).toEqual([
          'binary',
          'empty',
          'file/now/deep.txt',
          'folder',
          'line\nbreak',
          'link',
          'mode.sh',
          'moved.txt',
          'own.txt',
        ]);
        expect(readFileSync(at('binary'))).toEqual(Buffer.from([0, 255, 10]));
        expect(readlinkSync(at('link'))).toBe('../../nowhere');
        expect(lstatSync(at('mode.sh')).mode & 0o111).toBe(0o111);
        expect(await bench.read('empty')).toBe('full');
      }
    },
  );

  it.skipIf(reason !== null)('never writes through a link out of the workspace', async () => {
    const bench = await openBench(name, agentOf([turn]), {});
    const outside = join(bench.workspace, '..', 'home');
    symlinkSync(outside, join(bench.workspace, 'file'));
    await bench.runOk();
    expect(lstatSync(join(bench.workspace, 'file')).isDirectory()).toBe(true);
    expect(() => lstatSync(join(outside, 'now'))).toThrow('ENOENT');
  });

  it.skipIf(reason !== null)('runs no hook, filter or monitor of the workspace', async () => {
    const tree = house.tree({ '.gitattributes': '* filter=evil\n', 'a.txt': 'new\n' });
    const bench = await openBench(name, agentOf([{ ...TURN, trees: { before: one, after: tree } }]), {
      'a.txt': 'one\n',
      '.git/HEAD': 'ref: refs/heads/main\n',
      '.git/config':
        '[filter "evil"]\n\tsmudge = touch evil\n[core]\n\tfsmonitor = touch evil\n\thooksPath = hooks\n',
      'hooks/post-index-change': '#!/bin/sh\ntouch evil\n',
    });
    chmodSync(join(bench.workspace, 'hooks/post-index-change'), 0o755);
    await bench.runOk();
    expect(await bench.read('a.txt')).toBe('new\n');
    expect(await bench.list()).not.toContain('evil');
  });
});

describe('a turn played back', async () => {
  const reason = await whySkip('host');
  const open = async (turns: readonly RecordedTurn[], error: ErrorInfo | null = null) =>
    openBench('host', agentOf(turns, error), { 'a.txt': 'one\n' });

  it.skipIf(reason !== null)(
    'tells its events again as recorded, with what it had cost, and charges nothing',
    async () => {
      const events: RecordedTurn['events'] = [
        { type: 'message', data: { text: 'I look' } },
        { type: 'usage', data: { cost_usd: 1, call_id: 'x' } },
      ];
      const bench = await open([{ ...TURN, events, cut: ['events: 3 in the middle are left out'] }]);
      const reply = await bench.runOk();
      expect(bench.events).toEqual([
        { type: 'message', data: { text: 'I look', replayed: true } },
        { type: 'usage', data: { recorded: { cost_usd: 1, call_id: 'x' } } },
        {
          type: 'message',
          data: { notice: 'not whole in the recording: events: 3 in the middle are left out' },
        },
        { type: 'usage', data: { recorded: TURN.usage } },
      ]);
      expect(reply.usage).toEqual({ cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 1 });
    },
  );

  it.skipIf(reason !== null)('fails as it failed, and changes what it had changed until then', async () => {
    const error = errorInfo('timed_out', 'too slow');
    const trees = { before: one, after: two };
    const bench = await open([{ ...TURN, trees, ending: { ok: false, error } }]);
    expect(await bench.run()).toMatchObject({ ok: false, error: { code: 'timed_out', message: 'too slow' } });
    expect(await bench.read('a.txt')).toBe('two\n');
  });

  it.skipIf(reason !== null)('is found by phase and number', async () => {
    const said = (summary: string): RecordedTurn['ending'] => ({
      ok: true,
      summary,
      question: null,
      session_id: null,
    });
    const bench = await open([
      { ...TURN, phase: 'plan', ending: said('a plan') },
      { ...TURN, ending: said('first') },
      { ...TURN, number: 2, ending: said('second') },
    ]);
    expect((await bench.runOk({ phase: 'plan' })).summary).toBe('a plan');
    expect((await bench.runOk({ number: 2 })).summary).toBe('second');
    expect(await bench.run({ number: 3 })).toMatchObject({
      error: { message: 'the recording has no turn 3 of build' },
    });
    expect(await bench.run({ phase: 'explore' })).toMatchObject({
      error: { code: 'agent_failed', message: 'the recording has no turn 1 of explore' },
    });
  });

  it.skipIf(reason !== null)('ends at the cap at which the recorded job ended, and only there', async () => {
    const cap = errorInfo('budget_exceeded', 'max_turns: 1 turn was taken');
    const bench = await open([TURN], cap);
    expect(await bench.run({ number: 2 })).toMatchObject({ error: cap });
    expect(await bench.run({ phase: 'explore' })).toMatchObject({ error: { code: 'agent_failed' } });
    const failed = await open([TURN], errorInfo('gate_failed', 'red'));
    expect(await failed.run({ number: 2 })).toMatchObject({ error: { code: 'agent_failed' } });
  });

  it.skipIf(reason !== null)('says so when its trees are gone', async () => {
    const trees = { before: one, after: '1'.repeat(40) };
    const bench = await open([{ ...TURN, trees }]);
    const reply = await bench.run();
    expect(reply).toMatchObject({ ok: false, error: { code: 'agent_failed' } });
    if (!reply.ok) expect(reply.error.message).toContain('could not be laid');
    expect(await bench.read('a.txt')).toBe('one\n');
  });
});
