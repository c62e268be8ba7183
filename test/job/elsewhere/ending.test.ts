/** How a job ends that a workflow executed: what is told counts for less than what the forge shows. */
import { describe, expect, it } from 'vitest';
import { decideEnd, type Cause, type Found, type Said } from '../../../src/job/elsewhere/ending.ts';
import { checkCarried, checkPrompt, MAX_PROMPT_CHARS } from '../../../src/job/elsewhere/executor.ts';
import { OUTCOMES, type Outcome } from '../../../src/job/status.ts';

const PULL: Found = { url: 'https://git.example.org/a/b/pull/1', head_sha: 'f'.repeat(40), is_draft: false };
const RUN = 'https://git.example.org/a/runner/actions/runs/1';

function said(over: Partial<Said>): Cause {
  const spent = { total_cost: null, total_tokens_in: null, total_tokens_out: null };
  const nothing = { outcome: null, pr_url: null, error: null, code: null };
  return { kind: 'said', said: { status: 'completed', ...nothing, ...spent, ...over } };
}

function ran(conclusion: string, log: string | null = null): Cause {
  return { kind: 'run', conclusion, url: RUN, failed: [{ name: 'agent', log }] };
}

describe('the end of a job that a workflow executed', () => {
  it.each<[string, Cause, Found | null, Outcome]>([
    ['told with its pull request', said({ pr_url: PULL.url }), PULL, 'pr_opened'],
    ['told as brought up to date', said({ outcome: 'pr_updated' }), PULL, 'pr_updated'],
    ['told without a pull request that is there', said({}), PULL, 'pr_opened'],
    ['told with nothing to propose', said({}), null, 'no_change'],
    ['told as unchanged', said({ outcome: 'no_change' }), null, 'no_change'],
    ['told with a pull request that is not there', said({ pr_url: PULL.url }), null, 'infra_failed'],
    ['told as opened where nothing is', said({ outcome: 'pr_opened' }), null, 'infra_failed'],
    ['told as answered, which nobody asked for', said({ outcome: 'answered' }), null, 'infra_failed'],
    ['told as failed', said({ status: 'failed' }), null, 'infra_failed'],
    ['told as failed, and how', said({ status: 'failed', outcome: 'gate_failed' }), PULL, 'gate_failed'],
    ['told as failed with a success', said({ status: 'failed', outcome: 'pr_opened' }), PULL, 'infra_failed'],
    [
      'told as refused',
      said({ status: 'failed', outcome: 'refused', code: 'secret_in_diff' }),
      null,
      'refused',
    ],
    ['told as cancelled', said({ status: 'cancelled' }), null, 'cancelled'],
    ['seen to have ended well', ran('success'), PULL, 'pr_opened'],
    ['seen to have ended well with nothing', ran('success'), null, 'no_change'],
    ['seen to have failed after its proposal', ran('failure'), PULL, 'pr_opened'],
    ['seen to have failed', ran('failure'), null, 'infra_failed'],
    ['seen to have been cancelled', ran('cancelled'), null, 'cancelled'],
    ['seen to have taken too long', ran('timed_out'), null, 'timed_out'],
    ['gone', { kind: 'gone', why: 'it is gone' }, null, 'infra_failed'],
    ['late', { kind: 'late', why: 'it is late' }, null, 'timed_out'],
  ])('%s', (_, cause, found, outcome) => {
    const end = decideEnd(cause, found, 'of a/b from c/b:bot/x');
    expect(end.outcome).toBe(outcome);
    // Whoever reads a failure is told of one, and whoever reads a success is not.
    expect(end.error === null).toBe(OUTCOMES[outcome].status === 'completed');
  });

  it('keeps the code that was told, and the end of a long log', () => {
    const refused = said({ status: 'failed', outcome: 'refused', code: 'secret_in_diff', error: 'a key' });
    expect(decideEnd(refused, null, '').error).toMatchObject({ code: 'secret_in_diff', message: 'a key' });
    const wrong = said({ status: 'failed', outcome: 'gave_up', code: 'tampered' });
    expect(decideEnd(wrong, null, '').error?.code).toBe('gave_up');
    const { error } = decideEnd(ran('failure', `${'x'.repeat(100_000)}\nno disk`), null, '');
    expect(error?.message.endsWith('no disk')).toBe(true);
    expect(error?.message.length).toBeLessThan(4000);
  });
});

describe('what can go along', () => {
  it('is a prompt that fits into the inputs, counted as JSON', () => {
    expect(() => checkPrompt('x'.repeat(MAX_PROMPT_CHARS - 2))).not.toThrow();
    expect(() => checkPrompt('x'.repeat(MAX_PROMPT_CHARS - 1))).toThrow(/^task: .*65535/);
    expect(() => checkPrompt('\n'.repeat(MAX_PROMPT_CHARS / 2 + 1))).toThrow(/^task: /);
  });

  it('is nothing that a run is never told', () => {
    expect(() => checkCarried({ base: undefined, labels: undefined })).not.toThrow();
    expect(() => checkCarried({ base: undefined, labels: [] })).toThrow(/^labels: /);
  });
});
