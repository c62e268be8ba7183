import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit, type Git } from '../../../src/workspace/git.ts';
import { readSymbols } from '../../../src/workspace/symbols/symbols.ts';
import { makeRepository, sh, write } from '../scene.ts';

let root: string;
let repo: string;
let store: string;
let asked: string[];
let git: Git;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-symbols-'));
  repo = makeRepository(join(root, 'repo'), {
    'src/a.js': 'export function a() {}\n',
    'src/b.js': 'export function b() {}\n',
    'big.js': `export function big() {}\n${'// x\n'.repeat(80_000)}`,
    'nul.js': 'export function nul() {}\0',
    'data.bin': 'x',
  });
  store = join(root, 'symbols', 'symbols');
  asked = [];
  const real = createGit({ path: process.env['PATH'] ?? '', home: '/nonexistent', network: {} });
  git = (target, args, options) => {
    if (args.includes('--batch')) asked.push(String(options?.stdin));
    return real(target, args, options);
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const look = async (signal = new AbortController().signal): Promise<Record<string, string>> => {
  const commit = sh(repo, 'rev-parse', 'HEAD');
  const files = await readSymbols(git, { dir: join(repo, '.git') }, commit, store, signal);
  return Object.fromEntries(files.map((one) => [one.path, one.about.split('\t')[2] ?? '']));
};
const ids = (): number => asked.join('').split('\n').filter(Boolean).length;
/** A commit of its own, so that nothing is known from memory. */
const commit = (message: string): void =>
  void sh(repo, 'commit', '--quiet', '--all', '--allow-empty', '-m', message);

describe('what the files of a commit define', () => {
  it('is all of it, large and binary files without', async () => {
    expect(await look()).toEqual({
      'big.js': '',
      'data.bin': '',
      'nul.js': '',
      'src/a.js': 'function:1:a',
      'src/b.js': 'function:1:b',
    });
  });

  it('is read once a text: a later commit reads what changed, and another job reads nothing', async () => {
    await look();
    expect(ids()).toBe(3);
    asked = [];
    write(repo, { 'src/b.js': 'export function better() {}\n' });
    commit('better');
    expect(await look()).toMatchObject({ 'src/a.js': 'function:1:a', 'src/b.js': 'function:1:better' });
    expect(ids()).toBe(1);
    asked = [];
    sh(repo, 'mv', 'src/a.js', 'src/moved.js');
    commit('moved');
    expect(await look()).toMatchObject({ 'src/moved.js': 'function:1:a' });
    expect(ids()).toBe(0);
  });

  it.each<[string, () => void]>([
    ['cut off in the middle of a line', () => truncateSync(store, statSync(store).size - 5)],
    ['garbage at its end', () => appendFileSync(store, '\u0000 garbage\n\n\tx')],
    [
      'of another version',
      () => writeFileSync(store, `agent-runner symbols 0\n${readFileSync(store, 'utf8')}`),
    ],
    ['gone', () => rmSync(dirname(store), { recursive: true })],
  ])('survives a store that is %s', async (_, damage) => {
    const before = await look();
    damage();
    commit('again');
    expect(await look()).toEqual(before);
    commit('and again');
    asked = [];
    expect(await look()).toEqual(before);
    expect(ids()).toBe(0);
    expect(readdirSync(dirname(store))).toEqual(['symbols']);
  });

  it('is not kept of a look that was stopped', async () => {
    await expect(look(AbortSignal.abort())).rejects.toThrow();
    expect(existsSync(store)).toBe(false);
    expect(await look()).toMatchObject({ 'src/a.js': 'function:1:a' });
  });
});
