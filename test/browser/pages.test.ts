/** Every page for everybody: without eyes, on a telephone, in both themes, with hostile text and with very much of it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleEvent, sampleJob, sampleRequest } from '../store/sample.ts';
import { aside, faultsInThemes, faultsOf } from './faults.ts';
import { label, openScene, works, type Scene, type Visit } from './scene.ts';

const LOG_LINES = 50_000;
const LIST_JOBS = 400;

describe.skipIf(!works)(label, () => {
  let scene: Scene;
  let ann: Visit;
  let paths: readonly (readonly [name: string, path: string, there: string])[] = [];
  let [hostile, large] = ['', ''];
  beforeAll(async () => {
    scene = await openScene();
    ann = await scene.visit();
    const asking = await scene.ask('Ask me for a colour');
    hostile = await scene.ask('Be hostile\n\n<img src=x onerror="document.title=3"> \u202edesrever');
    large = await scene.ask('Be large');
    await Promise.all([
      scene.until(asking, 'needs_input'),
      scene.until(hostile, 'completed', 'failed'),
      scene.until(large, 'completed', 'failed'),
    ]);
    paths = [
      ['jobs', '/', 'Be large'],
      ['a job that asks', `/job/${asking}`, 'Which colour'],
      ['the gate', `/job/${hostile}`, 'Check'],
      ['activity', `/job/${hostile}?tab=activity`, 'The agent gets the task'],
      ['the log', `/job/${hostile}?tab=log`, 'red'],
      ['the change', `/job/${hostile}?tab=changes`, 'long.txt'],
      ['deliveries', `/job/${hostile}?tab=deliveries`, 'No callback'],
      ['a new job', '/new', 'Try the demo'],
      ['cost', '/cost?by=repo', 'shop'],
      ['keys', '/keys', 'Take back'],
      ['doctor', '/doctor', 'Works'],
      ['a place that is none', '/nowhere', 'There is nothing here'],
    ];
  });
  afterAll(async () => {
    await scene.close();
  });

  test("no page has a serious fault for who can't see or point, in either theme; none is wider than a telephone", async () => {
    const { page, troubles } = ann;
    const faults: Record<string, Awaited<ReturnType<typeof faultsInThemes>>> = {};
    const wide: string[] = [];
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const [name, path, there] of paths) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(scene.url + path);
      await page.getByText(there).first().waitFor();
      const found = await faultsInThemes(page);
      if (Object.keys(found).length > 0) faults[name] = found;
      await page.setViewportSize({ width: 360, height: 740 });
      if ((await aside(page)) > 0) wide.push(name);
    }
    expect([faults, wide, troubles]).toEqual([{}, [], []]);
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('link', { name: 'Cost' }).click();
    await page.getByRole('heading', { name: 'Cost' }).waitFor();
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    expect(await faultsOf(page)).toEqual([]);
  }, 120_000);

  test('hostile text is text: no tag, no command of a terminal, no turned line, whatever its length', async () => {
    const { page, troubles } = ann;
    for (const [, path] of paths.filter(([, path]) => path.includes(hostile))) {
      await page.goto(scene.url + path);
      await page.getByRole('heading', { name: 'Be hostile' }).waitFor();
    }
    await page.goto(`${scene.url}/job/${hostile}?tab=log`);
    const log = page.getByRole('region', { name: 'Log' });
    const line = log.locator('.line', { hasText: 'onerror' }).first();
    await line.waitFor();
    expect(await line.innerText()).toMatch(
      /red and <img src=x onerror="document.title=1"> and  and ⟨202E⟩desrever/,
    );
    expect(await line.locator('.ansi-red').innerText()).toBe('red');
    await log
      .getByRole('button', { name: /more characters/ })
      .first()
      .waitFor();
    await page.goto(`${scene.url}/job/${hostile}?tab=changes`);
    const change = page.getByRole('region', { name: 'Change' });
    await change.getByText('<script>document.title="owned"</script>').waitFor();
    await change.getByText('⟨202E⟩right to left').waitFor();
    await page.goto(`${scene.url}/job/${hostile}`);
    await page.getByText('The whole task').click();
    await page.getByText('<img src=x onerror="document.title=3"> ⟨202E⟩desrever').waitFor();
    expect(await page.title()).toBe('Be hostile · agent-runner');
    expect(await page.locator('main img').count()).toBe(0);
    expect(troubles).toEqual([]);
  });

  test('a change of 500 files and 50,000 lines is read from one end to the other', async () => {
    const { page } = ann;
    await page.goto(`${scene.url}/job/${large}?tab=changes`);
    await page.getByText('500 files +50000').waitFor();
    const change = page.getByRole('region', { name: 'Change' });
    await page.getByRole('button', { name: 'A file499.js +100' }).click();
    await change.getByText('const line499 = 1', { exact: true }).waitFor();
    // What is drawn is what is seen, and little more.
    expect(await page.locator('.placed').count()).toBeLessThan(200);
    await change.getByRole('button', { name: /big\/part19\/file499\.js/ }).click();
    await change.getByText('const line499 = 1', { exact: true }).waitFor({ state: 'detached' });
  });

  test(`a log of ${LOG_LINES} lines is searched and read to its end`, async () => {
    const { store } = scene.runner;
    const { page } = ann;
    const jobId = 'job-00000000aaaa';
    const now = new Date();
    const { lease } = await store.createJob(
      sampleJob(jobId, { request: sampleRequest({ task: 'Say very much' }) }),
      // No worker is to take it.
      { hold: { owner: 'test', leaseMs: 600_000, now } },
    );
    if (lease === null) throw new Error('the job is not held');
    await store.updateJob(lease, { status: 'running', started_at: now.toISOString() });
    for (let at = 0; at < LOG_LINES; at += 5000) {
      const lines = Array.from({ length: 50 }, (_, part) =>
        Array.from({ length: 100 }, (_, number) => `line ${at + part * 100 + number}`).join('\n'),
      );
      await store.appendEvents(jobId, lines.map(sampleEvent));
    }
    await page.goto(`${scene.url}/job/${jobId}?tab=log`);
    const log = page.getByRole('region', { name: 'Log' });
    await log.getByText(`line ${LOG_LINES - 1}`, { exact: true }).waitFor();
    expect(await log.locator('.line').count()).toBeLessThan(200);
    await page.getByLabel('Search the log').fill('line 2500');
    // 2500 itself, and 25000 to 25009.
    await page.getByText('1 of 11').waitFor();
    await log.getByText('line 2500', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Earlier hit' }).click();
    await log.getByText('line 25009', { exact: true }).waitFor();
  });

  test('a long list is read page by page as one goes down, and nothing is drawn that is not seen', async () => {
    const { store } = scene.runner;
    const { page } = ann;
    for (let at = 0; at < LIST_JOBS; at++) {
      const jobId = `job-${String(at).padStart(12, '0')}`;
      const request = sampleRequest({ task: `Listed ${at}`, repo: 'https://git.example.org/ann/listed.git' });
      const created_at = new Date(Date.now() + at).toISOString();
      const ended = {
        status: 'cancelled',
        outcome: 'cancelled',
        created_at,
        finished_at: created_at,
      } as const;
      await store.importJob(sampleJob(jobId, { request, ...ended }), [], []);
    }
    await page.goto(`${scene.url}/?repo=${encodeURIComponent('https://git.example.org/ann/listed.git')}`);
    await page.getByText(`Listed ${LIST_JOBS - 1}`, { exact: true }).waitFor();
    const scroller = page.locator('.scroller');
    await expect
      .poll(
        async () => {
          await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
          return page.getByText('Listed 0', { exact: true }).count();
        },
        { timeout: 20_000 },
      )
      .toBe(1);
    expect(await page.getByRole('row').count()).toBeLessThan(80);
  });
});
