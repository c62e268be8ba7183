/** Every refusal of docs/pipelines.md is one of the parser's, in its words. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { problemLine, readPipeline } from '../../../src/runner/pipeline/file/file.ts';
import { REFUSALS } from './refusals.ts';

it('docs/pipelines.md tells every refusal with its message', () => {
  const rows = REFUSALS.map(([what, definition]) => {
    const read = readPipeline(JSON.stringify(definition));
    if (read.ok) throw new Error(`${what} is not refused`);
    const [first] = read.problems;
    if (first === undefined) throw new Error(`${what} is refused for no reason`);
    return `| ${what} | \`${problemLine({ ...first, at: null }, null).replaceAll('|', '\\|')}\` |`;
  });
  const path = join(import.meta.dirname, '../../../docs/pipelines.md');
  const written = /<!-- refusals -->\n\| what \| why \|\n\|---\|---\|\n([\s\S]*?)\n\n/.exec(
    readFileSync(path, 'utf8'),
  )?.[1];
  expect(written).toBe(rows.join('\n'));
});
