import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Cancelled,
  ERROR_CODES,
  errorInfo,
  errorInfoOf,
  JobError,
  outcomeOf,
  type ErrorCode,
} from '../../src/job/error.ts';
import {
  assertTransition,
  canTransition,
  EXIT_CODES,
  isTerminal,
  JOB_STATUSES,
  OUTCOMES,
  parseStatus,
  TRANSITIONS,
} from '../../src/job/status.ts';
import { durationMs } from '../../src/job/step.ts';

const status = fc.constantFrom(...JOB_STATUSES);

describe('statuses and outcomes', () => {
  it('are the published lists', () => {
    expect(JOB_STATUSES.join(' ')).toBe(
      'queued forking triggered running retrying needs_input completed failed cancelled',
    );
    expect(Object.entries(OUTCOMES).map(([name, o]) => `${name} ${o.status} ${o.exit_code}`)).toEqual([
      'pr_opened completed 0',
      'pr_updated completed 0',
      'proposed completed 0',
      'no_change completed 0',
      'answered completed 0',
      'gate_failed failed 1',
      'gave_up failed 2',
      'tampered failed 1',
      'agent_failed failed 3',
      'budget_exceeded failed 4',
      'timed_out failed 4',
      'setup_failed failed 1',
      'refused failed 7',
      'infra_failed failed 5',
      'cancelled cancelled 130',
    ]);
    expect(EXIT_CODES).toEqual({
      needs_input: 6,
      usage: 64,
      no_permission: 77,
      unavailable: 69,
      bad_configuration: 78,
    });
  });

  it('exit with 0 exactly when they are completed', () => {
    for (const outcome of Object.values(OUTCOMES))
      expect(outcome.exit_code === 0).toBe(outcome.status === 'completed');
  });

  it('share no exit code between an outcome and anything else', () => {
    const owned = new Set<number>(Object.values(OUTCOMES).map((outcome) => outcome.exit_code));
    for (const other of Object.values(EXIT_CODES)) expect(owned.has(other)).toBe(false);
  });
});

describe('transitions', () => {
  it('leave no terminal status, and every other one can end in each of the three', () => {
    for (const from of JOB_STATUSES) {
      const terminal = ['completed', 'failed', 'cancelled'].includes(from);
      expect(isTerminal(from)).toBe(terminal);
      for (const to of ['completed', 'failed', 'cancelled'] as const)
        expect(canTransition(from, to)).toBe(!terminal);
    }
  });

  it('reach every status from queued, and never stay where they are or go back to queued', () => {
    const reached = new Set<string>(['queued']);
    const walk = (from: (typeof JOB_STATUSES)[number]): void => {
      for (const to of TRANSITIONS[from]) {
        expect(to).not.toBe(from);
        expect(to).not.toBe('queued');
        if (!reached.has(to)) {
          reached.add(to);
          walk(to);
        }
      }
    };
    walk('queued');
    expect([...reached].sort()).toEqual([...JOB_STATUSES].sort());
  });

  it('are refused by name of both ends when the table does not list them', () => {
    fc.assert(
      fc.property(status, status, (from, to) => {
        if (canTransition(from, to)) {
          expect(() => assertTransition(from, to)).not.toThrow();
        } else {
          expect(() => assertTransition(from, to)).toThrow(`${from} can't become ${to}`);
        }
      }),
    );
  });

  it('let no walk leave the table, and end every walk at the first terminal status', () => {
    fc.assert(
      fc.property(fc.array(status, { maxLength: 30 }), (wishes) => {
        let at: (typeof JOB_STATUSES)[number] = 'queued';
        let ended = false;
        for (const wish of wishes) {
          try {
            assertTransition(at, wish);
          } catch (error) {
            expect((error as JobError).code).toBe('illegal_transition');
            continue;
          }
          expect(ended).toBe(false);
          at = wish;
          ended = isTerminal(at);
        }
      }),
    );
  });
});

describe('parseStatus', () => {
  it('knows every status, and created and pending as queued', () => {
    for (const name of JOB_STATUSES) expect(parseStatus(name)).toBe(name);
    expect([parseStatus('created'), parseStatus('pending')]).toEqual(['queued', 'queued']);
  });

  it('knows nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const known = [...JOB_STATUSES, 'created', 'pending'] as readonly string[];
        expect(parseStatus(text) !== null).toBe(known.includes(text));
      }),
    );
    for (const text of ['', 'QUEUED', ' queued', 'constructor', '__proto__', 'toString'])
      expect(parseStatus(text)).toBeNull();
  });
});

describe('errors', () => {
  it('of every code carry a blame and a real outcome', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const error = new JobError(code, 'words', { hint: 'do this' });
      expect(errorInfoOf(error)).toEqual({
        code,
        blame: ERROR_CODES[code].blame,
        message: 'words',
        hint: 'do this',
      });
      expect(Object.keys(OUTCOMES)).toContain(outcomeOf(code));
      expect(errorInfo(code, 'words')).toEqual({ ...errorInfoOf(error), hint: null });
    }
  });

  it('never end as a success', () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      expect(OUTCOMES[outcomeOf(code)].status).not.toBe('completed');
    }
  });

  it('of others are infrastructure, whatever was thrown', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.constant(undefined)),
        (thrown) => {
          expect(errorInfoOf(thrown)).toMatchObject({
            code: 'infra_failed',
            blame: 'operator',
            message: String(thrown),
          });
        },
      ),
    );
    expect(errorInfoOf(new TypeError('x is not a function')).message).toBe('x is not a function');
  });

  it('keep their cause, and a cancellation is none of them', () => {
    const cause = new Error('below');
    expect(new JobError('infra_failed', 'above', { cause }).cause).toBe(cause);
    expect(new Cancelled()).not.toBeInstanceOf(JobError);
  });
});

it('durationMs is the time between two moments and never negative', () => {
  const [early, late] = ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.500Z'];
  expect(durationMs({ started_at: early, ended_at: late })).toBe(1500);
  expect(durationMs({ started_at: late, ended_at: early })).toBe(0);
});
