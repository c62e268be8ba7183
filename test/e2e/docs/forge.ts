/** The forge that docs/github.md is run against: the place of github.com, with what a reader has made there. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APP_PERMISSIONS, FOLLOW_PERMISSIONS } from '../../../src/forge/github/tokens.ts';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { ROOT } from '../cli.ts';
import { FILES } from '../github/place.ts';

const TOKEN = 'ghp_shopbotshopbotshopbotshopbotshopbots';

/**
 * A shop of `octo`, whose first issue is open; the account `shop-bot`; and an App that `octo` has installed on it.
 *
 * @param files what the shop has besides
 * @param isAsked whether `shop-bot` may push there, and `octo` asks it for that issue, as docs/triggers.md has it
 */
export async function startDocumentedForge(
  isAsked = false,
  files: Readonly<Record<string, string>> = {},
): Promise<TestForge> {
  const owner = 'ghp_octooctooctooctooctooctooctooctooct';
  const forge = await startTestForge({
    users: [
      { login: 'octo', token: owner },
      { login: 'shop-bot', token: TOKEN },
      { login: 'stranger', token: 'ghp_short', scopes: [] },
    ],
  });
  const collaborators = isAsked ? { collaborators: { 'shop-bot': 'write' as const } } : {};
  await forge.addRepository({ owner: 'octo', name: 'shop', from: { ...FILES, ...files }, ...collaborators });
  await forge.addRepository({ owner: 'octo', name: 'other', from: FILES });
  const workflow = readFileSync(join(ROOT, '.github/workflows/run.yml'), 'utf8');
  const from = { '.github/workflows/run.yml': workflow };
  await forge.addRepository({ owner: 'shop-bot', name: 'agent-runner', from });
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${forge.apiUrl}/repos/octo/shop/issues${path}`, {
      method: 'POST',
      headers: { authorization: `token ${owner}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  await post('', { title: 'Say what prices are in', body: 'Nobody knows.' });
  if (isAsked) await post('/1/labels', { labels: ['agent'] });
  return forge;
}

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A page's place with this forge, and the account's token. */
export function withToken<P extends Place>(place: P, forge: TestForge): P {
  writeFileSync(join(place.cwd, 'token.txt'), TOKEN, { mode: 0o600 });
  const settings = join(place.env['XDG_CONFIG_HOME'] ?? '', 'agent-runner');
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'config.yml'), 'github_pace_ms: 0\nfork_poll_s: 0.05\n');
  const env = { ...place.env, GITHUB_SERVER_URL: forge.url, GITHUB_API_URL: forge.apiUrl };
  return { ...place, env };
}

/** The same, and the App that a reader has made by then. */
export function withApp<P extends Place>(place: P, forge: TestForge): P {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const { app } = forge.addApp({
    slug: 'shop-runner',
    publicKey,
    permissions: { ...APP_PERMISSIONS, ...FOLLOW_PERMISSIONS },
    installations: [{ account: 'octo', repositories: ['octo/shop'] }],
  });
  writeFileSync(join(place.cwd, 'app.pem'), privateKey, { mode: 0o600 });
  writeFileSync(join(place.cwd, 'app-id.txt'), String(app.id));
  return withToken(place, forge);
}
