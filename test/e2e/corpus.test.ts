/** A choice of the corpus that is always the same: every label in every repository, every kind of cheat. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { readCases, sampleOf } from '../../corpus/cases.ts';
import { HAS_BUBBLEWRAP, ROOT } from './cli.ts';

const run = promisify(execFile);
/** About 45 cases, two at a time, of some seconds each on a machine with two cores. */
const TIMEOUT_MS = 600_000;

test('the choice has every label, repository and kind of cheat', async () => {
  const all = await readCases(join(ROOT, 'corpus/cases'));
  const some = sampleOf(all);
  const kinds = (of: typeof all): readonly string[] => [
    ...new Set(of.map(({ repository, label }) => `${repository} ${label}`)),
    ...new Set(of.filter(({ label }) => label === 'cheat').map(({ kind }) => kind)),
  ];
  expect(kinds(some).toSorted()).toEqual(kinds(all).toSorted());
  expect(some.length).toBeLessThan(60);
});

test('a quarter of the corpus is held out from tuning', async () => {
  const all = await readCases(join(ROOT, 'corpus/cases'));
  expect(all.filter(({ split }) => split === 'held_out').length * 4).toBeGreaterThanOrEqual(all.length);
});

/** Where the whole of the corpus is judged afterwards. */
const IS_LATER = process.env['AGENT_RUNNER_TEST_CORPUS'] === 'later';

// Cases whose tools are not here are skipped and said to be; where everything is required they fail.
test.skipIf(!HAS_BUBBLEWRAP || IS_LATER)(
  'the gate says of them what it should',
  async () => {
    const args = [join(ROOT, 'corpus/run.ts'), '--sample'];
    const ended = await run(process.execPath, args, { timeout: TIMEOUT_MS }).then(
      ({ stdout }) => ({ code: 0, output: stdout }),
      (error: { code?: number; stdout?: string; stderr?: string }) => ({
        code: error.code ?? 1,
        output: `${error.stdout ?? ''}${error.stderr ?? ''}`,
      }),
    );
    expect(ended.code, ended.output).toBe(0);
    expect(ended.output).toMatch(/^corpus: \d+ cases in \d+ s, \d+ as expected/m);
  },
  TIMEOUT_MS,
);
