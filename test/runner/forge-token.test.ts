/** A token that comes with a job: sealed while it waits, erased with its end, shown by nothing. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSeals } from '../../src/runner/forge/seal.ts';

const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
let folder: string;
let key: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-seal-'));
  key = join(folder, 'seal.key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a sealed token', () => {
  it('opens for its job, and under a key that is its owner’s alone', async () => {
    const sealed = await createSeals(key).seal('job-a', TOKEN);
    expect(sealed).not.toContain(TOKEN);
    expect(Buffer.from(sealed.slice(3), 'base64url').toString('latin1')).not.toContain(TOKEN);
    expect(statSync(key).mode & 0o777).toBe(0o600);
    // Another process of the same home.
    expect(await createSeals(key).open('job-a', sealed)).toBe(TOKEN);
  });

  it('differs each time', async () => {
    const seals = createSeals(key);
    const all = await Promise.all(Array.from({ length: 8 }, () => seals.seal('job-a', TOKEN)));
    expect(new Set(all).size).toBe(8);
    for (const one of all) expect(await seals.open('job-a', one)).toBe(TOKEN);
  });

  it('opens for no other job, under no other key, and not when it was touched', async () => {
    const seals = createSeals(key);
    const sealed = await seals.seal('job-a', TOKEN);
    // Not the last letter: some of its bits may stand for nothing.
    const touched = `${sealed.slice(0, -5)}${sealed.at(-5) === 'A' ? 'B' : 'A'}${sealed.slice(-4)}`;
    await expect(seals.open('job-b', sealed)).rejects.toMatchObject({ code: 'bad_configuration' });
    await expect(seals.open('job-a', touched)).rejects.toMatchObject({ code: 'bad_configuration' });
    await expect(seals.open('job-a', sealed.replace('v1.', 'v2.'))).rejects.toThrow("can't be unsealed");
    const other = createSeals(join(folder, 'other.key'));
    await other.seal('job-a', TOKEN);
    await expect(other.open('job-a', sealed)).rejects.toThrow("can't be unsealed");
  });

  it('is not made under a key that others may read', async () => {
    const seals = createSeals(key);
    await seals.seal('job-a', TOKEN);
    chmodSync(key, 0o644);
    await expect(seals.seal('job-a', TOKEN)).rejects.toThrow(/may be read by others/);
  });

  it('has one key, however many processes make the first one', async () => {
    const sealed = await Promise.all(Array.from({ length: 20 }, () => createSeals(key).seal('job-a', TOKEN)));
    for (const one of sealed) expect(await createSeals(key).open('job-a', one)).toBe(TOKEN);
    expect(execFileSync('ls', [folder], { encoding: 'utf8' })).toBe('seal.key\n');
  });
});
