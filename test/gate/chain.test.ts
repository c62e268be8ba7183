import { describe, expect, test } from 'vitest';
import { partsOf, splitChain } from '../../src/gate/detect/chain.ts';

describe('splitChain', () => {
  test.each([
    ['a && b && c', ['a', 'b', 'c']],
    ['a "x && y" && b', ['a "x && y"', 'b']],
    ["a 'it && b' && (c && d)", ["a 'it && b'", '(c && d)']],
    ['a | tee log && b 2>&1', ['a | tee log', 'b 2>&1']],
    ['a', ['a']],
    ['a; b && c', null],
    ['a && b || true', null],
    ['a & b && c', null],
    ['a && "b', null],
    ['a && && b', null],
    ['a <<X && b', null],
  ])('%s', (command, parts) => {
    expect(splitChain(command)).toEqual(parts);
  });
});

describe('partsOf', () => {
  const scripts = {
    test: 'eslint . && vitest run',
    lint: 'eslint .',
    all: 'npm run lint && npm test',
    pretest: 'tsc',
  };
  const inPath = (part: string): string => `export PATH="$PWD/node_modules/.bin:$PATH" && ${part}`;

  test.each([
    ['make lint && make test', ['make lint', 'make test']],
    ['cd web && npm test', []],
    ['cd web && npm run lint && npm test', ['cd web && npm run lint', 'cd web && npm test']],
    ['npm run --silent test', ['tsc', 'eslint .', 'vitest run'].map(inPath)],
    ['npm test', ['tsc', 'eslint .', 'vitest run'].map(inPath)],
    ['yarn run all', ['npm run lint', 'npm test'].map(inPath)],
    ['npm run lint', []],
    ['npm run missing', []],
    ['pytest', []],
  ])('%s', (command, parts) => {
    expect(partsOf(command, scripts)).toEqual(parts);
  });

  test('a chain that is too long stays whole', () => {
    expect(partsOf(Array.from({ length: 11 }, () => 'a').join(' && '), {})).toEqual([]);
  });
});
