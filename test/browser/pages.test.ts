/** Every page for everybody: without eyes, on a telephone, in both themes, with hostile text and with very much of it. */
import axe from 'axe-core';
import type { Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampleEvent, sampleJob, sampleRequest } from '../store/sample.ts';
import { storeHostile } from './hostile.ts';
import { label, openScene, works, type Scene, type Visit } from './scene.ts';

const LOG_LINES = 50_000;
const LIST_JOBS = 400;

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that is serious, in a few words each. */
async function faultsOf(page: Page): Promise<readonly string[]> {
  // By the debugger's own way: the policy of the page lets no script in.
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) => violations)",
  );
  return (found as readonly Violation[])
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

/** How far a page can be scrolled aside, in pixels: what one reads on a telephone must not. */
function aside(page: Page): Promise<number> {
  return page.evaluate(
    "Math.max(...['html', 'main'].map((name) => document.querySelector(name)).map((one) => one.scrollWidth - one.clientWidth))",
  );
}

/** Characters in what is shown that nobody sees or that turn the text, each with what stands before it. */
function unseenOn(page: Page): Promise<readonly string[]> {
  return page.evaluate(
    String.raw`[...document.body.innerText.matchAll(/(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}](?<!\p{Extended_Pictographic}\ufe0f?\u200d)/gu)].map((one) => document.body.innerText.slice(Math.max(0, one.index - 40), one.index + 1))`,
  );
}

/** A page, or one as it is after something was done there: a line here is all it takes to have another one looked at. */
interface State {
  readonly name: string;
  readonly path: string;
  /** What is read there when it is there. */
  readonly there: string;
  /** Done there before it is looked at. */
  readonly act?: (page: Page) => Promise<unknown>;
}

const press =
  (name: string | RegExp) =>
  async (page: Page): Promise<void> => {
    await page.getByRole('button', { name }).first().click();
  };

function statesOf(asking: string, hostile: string, stored: string): readonly State[] {
  const parts = ['gate', 'activity', 'log', 'changes', 'deliveries'];
  const there = ['Gate', 'The agent gets the task', 'red', 'long.txt', 'No callback'];
  return [
    { name: 'jobs', path: '/', there: 'Be large' },
    {
      name: 'jobs, chosen',
      path: '/',
      there: 'Be large',
      act: (page) => page.getByRole('checkbox').first().check(),
    },
    { name: 'no job fits', path: '/?q=nosuchword', there: 'No job fits this' },
    { name: 'a filter that is none', path: '/?status=%00%FF<img', there: 'allowed: queued' },
    { name: 'a job that asks', path: `/job/${asking}`, there: 'Which colour' },
    { name: 'a message', path: `/job/${asking}`, there: 'Which colour', act: press('Message') },
    { name: 'cancel?', path: `/job/${asking}`, there: 'Which colour', act: press('Cancel') },
    { name: 'a follow-up', path: `/job/${hostile}`, there: 'Check', act: press('Follow up') },
    ...parts.map((part, at) => ({ name: part, path: `/job/${hostile}?tab=${part}`, there: there[at] ?? '' })),
    {
      name: 'a remark',
      path: `/job/${hostile}?tab=changes`,
      there: 'long.txt',
      act: (page) =>
        page
          .getByRole('button', { name: /^Remark on line/ })
          .first()
          .click({ force: true }),
    },
    {
      name: 'a word that is not in the log',
      path: `/job/${hostile}?tab=log`,
      there: 'red',
      act: async (page) => {
        await page.getByLabel('Search the log').fill('no such word');
        await page.getByText('not found').waitFor();
      },
    },
    ...parts.map((part) => ({
      name: `${part} of what nobody should have stored`,
      path: `/job/${stored}?tab=${part}`,
      there: 'The agent says:',
      act: (page: Page) =>
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })"),
    })),
    { name: 'no such job', path: '/job/job-00000000ffff', there: 'Not found' },
    { name: 'a new job', path: '/new', there: 'Try the demo' },
    {
      name: 'all of a new job',
      path: '/new',
      there: 'Try the demo',
      act: (page) => page.getByText('Base, budget').click(),
    },
    { name: 'cost', path: '/cost?by=repo', there: 'shop' },
    { name: 'keys', path: '/keys', there: 'Take back' },
    { name: 'take back?', path: '/keys', there: 'Take back', act: press(/^Take back/) },
    { name: 'audit', path: '/audit', there: '127.0.0.1' },
    { name: 'doctor', path: '/doctor', there: 'Works' },
    { name: 'a place that is none', path: '/nowhere', there: 'There is nothing here' },
    { name: 'a place that leads elsewhere', path: '/job/..%2F..%2Fkeys', there: 'There is nothing here' },
    { name: 'the keyboard', path: '/', there: 'Be large', act: (page) => page.keyboard.press('?') },
  ];
}

