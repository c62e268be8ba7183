import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
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
/** How often all files were listed. */
let listed: number;
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
  listed = 0;
  const real = createGit({ path: process.env['PATH'] ?? '', home: '/nonexistent', network: {} });
  git = (target, args, options) => {
    if (args[0] === 'ls-tree') listed++;
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

  it('is nothing in a repository without any source, and that is kept', async () => {
    sh(repo, 'rm', '--quiet', '-r', 'src', 'big.js', 'nul.js');
    commit('only data');
    expect(await look()).toEqual({ 'data.bin': '' });
    commit('again');
    expect(await look()).toEqual({ 'data.bin': '' });
    expect([asked, listed]).toEqual([[], 1]);
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
    rmSync(`${store}-files`);
    damage();
    commit('again');
    expect(await look()).toEqual(before);
    rmSync(`${store}-files`);
    commit('and again');
    asked = [];
    expect(await look()).toEqual(before);
    expect(ids()).toBe(0);
    expect(readdirSync(dirname(store))).toEqual(['symbols', 'symbols-files']);
  });

  it('is that of another commit with what changed, and lists no other file', async () => {
    await look();
    write(repo, { 'src/c.js': 'export function c() {}\n', 'a.js': 'export function top() {}\n' });
    sh(repo, 'rm', '--quiet', 'src/a.js');
    symlinkSync('b.js', join(repo, 'src/link.js'));
    sh(repo, 'add', '--all');
    sh(repo, 'update-index', '--chmod=+x', 'src/b.js');
    commit('this and that');
    listed = 0;
    const files = await look();
    expect(listed).toBe(0);
    expect(files).toEqual({
      'a.js': 'function:1:top',
      'big.js': '',
      'data.bin': '',
      'nul.js': '',
      'src/b.js': 'function:1:b',
      'src/c.js': 'function:1:c',
    });
    // The same, and in the same order, as without a copy to begin with.
    rmSync(`${store}-files`);
    commit('nothing');
    const anew = await look();
    expect(listed).toBe(1);
    expect(Object.entries(anew)).toEqual(Object.entries(files));
  });

  it.each<[string, () => void]>([
    ['cut off', () => truncateSync(`${store}-files`, statSync(`${store}-files`).size - 5)],
    ['garbage', () => writeFileSync(`${store}-files`, '\u0000 garbage\n\n\tx')],
    ['longer than it says', () => appendFileSync(`${store}-files`, 'planted.js\t\t\n')],
    [
      'of a commit that is gone',
      () =>
        writeFileSync(
          `${store}-files`,
          readFileSync(`${store}-files`, 'utf8').replace(/[0-9a-f]{40}/, '0123456789'.repeat(4)),
        ),
    ],
  ])('survives a copy that is %s', async (how, damage) => {
    const before = await look();
    damage();
    commit(`again: ${how}`);
    listed = 0;
    expect(await look()).toEqual(before);
    expect(listed).toBe(1);
    commit('and again');
    expect(await look()).toEqual(before);
    expect(listed).toBe(1);
  });

  it('is listed anew where much changed, and where a path has a tab in it', async () => {
    await look();
    const many = Array.from({ length: 60 }, (_, at) => [`m/${at}.js`, `export function m${at}() {}\n`]);
    write(repo, Object.fromEntries(many) as Record<string, string>);
    sh(repo, 'add', '--all');
    commit('many');
    listed = 0;
    expect(await look()).toMatchObject({ 'm/59.js': 'function:1:m59' });
    expect(listed).toBe(1);
    write(repo, { 'odd\tname.js': 'export function odd() {}\n' });
    sh(repo, 'add', '--all');
    commit('odd');
    expect(await look()).toMatchObject({ 'odd\tname.js': 'function:1:odd' });
    rmSync(`${store}-files`);
    commit('odd again');
    expect(await look()).toMatchObject({ 'odd\tname.js': 'function:1:odd' });
    expect(existsSync(`${store}-files`)).toBe(false);
  });

  it('is not kept of a look that was stopped', async () => {
    await expect(look(AbortSignal.abort())).rejects.toThrow();
    expect(existsSync(store)).toBe(false);
    expect(await look()).toMatchObject({ 'src/a.js': 'function:1:a' });
  });
});
