/** What doctor says of an App's rights: what proposals need fails, what only follow-ups need warns. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { examineGithub } from '../../../src/forge/github/examine.ts';
import { appTokens, APP_PERMISSIONS, FOLLOW_PERMISSIONS } from '../../../src/forge/github/tokens.ts';
import { startTestForge } from '../forge.ts';
import type { Permissions } from '../state/model.ts';

const ALL = { ...APP_PERMISSIONS, ...FOLLOW_PERMISSIONS };
const { issues: _issues, ...SOME } = ALL;
const { checks: _checks, ...LESS } = ALL;

it.each<[string, Permissions, Permissions, readonly (readonly [string, string])[]]>([
  ['all', ALL, ALL, []],
  ['no checks', LESS, LESS, [['warning', 'the App lacks checks (read): failed checks are not followed up']]],
  ['checks that were not accepted', ALL, LESS, [['warning', 'it was not accepted there: checks (read)']]],
  ['issues that were not accepted', ALL, SOME, [['failed', 'it was not accepted there: issues (write)']]],
  ['no issues', SOME, SOME, [['failed', 'the App lacks issues (write)']]],
])('%s', async (_, permissions, accepted, expected) => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-app-'));
  const forge = await startTestForge();
  try {
    await forge.addRepository({ owner: 'ann', name: 'tool', from: { 'a.txt': 'a\n' } });
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    });
    const made = forge.addApp({
      slug: 'runner',
      publicKey,
      permissions,
      installations: [{ account: 'ann' }],
    });
    Object.assign(made.installations[0] ?? {}, { permissions: accepted });
    const keyFile = join(folder, 'app.pem');
    writeFileSync(keyFile, privateKey);
    const app = { id: String(made.app.id), keyFile };
    const found = await examineGithub({
      url: forge.url,
      apiUrl: forge.apiUrl,
      tokens: appTokens(app, forge.apiUrl),
      app,
      account: null,
      repo: { owner: 'ann', name: 'tool' },
    });
    const wrong = found.filter(({ state }) => state !== 'ok');
    expect(wrong.map(({ state, detail }) => [state, detail])).toEqual(expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await forge.close();
  }
});
