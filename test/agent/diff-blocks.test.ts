import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffBlocks } from '../../src/agent/patch.ts';

const diff = '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n';

describe('diffBlocks', () => {
  it('finds the blocks of diffs and no others', () => {
    const task = `Do it:\n\`\`\`diff\n${diff}\`\`\`\nnot this\n\`\`\`js\nlet x;\n\`\`\`\n~~~patch\n${diff}~~~\n`;
    expect(diffBlocks(task)).toEqual([diff, diff]);
    expect(diffBlocks('no block')).toEqual([]);
    expect(diffBlocks('```difference\nx\n```')).toEqual([]);
  });
  it('keeps context lines that look like fences', () => {
    const inner = '--- a/R.md\n+++ b/R.md\n@@ -1,3 +1,3 @@\n ```\n-a\n+b\n ```\n';
    expect(diffBlocks(`\`\`\`diff\n${inner}\`\`\``)).toEqual([inner]);
  });
  it('takes longer fences, indented ones, CRLF and a block without an end', () => {
    expect(diffBlocks(`\`\`\`\`diff\n${diff}\`\`\`\n\`\`\`\``)).toEqual([`${diff}\`\`\`\n`]);
    expect(diffBlocks(`  \`\`\`diff\n${diff.replace(/^(?=.)/gm, '  ')}  \`\`\``)).toEqual([diff]);
    expect(diffBlocks(`\`\`\`diff\r\n${diff.replaceAll('\n', '\r\n')}\`\`\`\r\n`)).toEqual([diff]);
    expect(diffBlocks(`\`\`\`diff\n${diff}`)).toEqual([diff]);
  });
  it('keeps the line ends of files that end lines in CRLF', () => {
    const crlf = diff.replaceAll(/(?<=[ab])\n/g, '\r\n');
    expect(diffBlocks(`\`\`\`diff\n${crlf}\`\`\``)).toEqual([crlf]);
  });
  it('never throws', () => {
    const noise = fc.string({
      unit: fc.constantFrom('`', '~', 'diff', '\n', ' ', '+', '-', 'x'),
      maxLength: 80,
    });
    fc.assert(fc.property(noise, (task) => Array.isArray(diffBlocks(task))));
  });
});
