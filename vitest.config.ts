import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type Reporter, type TestCase, type TestSpecification } from 'vitest/node';

/** Tests that start the command line, again and again: on the program as it is published, built once a run. */
const STARTS = 'test/{e2e,faults,hostile,real}/**/*.test.ts';

/** Files of a minute and more are begun first: begun last, they would have one core to themselves. */
const LONG = /\/test\/(faults|real)\/|\/test\/e2e\/(setup|corpus|in-place|docs\/examples)\./;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): number => (LONG.test(moduleId) ? 0 : 1);
    return sorted.toSorted((a, b) => isLong(a) - isLong(b));
  }
}

/** Names the tests that passed at their second try: each is a defect, of the test or of what it tests. */
class SecondTries implements Reporter {
  readonly #named: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky === true)
      this.#named.push(`${test.module.relativeModuleId}: ${test.fullName}`);
  }

  onTestRunEnd(): void {
    for (const name of this.#named) console.log(`passed at the second try: ${name}`);
  }
}

/** Where a report is written for programmes; unset: none is. */
const { AGENT_RUNNER_TEST_REPORT: report } = process.env;

/**
 * In CI a test gets a second try, which is told: of 5,000 one or two failed now and then while everything else of the
 * machine ran beside them, each another one. Anywhere else it fails at once.
 */
const retry = process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1' ? 1 : 0;

export default defineConfig({
  test: {
    // End-to-end tests start real git, real processes and real sandboxes.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: [
      'default',
      new SecondTries(),
      ...(report === undefined ? [] : [['json', { outputFile: report }] as ['json', { outputFile: string }]]),
    ],
    // Much of a test is waiting for processes; the default leaves one core idle.
    maxWorkers: '100%',
    sequence: { sequencer: LongFirst },
    retry,
    // For programmes in TypeScript that tests start: compiled once.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), 'node-compile-cache') },
    projects: [
      // One module graph for all: loading the sources again for each file cost more than most of the tests.
      {
        extends: true,
        test: { name: 'rooms', include: ['test/**/*.test.ts'], exclude: [STARTS], isolate: false },
      },
      {
        extends: true,
        test: { name: 'starts', include: [STARTS], globalSetup: ['test/built.ts'] },
      },
    ],
  },
});
