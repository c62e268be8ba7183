/** What the stored steps of a run say to those who look at it. */
import { describe, expect, it } from 'vitest';
import { readRecords } from '../../../src/runner/pipeline/walk/records.ts';
import type { StepRecord } from '../../../src/store/store.ts';

function record(key: string, note: StepRecord['note'], result: unknown = null): StepRecord {
  return { key, tries: 1, procedure_version: 1, note, result };
}

describe('questions of a run', () => {
  it('are those that were asked: one whose process died before that can be answered by nobody yet', () => {
    const said = { ok: true, approved: true };
    const { asked, begun } = readRecords([
      record('approve:died-1', {}),
      record('approve:asks-1', { message: 'Go?', approvers: ['ann'] }),
      record('approve:told before-1', {}, said),
    ]);
    expect(asked.map(({ step, message, end }) => [step, message, end])).toEqual([
      ['asks', 'Go?', null],
      ['told before', '', said],
    ]);
    expect(begun.map(({ name }) => name)).toEqual(['died', 'asks', 'told before']);
  });
});
