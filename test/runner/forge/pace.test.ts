/** The pace of an account over processes: a book on the disk that all of a home share. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPaceBook } from '../../../src/runner/forge/pace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-pace-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ENTRIES = 20;
/** Enters turns one after the other, each after all that are known. */
const WORKER = `
import { openPaceBook } from ${JSON.stringify(join(import.meta.dirname, '../../../src/runner/forge/pace.ts'))};
const book = openPaceBook(process.argv[1]);
for (let n = 0; n < ${ENTRIES}; n++)
  await book.change('bot', ({ times, heldUntilMs }) => ({ times: [...times, (times.at(-1) ?? 0) + 1], heldUntilMs }));
`;

it('no process misses what another entered', async () => {
  const run = promisify(execFile);
  const words = ['--input-type=module', '-e', WORKER, folder];
  await Promise.all(Array.from({ length: 3 }, () => run(process.execPath, words)));
  const { times } = JSON.parse(readFileSync(join(folder, 'bot.json'), 'utf8')) as { times: number[] };
  expect(times).toEqual(Array.from({ length: 3 * ENTRIES }, (_, at) => at + 1));
  expect(readdirSync(folder)).toEqual(['bot.json']);
});

it('begins anew where its file can not be read, and goes on alone where it can not be written', async () => {
  writeFileSync(join(folder, 'bot.json'), '{"times": [1, "x", null');
  const seen: number[] = [];
  await openPaceBook(folder).change('bot', (known) => {
    seen.push(known.times.length);
    return known;
  });
  const nowhere = openPaceBook(join(folder, 'bot.json', 'below'));
  for (const time of [1, 2]) {
    await nowhere.change('bot', (known) => {
      seen.push(known.times.length);
      return { ...known, times: [...known.times, time] };
    });
  }
  expect(seen).toEqual([0, 0, 1]);
});

it('keeps accounts apart, whatever they are called', async () => {
  const book = openPaceBook(folder);
  await book.change('../app-1', () => ({ times: [1], heldUntilMs: 0 }));
  await book.change('app-1', (known) => {
    expect(known.times).toEqual([]);
    return known;
  });
});
