import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendChanges, readSnapshot, writeSnapshot } from '../../../src/workspace/symbols/snapshot.ts';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-snapshot-'));
  path = join(root, 'files');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const id = (of: number): string => String(of).padStart(40, '0');
const files = ['a.js', 'b/c.js', 'd.js'].map((name) => ({ path: name, about: `About ${name}\tx y\tf:1:g` }));

describe('a snapshot', () => {
  it('is read as it was written, with what changed since', async () => {
    await writeSnapshot(path, { commit: id(1), files });
    expect(await readSnapshot(path)).toEqual({ commit: id(1), files });
    await appendChanges(path, id(1), id(2), [
      { path: 'b/c.js', about: null },
      { path: 'b/b.js', about: '\t\tf:2:h' },
      { path: 'd.js', about: '-\t\t' },
    ]);
    await appendChanges(path, id(2), id(3), [{ path: 'z.js', about: '\t\t' }]);
    expect(await readSnapshot(path)).toEqual({
      commit: id(3),
      files: [
        files[0],
        { path: 'b/b.js', about: '\t\tf:2:h' },
        { path: 'd.js', about: '-\t\t' },
        { path: 'z.js', about: '\t\t' },
      ],
    });
  });

  it('goes on with the first of two that began at one commit', async () => {
    await writeSnapshot(path, { commit: id(1), files });
    await appendChanges(path, id(1), id(2), [{ path: 'a.js', about: null }]);
    await appendChanges(path, id(1), id(3), [{ path: 'd.js', about: null }]);
    await appendChanges(path, id(2), id(4), []);
    expect(await readSnapshot(path)).toEqual({ commit: id(4), files: files.slice(1) });
  });

  it('is none where it is cut off anywhere, where too much changed, or where there is none', async () => {
    expect(await readSnapshot(path)).toBeNull();
    await writeSnapshot(path, { commit: id(1), files });
    await appendChanges(path, id(1), id(2), [{ path: 'a.js', about: '\t\tf:1:cut' }]);
    const whole = readFileSync(path, 'utf8');
    const commits: (string | undefined)[] = [];
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(path, whole.slice(0, length));
      commits.push((await readSnapshot(path))?.commit);
    }
    // Whole is only what ends where a commit's lines end.
    expect(commits.filter((commit) => commit !== undefined)).toEqual([id(1)]);
    writeFileSync(path, whole);
    for (let at = 2; at < 40; at++) {
      const lines = Array.from({ length: 50 }, (_, of) => ({ path: `n${of}.js`, about: '\t\t' }));
      await appendChanges(path, id(at), id(at + 1), lines);
    }
    expect(await readSnapshot(path)).toBeNull();
  });

  it('is not written for paths that would not be one line, nor for what is no commit', async () => {
    await writeSnapshot(path, { commit: id(1), files: [{ path: 'a\tb', about: '\t\t' }] });
    await writeSnapshot(path, { commit: 'HEAD', files });
    expect(await readSnapshot(path)).toBeNull();
    await writeSnapshot(path, { commit: id(1), files });
    await appendChanges(path, id(1), id(2), [{ path: 'a\nb', about: '\t\t' }]);
    expect(await readSnapshot(path)).toEqual({ commit: id(1), files });
  });
});
