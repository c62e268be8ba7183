/** The programs of docs/webhooks.md, run as they stand there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { webhookHeaders } from '../../src/notify/sign.ts';

const ROOT = join(import.meta.dirname, '../..');
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = JSON.stringify({ job_id: 'job-1', status: 'completed', pr_url: 'https://example.org/pr/1' });

type Receive = (request: Request) => Promise<Response>;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhooks-page-'));
  vi.stubEnv('WEBHOOK_SECRET', SECRET);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** The block of the page that imports the package, which stands here for its build. */
async function load(): Promise<Receive> {
  const page = readFileSync(join(ROOT, 'docs/webhooks.md'), 'utf8');
  const [block] = [...page.matchAll(/```js\n([\s\S]*?)```/g)].flatMap(([, text = '']) =>
    text.includes("from 'agent-runner'") ? [text] : [],
  );
  if (block === undefined) throw new Error('the page has no example of verifyWebhook');
  const path = join(folder, 'receive.mjs');
  const source = pathToFileURL(join(ROOT, 'src/index.ts')).href;
  writeFileSync(path, block.replace("from 'agent-runner'", `from '${source}'`));
  const { receive } = (await import(/* @vite-ignore */ pathToFileURL(path).href)) as { receive: Receive };
  return receive;
}

it('the example of verifyWebhook takes what is signed, once, and refuses what is not', async () => {
  const receive = await load();
  const said = vi.spyOn(console, 'log').mockImplementation(() => {});
  const post = async (body: string, headers: Record<string, string>): Promise<number> =>
    (await receive(new Request('https://ci.example.org/hook', { method: 'POST', body, headers }))).status;
  const headers = webhookHeaders(SECRET, 'delivery-1', new Date(), BODY);
  expect(await post(BODY.replace('completed', 'failed'), headers)).toBe(401);
  expect(await post(BODY, {})).toBe(401);
  expect(said).not.toHaveBeenCalled();
  expect(await post(BODY, headers)).toBe(204);
  expect(said.mock.calls).toEqual([['job-1', 'completed', 'https://example.org/pr/1']]);
  expect(await post(BODY, headers)).toBe(401);
});
