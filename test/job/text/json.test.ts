import { describe, expect, it } from 'vitest';
import { at, countAt, fieldsOf, listAt, parseJson, parseObject, textAt } from '../../../src/job/text/json.ts';

describe('JSON of somebody else', () => {
  it('is what it should be, or it is not there', () => {
    const value: unknown = { a: { b: [1], n: 2.6, t: 'x', less: -1, none: null } };
    expect(at(value, 'a', 'b')).toEqual([1]);
    expect([countAt(value, 'a', 'n'), countAt(value, 'a', 'less'), countAt(value, 'a', 't')]).toEqual([
      3,
      null,
      null,
    ]);
    expect([textAt(value, 'a', 't'), textAt(value, 'a', 'n'), textAt(value, 'no')]).toEqual([
      'x',
      null,
      null,
    ]);
    expect([listAt(value, 'a', 'b'), listAt(value, 'a', 't')]).toEqual([[1], []]);
    expect([fieldsOf([]), fieldsOf(null), fieldsOf('{}')]).toEqual([null, null, null]);
    expect([at(value, 'a', 'none', 'x'), at(value, 'a', 'b', 'length'), at(undefined, 'a')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('has no fields that every object inherits', () => {
    expect([at({}, 'constructor'), at({}, '__proto__', 'x'), textAt({}, 'constructor', 'name')]).toEqual([
      undefined,
      undefined,
      null,
    ]);
  });

  it('that is none is told without a throw', () => {
    expect([parseJson('{'), parseObject('[1]'), parseObject('{'), parseObject(' {"a":1}')]).toEqual([
      undefined,
      null,
      null,
      { a: 1 },
    ]);
  });
});
