/** What people do at the dashboard, from the first job to its proposal, by mouse and by keyboard. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openReceiver } from '../notify/receiver.ts';
import { label, openScene, works, type Scene, type Visit } from './scene.ts';

/** How long something may take that was asked for. */
const SOON = { timeout: 20_000 };

describe.skipIf(!works)(label, () => {
  let scene: Scene;
  let ann: Visit;
  beforeAll(async () => {
    scene = await openScene({ allow_insecure_webhooks: true, webhook_allow: ['127.0.0.1'] });
    ann = await scene.visit();
  });
  afterAll(async () => {
    await scene.close();
  });

  test('a newcomer tries the demo, watches the gate go red and green, and reads the proposal', async () => {
    const { page, troubles } = ann;
    await page.getByRole('link', { name: 'Ask for the first one' }).click();
    await page.getByRole('button', { name: 'Try the demo' }).click();
    await expect.poll(() => page.getByLabel('Task').inputValue(), SOON).toContain('maxLength');
    await page.getByRole('button', { name: 'Ask for it' }).click();
    await page.waitForURL(/\/job\/job-/);
    // The red run is there, by name and with what failed, while the job goes on.
    await page.getByRole('heading', { name: /^Gate.*: test passed before and fails now/ }).waitFor();
    await page.getByRole('heading', { name: 'Gate run 2 of 2: everything passes' }).waitFor();
    await page.getByText('Gate run 1 of 2').click();
    await page.getByText('test/slug.test.js: keeps long titles whole').first().waitFor();
    // All that the check printed is asked for by its name.
    const printed = await page.getByRole('link', { name: 'All that test printed' }).getAttribute('href');
    const output = await page.request.get(scene.url + (printed ?? ''));
    expect(await output.text()).toContain('keeps long titles whole');
    await page.getByText('Proposed', { exact: true }).first().waitFor();
    const answers = page.locator('.answers');
    for (const words of ['slug', 'Proposed', 'Green', '2 checks pass', 'bot/job-'])
      await answers.getByText(words).first().waitFor();
    await page.getByText('Provenance:').click();
    await page.getByText('Sandbox', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Read the change' }).click();
    await page.getByRole('region', { name: 'Change' }).getByText('maxLength').first().waitFor();
    // Colours come from a worker, which the policy of the page lets in.
    await page.locator('.diff-line .x-k', { hasText: 'function' }).first().waitFor();
    expect(troubles).toEqual([]);
  });

  test('remarks on lines of the change become the next job, which goes on with it', async () => {
    const { page } = ann;
    const first = page.url();
    // To the second file and its second line, chosen with the next one; all by keys.
    for (const key of ['n', 'n', 'j', 'J', 'c']) await page.keyboard.press(key);
    await page.getByRole('textbox', { name: 'On lines 3–4 of src/slug.js' }).fill('Say what it is for.');
    await page.keyboard.press('Control+Enter');
    await page.getByText('On lines 3–4', { exact: true }).waitFor();
    // What was not sent yet outlives a reload.
    await page.reload();
    await page.getByText('Say what it is for.').waitFor();
    await page.getByRole('button', { name: 'Ask for a follow-up' }).click();
    await expect.poll(() => page.url(), SOON).not.toBe(first);
    await page
      .getByRole('heading', { name: 'Address a remark on the change: Say what it is for.' })
      .waitFor();
    const jobId = /job-[0-9a-f]+/.exec(page.url())?.[0] ?? '';
    const job = await scene.runner.store.getJob(jobId);
    expect(job?.request.task).toMatch(/src\/slug\.js, lines 3–4:\n> .*\n> .*\nSay what it is for\./);
    // Both say of each other, and what was sent is there no more.
    await page.getByRole('link', { name: /Add a maxLength option/ }).click();
    await page.getByRole('link', { name: /Address a remark on the change/ }).waitFor();
    await page.getByRole('tab', { name: 'Changes' }).click();
    await page.getByRole('region', { name: 'Change' }).getByText('maxLength').first().waitFor();
    expect(await page.getByText('Say what it is for.', { exact: true }).count()).toBe(0);
    expect(job?.request.session_id).toBe(/job-[0-9a-f]+/.exec(first)?.[0]);
    await scene.until(jobId, 'completed', 'failed');
  });

  test('a question is answered, and the job goes on', async () => {
    const { page } = ann;
    const jobId = await scene.ask('Ask me for a colour');
    await page.goto(`${scene.url}/job/${jobId}`);
    await page.getByText('Which colour shall it be?').waitFor();
    await page.getByLabel('Your answer').fill('Blue');
    await page.getByRole('button', { name: 'Answer', exact: true }).click();
    await page.getByText('The change is there as a branch and a patch').waitFor();
    await page.getByText('It is blue.').first().waitFor();
  });

  test('a log is followed over a restart of the server, searched and linked to; then the job is cancelled', async () => {
    const { page, troubles } = ann;
    const jobId = await scene.ask('Be slow');
    await page.goto(`${scene.url}/job/${jobId}?tab=log`);
    const log = page.getByRole('region', { name: 'Log' });
    await log.getByText('still at it 3', { exact: true }).waitFor();
    await scene.restart(async () => {
      await page.getByText('The server was lost').waitFor();
    });
    await page.getByText('The server was lost').waitFor({ state: 'detached' });
    await expect
      .poll(async () => Number(/(\d+)\D*$/.exec(await log.innerText())?.[1]), SOON)
      .toBeGreaterThan(20);
    await page.keyboard.press('/');
    await page.keyboard.type('still at it 12');
    await page.getByText(/^1 of /).waitFor();
    // While one types, what is found changes.
    const line = log.locator('.line.hit', { hasText: 'still at it 12' });
    await line.waitFor();
    await line.getByRole('link').click();
    const address = page.url();
    expect(address).toMatch(/#L\d+/);
    const other = await ann.context.newPage();
    await other.goto(address);
    await other.locator('.line.marked', { hasText: 'still at it 12' }).waitFor();
    await other.close();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Somebody stopped it; its work is saved').waitFor();
    // Each line once, in its order, over the restart.
    const events = await scene.runner.store.readEvents(jobId, 0, 5000);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
    expect(troubles).toEqual([]);
  });

  test('callbacks are shown with every try, and sent again', async () => {
    const receiver = await openReceiver();
    try {
      const { page } = ann;
      const jobId = await scene.ask('Say it', { callback_url: receiver.url });
      await scene.until(jobId, 'completed');
      await page.goto(`${scene.url}/job/${jobId}?tab=deliveries`);
      await page.getByText('Delivered').waitFor();
      await page.getByRole('button', { name: 'Send again now' }).click();
      await expect.poll(() => receiver.received.length, SOON).toBe(2);
      await page.getByRole('row', { name: /^2 / }).waitFor();
    } finally {
      await receiver.close();
    }
  });

  test('the keyboard alone: from the list to a job and back, jobs chosen, asked for once more and cancelled', async () => {
    const { page } = ann;
    await page.goto(scene.url);
    await page.getByRole('row').nth(1).waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Say it' }).waitFor();
    await page.keyboard.press('3');
    await page.getByRole('tab', { name: 'Log', selected: true }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'Jobs', exact: true }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('slow');
    await expect.poll(() => page.url(), SOON).toContain('q=slow');
    await page.getByRole('row', { name: /Be slow/ }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('j');
    await page.keyboard.press('x');
    await page.getByRole('button', { name: 'Retry 1' }).press('Enter');
    await page.getByRole('button', { name: 'Ask', exact: true }).press('Enter');
    const second = page.getByRole('row', { name: /Running Be slow/ });
    await second.waitFor();
    await second.getByRole('checkbox').press('Space');
    await page.getByRole('button', { name: 'Cancel 1' }).press('Enter');
    await page.getByRole('button', { name: 'Cancel them' }).press('Enter');
    await expect.poll(() => page.getByRole('row', { name: /Cancelled Be slow/ }).count(), SOON).toBe(2);
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('filters stand in the address, and a list that nothing fits says so', async () => {
    const { page } = ann;
    await page.goto(`${scene.url}/?status=cancelled`);
    await page
      .getByRole('row', { name: /Be slow/ })
      .first()
      .waitFor();
    expect(await page.getByRole('row', { name: /Say it/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Failed', exact: true }).click();
    await page.getByText('No job fits this').waitFor();
    expect(page.url()).toContain('status=failed');
  });

  test('a key is made, shown once, used to log in, and taken back', async () => {
    const { page } = ann;
    await page.goto(`${scene.url}/keys`);
    await page.getByLabel('For whom or what').fill('Bob');
    await page.getByLabel(/^read/).check();
    await page.getByRole('button', { name: 'Make a key' }).click();
    const key = await page.locator('.copy-line code').first().innerText();
    const bob = await scene.browser.newContext();
    const his = await bob.newPage();
    await his.goto(`${scene.url}/cost?by=agent`);
    await his.getByLabel('Key').fill('ar_000000000000_wrong');
    await his.getByRole('button', { name: 'Log in' }).click();
    await his.getByText('this is no key').waitFor();
    await his.getByLabel('Key').fill(key);
    await his.getByRole('button', { name: 'Log in' }).click();
    await his.getByRole('heading', { name: 'Cost' }).waitFor();
    expect(his.url()).toContain('/cost?by=agent');
    // He looks, and is shown nothing that he may not do.
    expect(await his.getByRole('link', { name: 'New job' }).count()).toBe(0);
    expect(await his.getByRole('link', { name: 'Keys' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Take back the key of Bob' }).click();
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.getByText('taken back', { exact: true }).waitFor();
    await his.reload();
    await his.getByLabel('Key').waitFor();
    await bob.close();
  });

  test('nothing that was done left an error in the browser, or the origin', () => {
    expect(ann.troubles).toEqual([]);
  });
});
