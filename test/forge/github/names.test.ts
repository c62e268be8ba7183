/** Which addresses are a server's, and what they name there. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSameName, nameOn, splitName } from '../../../src/forge/github/names.ts';

const HUB = 'https://github.com';

describe('nameOn', () => {
  it.each([
    'https://github.com/ann/tool',
    'https://github.com/ann/tool.git',
    'https://github.com/ann/tool/',
    'HTTPS://GitHub.com/ann/tool',
    'ssh://git@github.com/ann/tool.git',
    'git@github.com:ann/tool.git',
    'git@github.com:ann/tool',
  ])('%s', (repo) => {
    expect(nameOn(HUB, repo)).toEqual({ owner: 'ann', name: 'tool' });
  });

  it.each([
    'https://github.com.evil.example/ann/tool',
    'https://evil.example/https://github.com/ann/tool',
    'https://user:pw@github.com/ann/tool',
    'https://github.com@evil.example/ann/tool',
    'http://github.com/ann/tool',
    'https://github.com/ann',
    'https://github.com/ann/tool/tree/main',
    'https://github.com/../tool',
    'https://github.com/ann/..',
    'https://github.com/ann/.',
    'https://github.com/-x/tool',
    'https://github.com/ann/to ol',
    'https://github.com/ann/tool?x=1',
    'https://github.com/ann/tool#x',
    'https://github.com/ann/%2e%2e',
    'git@github.com.evil.example:ann/tool',
    '/srv/github.com/ann/tool',
    '',
  ])('is not %s', (repo) => {
    expect(nameOn(HUB, repo)).toBeNull();
  });

  it('knows a server with a port', () => {
    const own = 'http://127.0.0.1:3000';
    expect(nameOn(own, `${own}/ann/tool`)).toEqual({ owner: 'ann', name: 'tool' });
    expect(nameOn(own, 'git@127.0.0.1:ann/tool')).toEqual({ owner: 'ann', name: 'tool' });
    expect(nameOn(own, 'http://127.0.0.1:30001/ann/tool')).toBeNull();
  });

  it('never names what would leave its place in a path', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = nameOn(HUB, `${HUB}/${text}`);
        if (name === null) return;
        expect(`${name.owner}/${name.name}`).toMatch(/^[A-Za-z0-9_][\w.-]*\/[\w.-]+$/);
        expect(['.', '..']).not.toContain(name.name);
      }),
    );
  });
});

describe('full names', () => {
  it('have two parts, and no capitals', () => {
    expect(splitName('ann/tool.git')).toEqual({ owner: 'ann', name: 'tool' });
    expect(splitName('ann')).toBeNull();
    expect(splitName('ann/tool/x')).toBeNull();
    expect(isSameName('Ann/Tool', 'ann/tool')).toBe(true);
    expect(isSameName('ann/tool', 'ann/tools')).toBe(false);
  });
});
