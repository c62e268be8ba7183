/** Which pull request of a branch is a job's own. */
import { expect, it } from 'vitest';
import type { Ask } from '../../../src/forge/github/client.ts';
import { findPull } from '../../../src/forge/github/proposal/pulls.ts';

const REPO = { owner: 'ann', name: 'tool' };

/** The number of what is found among pull requests of the branch with these states and texts, numbered from 1. */
async function found(
  pulls: readonly (readonly [state: string, body: string | null])[],
  jobId: string | null,
): Promise<number | null> {
  const data = pulls.map(([state, body], at) => ({ number: at + 1, state, body }));
  const ask = (() => Promise.resolve({ data })) as unknown as Ask;
  return (await findPull(ask, { upstream: REPO, head: REPO }, 'bot/x', jobId))?.number ?? null;
}

it.each([
  [
    'what is open, whoever opened it',
    [
      ['closed', 'Job `ci-1`'],
      ['open', null],
    ],
    'ci-1',
    2,
  ],
  ["what was closed, where it is the job's own", [['closed', 'Text\n\n---\nJob `ci-1`']], 'ci-1', 1],
  ['a job with a page', [['closed', 'Job [`job-1`](https://x.test/api/jobs/job-1) on main']], 'job-1', 1],
  ['nothing of a job whose name only begins alike', [['closed', 'Job `ci-12`']], 'ci-1', null],
  ['nothing of a job whose name only ends alike', [['closed', 'Job `my-ci-1`']], 'ci-1', null],
  ['nothing that was closed, for a job that began none', [['closed', 'Job `ci-1`']], null, null],
] as const)('is %s', async (_, pulls, jobId, wanted) => {
  expect(await found(pulls, jobId)).toBe(wanted);
});
