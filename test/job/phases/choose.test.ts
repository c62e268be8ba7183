import { describe, expect, it } from 'vitest';
import { choosePhases } from '../../../src/job/phases/choose.ts';
import type { JobRequest } from '../../../src/job/request.ts';
import { REQUEST } from '../script.ts';

const LONG = 'The order page must list what a customer bought. '.repeat(6);
const nobody = { agent: null, model: null };
const ask = (request: Partial<JobRequest>, files = 500) => choosePhases({ ...REQUEST, ...request }, files);

describe('whether a job is explored and planned', () => {
  it.each([
    ['opencode', true, 'does not plan by itself'],
    ['builtin', true, 'does not plan by itself'],
    ['builtin:reviewer', true, 'does not plan by itself'],
    ['codex', false, 'codex plans by itself'],
    ['command', false, 'command plans by itself'],
    ['simulated:bad', false, 'simulated plans by itself'],
  ])('is decided for %s by whether it plans itself', (agent, run, reason) => {
    const choice = ask({ agent, task: LONG });
    expect(choice.run).toBe(run);
    expect(choice.reason).toContain(reason);
  });

  it.each([
    ['a short sentence', 'Fix the typo in the README.', 500, 'one sentence of 27 characters'],
    ['words without a full stop', 'fix the typo', 500, 'one sentence of 12 characters'],
    ['a version number', 'Raise the version to 1.2.3. Say so in the changelog.', 500, '2 sentences'],
    ['a long task in a small repository', LONG, 3, 'the repository has 3 files'],
  ])('skips a simple task: %s', (_, task, files, reason) => {
    const choice = ask({ agent: 'opencode', task }, files);
    expect(choice.run).toBe(false);
    expect(choice.reason).toContain(reason);
  });

  it.each([
    ['a long text', LONG],
    ['a list', 'Do:\n- this\n- that'],
    ['a numbered list', 'Do:\n1. this\n2. that'],
    ['paragraphs', 'Rename it.\n\nThen tell the callers.'],
    ['three sentences', 'Add a flag. Document it. Test it.'],
  ])('plans what is not simple: %s', (_, task) => {
    expect(ask({ agent: 'opencode', task }).run).toBe(true);
  });

  it('does what the caller says, but never for questions and for healing', () => {
    const phases = (mode: 'on' | 'off') => ({ mode, explore: nobody, plan: nobody });
    expect(ask({ phases: phases('on'), task: 'short' }, 1)).toEqual({ run: true, reason: 'asked for' });
    expect(ask({ phases: phases('off'), agent: 'opencode', task: LONG }).run).toBe(false);
    expect(ask({ phases: phases('on'), mode: 'ask' }).run).toBe(false);
    const heal = { command: 'self-heal', branch: 'b', title: 't', push: false, folder: null } as const;
    expect(ask({ phases: phases('on'), in_place: heal }).run).toBe(false);
  });
});
