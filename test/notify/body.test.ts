/** What a callback says. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorInfo } from '../../src/job/error.ts';
import type { JobResult } from '../../src/job/result.ts';
import { callbackBody } from '../../src/notify/body.ts';
import { sampleResult } from './sample.ts';

describe('the body of a callback', () => {
  it('has these fields and no others, of a job that succeeded', () => {
    const result = sampleResult({ branch: 'bot/job-1', pr_url: 'https://example.org/pr/1', total_cost: 0.5 });
    expect(callbackBody(result)).toEqual({
      job_id: 'job-1',
      status: 'completed',
      outcome: 'proposed',
      pr_url: 'https://example.org/pr/1',
      upstream_repo: null,
      fork_repo: null,
      branch: 'bot/job-1',
      error: null,
      error_detail: null,
      total_cost: 0.5,
      total_tokens_in: null,
      total_tokens_out: null,
    });
  });

  it('tells an error in words and in full', () => {
    const error = errorInfo('gate_failed', 'red', 'look');
    const body = callbackBody(sampleResult({ status: 'failed', outcome: 'gate_failed', error }));
    expect(body).toMatchObject({
      status: 'failed',
      outcome: 'gate_failed',
      error: 'red',
      error_detail: error,
    });
  });

  it('is small and valid JSON in Unicode, however long and odd an error is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 4100 }), (text, pad) => {
        const message = `${'x'.repeat(pad)}🙂${text.repeat(50)}`;
        const result: JobResult = sampleResult({ error: errorInfo('infra_failed', message, message) });
        const json = JSON.stringify(callbackBody(result));
        expect(json.isWellFormed()).toBe(true);
        expect(json.length).toBeLessThan(100_000);
      }),
      { numRuns: 30 },
    );
  });
});
