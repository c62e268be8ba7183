/** From the form to the pull request and back, on a forge: what the proposal is for is one click away. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FILES, OWNER_TOKEN, TOKEN } from '../e2e/github/place.ts';
import { startTestForge, type TestForge } from '../forge/forge.ts';
import { openReceiver } from '../notify/receiver.ts';
import { label, openScene, works, type Scene, type Visit } from './scene.ts';

const SOON = { timeout: 30_000 };
/** Breaks the test, mends it when it is told, and says something more when it is asked to go on. */
const AGENT = `cat > /dev/null
if grep -q '// sums' sum.mjs; then echo '// and no more' >> sum.mjs
elif grep -q 'a - b' sum.mjs; then sed -i 's/a - b/a + b/' sum.mjs; echo '// sums' >> sum.mjs
else sed -i 's/a + b/a - b/' sum.mjs; fi
`;

describe.skipIf(!works)(label, () => {
  let forge: TestForge;
  let scene: Scene;
  let ann: Visit;
  beforeAll(async () => {
    forge = await startTestForge({
      users: [
        { login: 'ann', token: OWNER_TOKEN },
        { login: 'bot', token: TOKEN },
      ],
    });
    await forge.addRepository({ owner: 'ann', name: 'tool', from: FILES });
    const folder = mkdtempSync(join(tmpdir(), 'agent-runner-browser-'));
    const script = join(folder, 'sums.sh');
    writeFileSync(script, AGENT);
    scene = await openScene(
      {
        agent_cmd: `sh ${script}`,
        github_url: forge.url,
        github_pace_ms: 0,
        fork_poll_s: 0.05,
        allow_insecure_webhooks: true,
        webhook_allow: ['127.0.0.1'],
      },
      folder,
      { BOT_TOKEN: TOKEN },
    );
    ann = await scene.visit();
  });
  afterAll(async () => {
    await scene.close();
    await forge.close();
  });

  test('asked for in the form, red, green, opened, followed up, told again, and asked once more with a change', async () => {
    const receiver = await openReceiver();
    try {
      const { page, troubles } = ann;
      await page.getByRole('link', { name: 'New job' }).click();
      await page.getByLabel('Repository').fill('ann/tool');
      await page.getByLabel('Task').fill('Say what sum is for');
      await page.getByText('Base, budget, sandbox').click();
      await page.getByLabel('Callback').fill(receiver.url);
      await page.getByLabel('Task').press('Control+Enter');
      await page.waitForURL(/\/job\/job-/, SOON);
      const first = page.url();
      await page.getByRole('heading', { name: /test passed before and fails now/ }).waitFor(SOON);
      await page.getByText('PR opened').first().waitFor(SOON);
      // What to do next is to open it, and nothing stands before that.
      const next = page.locator('.answers .next');
      const open = next.getByRole('link', { name: 'Open pull request #1' });
      await open.waitFor();
      expect(await next.getByRole('link').or(next.getByRole('button')).first().innerText()).toContain(
        'Open pull',
      );
      expect(await open.getAttribute('href')).toBe(`${forge.url}/ann/tool/pull/1`);
      expect(await open.getAttribute('rel')).toContain('noreferrer');
      expect(forge.repo('ann', 'tool').pulls.map(({ title }) => title)).toEqual(['Say what sum is for']);

      await page.getByRole('tab', { name: 'Deliveries' }).click();
      await page.getByText('Delivered').waitFor(SOON);
      await page.getByRole('button', { name: 'Send again now' }).click();
      await expect.poll(() => receiver.received.length, SOON).toBe(2);

      await page.getByRole('button', { name: 'Follow up' }).click();
      await page.getByRole('dialog').getByRole('textbox').fill('Say that it sums no more than two');
      await page.getByRole('button', { name: 'Ask for it' }).click();
      await expect.poll(() => page.url(), SOON).not.toBe(first);
      await page.getByText('PR updated').first().waitFor(SOON);
      await page.getByRole('link', { name: 'Open pull request #1' }).waitFor();
      expect(forge.repo('ann', 'tool').pulls).toHaveLength(1);

      await page.goto(first);
      await page.getByRole('link', { name: 'Retry with changes' }).click();
      await expect.poll(() => page.getByLabel('Task').inputValue(), SOON).toBe('Say what sum is for');
      expect(await page.getByLabel('Repository').inputValue()).toBe(`${forge.url}/ann/tool`);
      expect(troubles).toEqual([]);
    } finally {
      await receiver.close();
    }
  }, 120_000);
});
