/** A bench whose command line knows a test forge, with a repository of `ann` on it and an account `bot` that proposes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTestForge, type TestForge } from '../../forge/forge.ts';
import { openBench, type Bench } from '../cli.ts';

export const TOKEN = 'ghp_0123456789abcdefghijABCDEFGHIJ012345';
export const OWNER_TOKEN = 'ghp_annannannannannannannannannannannann';
/** A project whose one check passes. */
export const FILES: Readonly<Record<string, string>> = {
  'sum.mjs': 'export const sum = (a, b) => a + b;\n',
  'sum.test.mjs': `import assert from 'node:assert';
import test from 'node:test';
import { sum } from './sum.mjs';
test('sum', () => assert.equal(sum(1, 2), 3));
`,
  'package.json': JSON.stringify({ name: 'tool', private: true, scripts: { test: 'node --test' } }),
};

export interface ForgePlace {
  readonly bench: Bench;
  readonly forge: TestForge;
  /** What a person sets to work with the forge, by default as `bot`. */
  readonly env: (more?: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;
  /** Calls the forge's API as the owner of the repository. */
  readonly asOwner: (method: string, path: string, body?: unknown) => Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Opens one; `ann/tool` is there.
 *
 * @param tool what it has besides: files, and people who may write to it
 */
export async function openForgePlace(
  tool: { readonly files?: Readonly<Record<string, string>>; readonly writers?: readonly string[] } = {},
): Promise<ForgePlace> {
  const bench = openBench();
  // Nobody waits for the pace that GitHub asks for.
  mkdirSync(join(bench.root, 'config', 'agent-runner'), { recursive: true });
  writeFileSync(
    join(bench.root, 'config', 'agent-runner', 'config.yml'),
    'github_pace_ms: 0\nfork_poll_s: 0.05\nretry: { base_ms: 0 }\n',
  );
  const forge = await startTestForge({
    users: [
      { login: 'ann', token: OWNER_TOKEN },
      { login: 'bot', token: TOKEN },
      { login: 'eve', token: 'ghp_eveeveeveeveeveeveeveeveeveeveeveeve' },
    ],
  });
  await forge.addRepository({
    owner: 'ann',
    name: 'tool',
    from: { ...FILES, ...tool.files },
    collaborators: Object.fromEntries((tool.writers ?? []).map((login) => [login, 'write'])),
  });
  return {
    bench,
    forge,
    env: (more = {}) => ({ BOT_TOKEN: TOKEN, GITHUB_SERVER_URL: forge.url, ...more }),
    async asOwner(method, path, body) {
      const answer = await fetch(`${forge.apiUrl}${path}`, {
        method,
        headers: { authorization: `token ${OWNER_TOKEN}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    },
    async close() {
      bench.remove();
      await forge.close();
    },
  };
}
