/** What docs/github.md shows of pull requests is what real runs make. */
import { expect, it } from 'vitest';
import { readGithubPage, renderExamples, withExamples } from './examples.ts';

it('docs/github.md shows pull requests and comments as they are (else: npm run examples)', async () => {
  const page = readGithubPage();
  expect(withExamples(page, await renderExamples())).toBe(page);
}, 120_000);
