import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentReply } from '../../src/agent/agent.ts';
import { createPatchAgent } from '../../src/agent/patch.ts';
import { openBench, type Bench } from './bench.ts';

const block = (diff: string): string => `\`\`\`diff\n${diff}\`\`\`\n`;
const edit = (path: string, from: string, to: string): string =>
  `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
const create = (path: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+evil\n`;

async function open(
  task: string,
  files: Record<string, string> = { 'a.txt': 'one\n', 'd/b.txt': 'two\n' },
): Promise<Bench> {
  return await openBench('host', createPatchAgent({ task }), files);
}
function messageOf(reply: AgentReply): string {
  if (reply.ok) throw new Error(`it ended well: ${reply.summary}`);
  expect(reply.error.code).toBe('agent_failed');
  return `${reply.error.message} ${reply.error.hint}`;
}

describe('patch agent', () => {
  it('applies every block and lists the files', async () => {
    const bench = await open(
      `First\n${block(edit('a.txt', 'one', '1'))}then\n${block(edit('d/b.txt', 'two', '2') + create('new dir/c.txt'))}`,
    );
    const reply = await bench.runOk();
    expect(reply.summary).toContain('2 diff blocks');
    for (const path of ['a.txt', 'd/b.txt', 'new dir/c.txt']) expect(reply.summary).toContain(path);
    expect([
      await bench.read('a.txt'),
      await bench.read('d/b.txt'),
      await bench.read('new dir/c.txt'),
    ]).toEqual(['1\n', '2\n', 'evil\n']);
  });

  it('lets a later block build on an earlier one, and finds all of it applied', async () => {
    const bench = await open(block(edit('a.txt', 'one', '1')) + block(edit('a.txt', '1', 'I')));
    await bench.runOk();
    expect(await bench.read('a.txt')).toBe('I\n');
    expect((await bench.runOk()).summary).toContain('applied already');
  });

  it('changes nothing when one block does not apply, and names file and place', async () => {
    const bench = await open(block(edit('a.txt', 'one', '1')) + block(edit('d/b.txt', 'three', '3')));
    expect(messageOf(await bench.run())).toMatch(/d\/b\.txt:1/);
    expect(await bench.read('a.txt')).toBe('one\n');
  });

  it('asks for a diff block', async () => {
    expect(messageOf(await (await open('Please change a.txt')).run())).toContain('```diff');
  });

  it('says what is wrong with a damaged diff', async () => {
    expect(
      messageOf(await (await open(block('--- a/a.txt\n+++ b/a.txt\n@@ -1,9 +1,9 @@\n-one\n'))).run()),
    ).toMatch(/corrupt|line/);
    expect(messageOf(await (await open(block('hello\n'))).run())).toMatch(/No valid patches/);
  });

  it('never leaves the workspace', async () => {
    for (const path of [
      '../evil.txt',
      '/tmp/evil.txt',
      'd/../../evil.txt',
      '.git/hooks/pre-commit',
      'link/evil.txt',
    ]) {
      const bench = await open(block(create(path)));
      await symlink('..', join(bench.workspace, 'link'));
      await bench.run();
      expect(existsSync(join(bench.workspace, '..', 'evil.txt')), path).toBe(false);
      expect(existsSync(join(bench.workspace, '.git/hooks/pre-commit')), path).toBe(false);
    }
    expect(existsSync('/tmp/evil.txt')).toBe(false);
  });

  it('applies in a repository, and in a directory inside one, alike', async () => {
    const bench = await open(block(edit('a.txt', 'one', '1')));
    execFileSync('git', ['init', '-q'], { cwd: bench.workspace });
    await bench.runOk();
    expect(await bench.read('a.txt')).toBe('1\n');
    const inner = await open(block(edit('a.txt', 'one', '1')));
    execFileSync('git', ['init', '-q'], { cwd: join(inner.workspace, '..') });
    await inner.runOk();
    expect(await inner.read('a.txt')).toBe('1\n');
  });

  it('keeps the line ends of a file in CRLF', async () => {
    const bench = await open(block(edit('a.txt', 'one\r', '1\r')), { 'a.txt': 'one\r\n' });
    await bench.runOk();
    expect(readFileSync(join(bench.workspace, 'a.txt'), 'utf8')).toBe('1\r\n');
  });
});