describe.skipIf(!works)(label, () => {
  let scene: Scene;
  let ann: Visit;
  let states: readonly State[] = [];
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
    states = statesOf(asking, hostile, await storeHostile(scene));
  });
  afterAll(async () => {
    await scene.close();
  });

  test('no page or state of one has a serious fault in either theme, deceives by its text, or is wider than a telephone', async () => {
    const { page, troubles } = ann;
    const faults: string[] = [];
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const { name, path, there, act } of states) {
      const note = (what: string, found: readonly string[]): void => {
        faults.push(...found.map((one) => `${name}: ${what}: ${one}`));
      };
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(scene.url + path);
      await page.getByText(there).first().waitFor();
      await act?.(page);
      note('axe, light', await faultsOf(page));
      note('unseen', await unseenOn(page));
      // 320 is what 1280 is at 400 %.
      for (const width of [1280, 320, 360]) {
        await page.setViewportSize({ width, height: 800 });
        if ((await aside(page)) > 0) note('wide', [String(width)]);
      }
      await page.emulateMedia({ colorScheme: 'dark' });
      if (act === undefined) note('axe, dark', await faultsOf(page));
      if (!(await page.title()).endsWith(' · agent-runner')) note('title', [await page.title()]);
      note('pictures', await page.locator('main img').allInnerTexts());
    }
    expect([faults, troubles]).toEqual([[], []]);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.goto(scene.url);
    await page.getByRole('button', { name: 'Menu' }).click();
    expect(await faultsOf(page)).toEqual([]);
    await page.getByRole('link', { name: 'Cost' }).click();
    await page.getByRole('heading', { name: 'Cost' }).waitFor();
    await page.setViewportSize({ width: 1280, height: 900 });
  }, 240_000);

  test('text of a terminal has its colours, lines are cut, and what turns a line is named by its number', async () => {
    const { page, troubles } = ann;
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
    expect(troubles).toEqual([]);
  });

  test('who has no mouse is never lost: dialogs give the focus back, and a page takes it where a row was', async () => {
    const { page } = ann;
    const focused = (): Promise<string> =>
      page.evaluate(
        "((one) => one.getAttribute('aria-label') ?? (one.id || one.innerText || one.tagName))(document.activeElement)",
      );
    await page.goto(scene.url);
    await page.getByText('Be large').first().waitFor();
    await page.keyboard.press('j');
    await expect.poll(focused).not.toBe('BODY');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Gate' }).waitFor();
    expect(await focused()).toBe('main');
    await page.getByRole('tab', { name: 'Gate' }).focus();
    for (const [key, name] of [
      ['End', 'Deliveries'],
      ['ArrowRight', 'Gate'],
      ['ArrowLeft', 'Deliveries'],
      ['Home', 'Gate'],
    ] as const) {
      await page.keyboard.press(key);
      expect(await focused()).toBe(`tab-${name.toLowerCase()}`);
    }
    const opener = page.getByRole('button', { name: /^(Follow up|Message)$/ });
    await opener.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    // What one writes there, and what is pressed beside it, leads nowhere.
    await page.keyboard.type('g j ?');
    expect(await dialog.getByRole('textbox').inputValue()).toBe('g j ?');
    await dialog.getByRole('button', { name: 'Close' }).focus();
    await page.keyboard.press('g');
    await page.keyboard.press('c');
    for (let at = 0; at < 8; at++) {
      await page.keyboard.press('Tab');
      expect(
        await page.evaluate(
          "document.activeElement.closest('[role=dialog], [data-base-ui-focus-guard]') !== null",
        ),
      ).toBe(true);
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await expect.poll(focused).toMatch(/Follow up|Message/);
    expect(page.url()).toContain('/job/');
    await page.keyboard.press('?');
    await page.getByLabel('Single keys do something').uncheck();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.press('u');
    await page.keyboard.press('?');
    expect([page.url().includes('/job/'), await dialog.count()]).toEqual([true, 0]);
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await page.getByLabel('Single keys do something').check();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
  });

  test('what counts up goes by the clock of the server, whatever the browser has', async () => {
    const { page, context } = await scene.visit();
    const jobId = await scene.ask('Be slow');
    await scene.until(jobId, 'running');
    for (const hours of [1, -1]) {
      await page.clock.setSystemTime(Date.now() + hours * 3_600_000);
      await page.goto(scene.url);
      const row = page.getByRole('row', { name: /Be slow/ });
      await expect
        .poll(async () => row.locator('.c-took').innerText(), { timeout: 20_000 })
        .toMatch(/^[1-9]\d* s$|^\d\.\d s$/);
      expect(await row.locator('.c-age').innerText()).toMatch(/^(now|\d+s)$/);
    }
    await scene.runner.cancel(jobId);
    await context.close();
  });

  test('a tab that nobody sees lets its connection go, and misses nothing', async () => {
    const { page, context } = await scene.visit();
    const jobId = await scene.ask('Be slow');
    await page.goto(`${scene.url}/job/${jobId}?tab=log`);
    const log = page.getByRole('region', { name: 'Log' });
    await log.getByText('still at it 2', { exact: true }).waitFor();
    const seen = (state: 'hidden' | 'visible'): Promise<unknown> =>
      page.evaluate(
        `Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
      );
    const isStream = (request: Request): boolean => request.url().includes(`${jobId}/events`);
    const gone = page.waitForEvent('requestfailed', { predicate: isStream });
    await seen('hidden');
    await gone;
    await scene.runner.cancel(jobId);
    await scene.until(jobId, 'cancelled');
    await seen('visible');
    await page.getByText('Complete', { exact: true }).waitFor();
    const numbers = [...(await log.innerText()).matchAll(/still at it (\d+)/g)].map(([, number]) =>
      Number(number),
    );
    expect(numbers).toEqual(numbers.map((_, at) => (numbers[0] ?? 0) + at));
    expect(numbers.length).toBeGreaterThan(5);
    await context.close();
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
