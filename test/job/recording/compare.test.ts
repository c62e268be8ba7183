import { describe, expect, it } from 'vitest';
import { compareOutcomes } from '../../../src/job/recording/compare.ts';
import type { RecordedGate, RecordedOutcome } from '../../../src/job/recording/recording.ts';

const NAMES = { of: 'job-1', job_id: 'job-2' };
const GREEN: RecordedGate = { verdict: 'green', checks: [{ name: 'test', verdict: 'passed' }] };
const RED: RecordedGate = { verdict: 'red', checks: [{ name: 'test', verdict: 'failed' }] };

function came(more: Partial<RecordedOutcome> = {}): RecordedOutcome {
  return { outcome: 'proposed', error: null, gate: [RED, GREEN], tree: 'a'.repeat(40), ...more };
}

describe('a playback', () => {
  it('is equal where outcome and tree are', () => {
    const compared = compareOutcomes(NAMES, came(), came(), []);
    expect(compared).toMatchObject({ ...NAMES, equal: true, checks: [], tree: { equal: true, count: 0 } });
  });

  it.each(['pr_opened', 'pr_updated'] as const)(
    'that proposes where the recorded job was %s is equal',
    (outcome) => {
      expect(compareOutcomes(NAMES, came({ outcome }), came(), []).equal).toBe(true);
    },
  );

  it('differs in its outcome', () => {
    const compared = compareOutcomes(NAMES, came(), came({ outcome: 'gate_failed' }), []);
    expect(compared).toMatchObject({ equal: false, outcome: { equal: false }, tree: { equal: true } });
  });

  it('differs in its tree, and names the first fifty paths', () => {
    const paths = Array.from({ length: 60 }, (_, at) => ({ path: `f${at}`, status: 'M' }));
    const { equal, tree } = compareOutcomes(NAMES, came(), came({ tree: 'b'.repeat(40) }), paths);
    expect([equal, tree.equal, tree.count, tree.differing.length]).toEqual([false, false, 60, 50]);
  });

  it('names every verdict that differs, run by run', () => {
    const lint = { name: 'lint', verdict: 'passed' } as const;
    const now = came({ gate: [{ ...RED, checks: [...RED.checks, lint] }, RED, GREEN] });
    expect(compareOutcomes(NAMES, came(), now, []).checks).toEqual([
      { run: 1, check: 'lint', recorded: null, replayed: 'passed' },
      { run: 2, check: null, recorded: 'green', replayed: 'red' },
      { run: 2, check: 'test', recorded: 'passed', replayed: 'failed' },
      { run: 3, check: null, recorded: null, replayed: 'green' },
    ]);
  });

  it('whose verdicts differ is equal all the same where nothing came of it', () => {
    const now = came({ gate: [RED, { ...GREEN, checks: [{ name: 'test', verdict: 'flaky' }] }] });
    expect(compareOutcomes(NAMES, came(), now, [])).toMatchObject({ equal: true, checks: [{ run: 2 }] });
  });
});
