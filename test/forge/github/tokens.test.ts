/** Tokens of an App: for one repository, with no more rights than are needed, renewed in time. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  accountTokens,
  appTokens,
  APP_PERMISSIONS,
  FOLLOW_PERMISSIONS,
  type Tokens,
} from '../../../src/forge/github/tokens.ts';
import { startTestForge, type TestForge } from '../forge.ts';
import type { Permissions } from '../state/model.ts';

const TOOL = { owner: 'ann', name: 'tool' };
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
});

let folder: string;
let forge: TestForge;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-app-'));
  forge = await startTestForge({ users: [{ login: 'ann' }, { login: 'eve' }] });
  await forge.addRepository({ ...TOOL, from: { 'a.txt': 'a\n' } });
  await forge.addRepository({ owner: 'ann', name: 'other', from: { 'a.txt': 'a\n' } });
  await forge.addRepository({ owner: 'eve', name: 'tool', from: { 'a.txt': 'a\n' } });
});
afterEach(async () => {
  rmSync(folder, { recursive: true, force: true });
  await forge.close();
});

function app(
  options: { permissions?: Permissions; key?: string; id?: string; now?: () => number } = {},
): Tokens {
  const { permissions = { ...APP_PERMISSIONS, administration: 'write' }, key = privateKey } = options;
  const made = forge.addApp({ slug: 'runner', publicKey, permissions, installations: [{ account: 'ann' }] });
  const keyFile = join(folder, 'app.pem');
  writeFileSync(keyFile, key);
  return appTokens({ id: options.id ?? String(made.app.id), keyFile }, forge.apiUrl, options.now);
}

function minted(): readonly { readonly token: string; readonly permissions: Permissions | null }[] {
  return forge.state().tokens.filter((one) => one.kind === 'installation');
}

it('are for one repository and the rights of a proposal, whatever else the App was given', async () => {
  const token = await app().tokenFor(TOOL, 'job-1');
  expect(minted()).toMatchObject([
    { token, repositoryIds: [forge.repo('ann', 'tool').id], permissions: APP_PERMISSIONS },
  ]);
  expect(forge.state().tokens.at(-1)?.permissions).toEqual(APP_PERMISSIONS);
});

it('may follow up on checks where that was granted too, and work without it', async () => {
  const granted = { ...APP_PERMISSIONS, ...FOLLOW_PERMISSIONS };
  await app({ permissions: { ...granted, checks: 'write' } }).tokenFor(TOOL, 'job-1');
  expect(forge.state().tokens.map(({ permissions }) => permissions)).toEqual([granted]);
});

it('for runs of a workflow may start them and write nothing, and say what they lack', async () => {
  const able = app({ permissions: { ...APP_PERMISSIONS, actions: 'write' } });
  await able.tokenFor(TOOL, 'job-1');
  await able.tokenFor(TOOL, 'job-1', 'runs');
  expect(minted().map(({ permissions }) => permissions)).toEqual([
    { ...APP_PERMISSIONS, actions: 'read' },
    { actions: 'write', contents: 'read', metadata: 'read' },
  ]);
});

it('are made once for all that a job asks beside each other, and for each job and repository anew', async () => {
  const tokens = app();
  const asked = await Promise.all(Array.from({ length: 5 }, () => tokens.tokenFor(TOOL, 'job-1')));
  expect(new Set(asked).size).toBe(1);
  expect(minted()).toHaveLength(1);
  await tokens.tokenFor(TOOL, 'job-2');
  await tokens.tokenFor({ owner: 'ann', name: 'other' }, 'job-1');
  expect(minted()).toHaveLength(3);
});

it('are renewed ten minutes before they end, once for all who ask', async () => {
  let now = Date.now();
  const tokens = app({ now: () => now });
  const first = await tokens.tokenFor(TOOL, 'job-1');
  now += 49 * 60_000;
  expect(await tokens.tokenFor(TOOL, 'job-1')).toBe(first);
  now += 2 * 60_000;
  const [second, third] = await Promise.all([tokens.tokenFor(TOOL, 'job-1'), tokens.tokenFor(TOOL, 'job-1')]);
  expect([second === first, second === third, minted().length]).toEqual([false, true, 2]);
});

it('are asked for again after a failure', async () => {
  const tokens = app();
  forge.setFault({ kind: 'bad_gateway', path: /installation/, times: 1 });
  await expect(tokens.tokenFor(TOOL, 'job-1')).rejects.toMatchObject({ code: 'infra_failed', hint: null });
  expect(await tokens.tokenFor(TOOL, 'job-1')).toMatch(/^ghs_/);
});

it('are refused in words that say what to do', async () => {
  await expect(app().tokenFor({ owner: 'eve', name: 'tool' }, 'job-1')).rejects.toMatchObject({
    code: 'repo_unusable',
    message: 'GitHub: the App is not installed on eve/tool',
  });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const wrong = app({ key: String(other.export({ type: 'pkcs1', format: 'pem' })) });
  await expect(wrong.tokenFor(TOOL, 'job-1')).rejects.toMatchObject({
    code: 'bad_configuration',
    hint: expect.stringContaining('newest key'),
  });
  const narrow = app({ permissions: { contents: 'read', metadata: 'read' } });
  await expect(narrow.tokenFor(TOOL, 'job-1')).rejects.toMatchObject({ code: 'repo_unusable' });
  const none = app({ key: 'no key' });
  await expect(none.tokenFor(TOOL, 'job-1')).rejects.toMatchObject({
    code: 'bad_configuration',
    message: expect.stringContaining('holds no private key'),
  });
});

it('of an account are the one it has, and its reader tells nothing of it', async () => {
  const tokens = accountTokens('ghp_x');
  expect([await tokens.tokenFor(TOOL, 'job-1'), tokens.reader]).toEqual([
    'ghp_x',
    expect.stringMatching(/^[0-9a-f]{32}$/),
  ]);
  expect(accountTokens('ghp_y').reader).not.toBe(tokens.reader);
});
