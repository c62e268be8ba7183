/** Outputs as agents give them: read with care, whatever they hold, and asked for once where they are missing. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addGiven,
  boundPaths,
  MAX_GIVEN_BYTES,
  owedOutputs,
  readGiven,
  type Owed,
} from '../../../src/job/pipeline/output/given.ts';
import { decideOwed } from '../../../src/job/pipeline/output/owed.ts';
import type { OutputPromise } from '../../../src/job/pipeline/definition.ts';
import type { Entry } from '../../../src/job/step.ts';

const plain = (text: string): string => text;
const read = (file: string | null, said = ''): ReturnType<typeof readGiven> => readGiven(file, said, plain);
const block = (text: string): string => `Done.\n\n\`\`\`json\n${text}\n\`\`\`\n`;
const promise = (type: OutputPromise['type'], optional = false): OutputPromise => {
  return { type, description: null, optional };
};

describe('outputs', () => {
  it('come from the file, else from the last block of JSON', () => {
    expect(read('{"a": 1}', block('{"a": 2}'))).toEqual({ output: { a: 1 }, problem: null });
    expect(read(null, `${block('{"a": 1}')}${block('{"a": 2}')}The end.`).output).toEqual({ a: 2 });
    expect(read(null, 'no block, and {"a": 1} in the text')).toEqual({ output: {}, problem: null });
    expect(read(null, '````json\n{"a": "```"}\n````').output).toEqual({ a: '```' });
  });

  it.each([
    ['{"a": ', /is no JSON$/],
    ['[1]', /is no JSON object/],
    ['null', /is no JSON object/],
    [`{"a": ${'['.repeat(30)}${']'.repeat(30)}}`, /nested too deeply/],
    [JSON.stringify({ a: 'x'.repeat(MAX_GIVEN_BYTES) }), /too large/],
    [JSON.stringify({ a: 'ü'.repeat(MAX_GIVEN_BYTES / 2) }), /too large/],
  ])('%.20s is a problem that is told, and gives nothing', (text, why) => {
    expect(read(text)).toEqual({ output: {}, problem: expect.stringMatching(why) });
    expect(read(null, block(text)).output).toEqual({});
  });

  it('are plain JSON: no prototype is set, no number that JSON has no word for, no lone surrogate, no secret', () => {
    const text =
      '{"__proto__": {"admin": true}, "n": 1e999, "s": "\\ud800", "deep": {"__proto__": 1, "k": "s3cret"}}';
    const { output } = readGiven(text, '', (one) => one.replaceAll('s3cret', '***'));
    expect(output).toEqual({ n: null, s: '\ufffd', deep: { k: '***' } });
    expect(Object.getPrototypeOf(output)).toBe(Object.prototype);
    expect('admin' in output).toBe(false);
  });

  it('of any text are read in bounded time and stay within their bounds', () => {
    const parts = fc.constantFrom(
      '```json\n',
      '```',
      '\n',
      '{"a":',
      '}',
      '"',
      ' ',
      '\t',
      '`',
      'x',
      '[',
      '__proto__',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 200 }), (some) => {
        const { output } = read(null, some.join(''));
        expect(JSON.stringify(output).length).toBeLessThanOrEqual(MAX_GIVEN_BYTES);
      }),
    );
    expect(read(null, `\`\`\`json\n${' \n'.repeat(60_000)}`).output).toEqual({});
  });

  it('of several turns are together what was given', () => {
    expect(addGiven({ a: 1, b: 1 }, { b: 2 })).toEqual({ a: 1, b: 2 });
    const big = 'x'.repeat(MAX_GIVEN_BYTES - 100);
    expect(addGiven({ a: big }, { b: big })).toEqual({ b: big });
  });

  it('name at most a thousand paths', () => {
    expect(boundPaths(Array.from({ length: 2000 }, (_, at) => `${at}`))).toHaveLength(1000);
    expect(
      JSON.stringify(boundPaths(Array.from({ length: 1000 }, () => 'p'.repeat(500)))).length,
    ).toBeLessThan(17_000);
  });
});

describe('what was promised', () => {
  it('is owed where it is missing or of another type', () => {
    const outputs = {
      count: promise('integer'),
      name: promise('string'),
      list: promise('array'),
      maybe: promise('object', true),
      toString: promise('string'),
    };
    const given = { output: { count: 1.5, name: null, list: [] }, problem: 'output.json is no JSON' };
    const owed = owedOutputs(outputs, given).map(({ name, why }) => `${name} ${why}`);
    expect(owed).toEqual([
      'count is of type number, but integer was promised',
      'name was not given: output.json is no JSON',
      'toString was not given: output.json is no JSON',
    ]);
    expect(owedOutputs(null, given)).toEqual([]);
  });

  const times = { started_at: '', ended_at: '', usage: null };
  const built = (turn: 'task' | 'owed', owed: readonly Owed[]): Entry => {
    const input = { turn: turn === 'task' ? { kind: turn } : { kind: turn, owed }, timeout_ms: 1 } as const;
    const value = { tree: 't', changed: true, summary: '', question: null, session_id: null };
    return { step: 'build', input, result: { ok: true, ...times, ...value, owed } };
  };
  const one: Owed = { kind: 'output', name: 'count', why: 'was not given' };

  it('is asked for once, and then the step fails by it', () => {
    expect(decideOwed([built('task', [])])).toBeNull();
    expect(decideOwed([built('task', [one])])).toEqual({ turn: { kind: 'owed', owed: [one] } });
    expect(decideOwed([built('task', [one]), built('owed', [])])).toBeNull();
    expect(decideOwed([built('task', [one]), built('owed', [one])])).toMatchObject({
      error: { code: 'agent_failed', message: 'output "count" was not given' },
    });
    const file: Owed = { kind: 'conflict', name: 'a.txt', why: 'holds conflict markers' };
    expect(decideOwed([built('owed', [file, one])])).toMatchObject({ error: { code: 'conflict' } });
  });
});
