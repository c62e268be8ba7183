/** When something stands in the way: a login that ended, a server that refuses, fails or is gone, a page for others. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createKey } from '../../src/server/access/keys.ts';
import { label, openScene, works, type Scene } from './scene.ts';

const SOON = { timeout: 20_000 };

describe.skipIf(!works)(label, () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => {
    await scene.close();
  });

  /** Somebody with a key of their own. */
  async function enter(role: 'read' | 'submit', name: string): Promise<{ page: Page; keyId: string }> {
    const made = await createKey(scene.runner.store, { name, role });
    if (made === null) throw new Error('no key was made');
    const page = await (await scene.browser.newContext()).newPage();
    await page.goto(`${scene.url}/login?token=${made.secret}`);
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    return { page, keyId: made.key.key_id };
  }

  test('a login that ends in the middle of work is asked for again over the page, and nothing is lost; nor by a reload', async () => {
    const { page, keyId } = await enter('submit', 'Cid');
    await page.getByRole('link', { name: 'New job' }).click();
    await page.getByLabel('Repository').fill('https://git.example.org/ann/shop.git');
    await page.getByLabel('Task').fill('Something long that nobody types twice');
    await scene.runner.store.revokeKey(keyId, new Date().toISOString());
    await page.getByRole('button', { name: 'Ask for it' }).click();
    const dialog = page.getByRole('dialog', { name: 'Your login has ended' });
    await dialog.getByLabel('Key').fill('ar_000000000000_wrong');
    await dialog.getByRole('button', { name: 'Log in' }).click();
    await dialog.getByText('this is no key').waitFor();
    // What was pasted may be the whole link.
    const again = await createKey(scene.runner.store, { name: 'Cid', role: 'submit' });
    await dialog.getByLabel('Key').fill(`${scene.url}/login?token=${again?.secret ?? ''}`);
    await page.evaluate('window.stays = 1');
    await dialog.getByRole('button', { name: 'Log in' }).click();
    await dialog.waitFor({ state: 'detached' });
    expect(await page.evaluate('window.stays')).toBe(1);
    expect(await page.getByLabel('Task').inputValue()).toContain('nobody types twice');
    await page.reload();
    await expect.poll(() => page.getByLabel('Task').inputValue(), SOON).toContain('nobody types twice');
    await page.getByRole('button', { name: 'Start over' }).click();
    expect(await page.getByLabel('Task').inputValue()).toBe('');
    await page.context().close();
  });

  test('what is refused stands at its field, and what was written stays', async () => {
    const { page } = await enter('submit', 'Dan');
    await page.goto(`${scene.url}/new?repo=${encodeURIComponent('/etc')}&task=Look`);
    await page.getByRole('button', { name: 'Ask for it' }).click();
    const field = page.getByLabel('Repository');
    await page.locator('.fault').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await page.evaluate('document.activeElement.getAttribute("aria-invalid")')).toBe('true');
    expect([await field.inputValue(), await page.getByLabel('Task').inputValue()]).toEqual(['/etc', 'Look']);
    await page.context().close();
  });

  test('every page says what stands in the way, and goes on when it does not any more', async () => {
    const { page } = await enter('read', 'Eve');
    for (const path of ['/keys', '/audit', '/doctor']) {
      await page.goto(scene.url + path);
      await page.getByText('Not allowed').first().waitFor();
    }
    await page.goto(`${scene.url}/new`);
    await page.getByText('This takes a key of the role submit').waitFor();
    expect(await page.getByRole('button', { name: 'Ask for it' }).count()).toBe(0);
    await page.goto(`${scene.url}/job/job-000000000000`);
    await page.getByText('Not found').waitFor();
    for (const [status, title] of [
      [500, 'The server made a mistake'],
      [409, 'Not as it stands'],
    ] as const) {
      await page.route('**/api/usage*', (route) =>
        route.fulfill({ status, json: { code: 'x', detail: 'so it is <b>' } }),
      );
      await page.goto(`${scene.url}/cost`);
      await page.getByText(title).waitFor();
      await page.getByText('so it is <b>').waitFor();
      await page.unroute('**/api/usage*');
    }
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Nothing was spent').waitFor();
    let asked = 0;
    await page.route('**/api/usage*', (route) =>
      ++asked === 1
        ? route.fulfill({ status: 429, headers: { 'retry-after': '1' }, json: { detail: 'too many' } })
        : route.continue(),
    );
    await page.reload();
    await page.getByText('Nothing was spent').waitFor();
    expect(asked).toBe(2);
    await scene.restart(async () => {
      await page.getByText('The server does not answer').first().waitFor(SOON);
    });
    await page.getByText('Ready', { exact: true }).waitFor(SOON);
    await page.context().close();
  });
});
