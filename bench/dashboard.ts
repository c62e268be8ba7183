/**
 * The dashboard with very much in it, in a real Chromium against a real server: how long until what was done is on the
 * screen. A log of 50,000 lines, a change of 500 files and 50,000 lines, a list of 100,000 jobs.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openScene, type Scene } from '../test/browser/scene.ts';
import { firstFiles, packed } from '../test/dashboard/weigh.ts';
import { sampleEvent, sampleJob, sampleRequest } from '../test/store/sample.ts';

const LOG_LINES = 50_000;
const JOBS = 100_000;
const ROUNDS = 40;
const LIMIT_MS = 200;
/** Jobs that are stored at the same time. */
const BATCH = 1000;

function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
}

/**
 * Does something in the page and takes the time until what is waited for is there, and was drawn.
 *
 * @param act, done: JavaScript, run in the page; `done` is asked once a frame
 */
async function timed(page: Page, act: string, done: string): Promise<number> {
  const took = await page.evaluate(`new Promise((resolve, reject) => {
    const started = performance.now();
    const look = () => {
      if (performance.now() - started > 30000) reject(new Error(${JSON.stringify(`it never came: ${done}`)}));
      else if (${done}) requestAnimationFrame(() => resolve(performance.now() - started));
      else requestAnimationFrame(look);
    };
    ${act};
    requestAnimationFrame(look);
  })`);
  return took as number;
}

const tell = (what: string, figure: string): void => console.log(`${what.padEnd(64)} ${figure}`);

async function many(what: string, once: (round: number) => Promise<number>): Promise<boolean> {
  const all: number[] = [];
  for (let round = 0; round < ROUNDS; round++) all.push(await once(round));
  const [p50, p95] = [quantile(all, 0.5), quantile(all, 0.95)];
  tell(what, `p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms (at most ${LIMIT_MS})`);
  return p95 <= LIMIT_MS;
}

/** Scrolls somewhere and waits until the middle of the view shows a row. */
function scrolled(page: Page, scroller: string, row: string, part: number): Promise<number> {
  return timed(
    page,
    `const box = document.querySelector(${JSON.stringify(scroller)});
     box.scrollTop = (box.scrollHeight - box.clientHeight) * ${part};`,
    `(() => { const { left, top, width, height } = document.querySelector(${JSON.stringify(scroller)}).getBoundingClientRect();
      return document.elementFromPoint(left + width / 2, top + height / 2)?.closest(${JSON.stringify(row)}) != null; })()`,
  );
}

/** Types as a person does, as far as the page knows. */
const type = (field: string, text: string): string =>
  `const field = document.querySelector(${JSON.stringify(field)});
   Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, ${JSON.stringify(text)});
   field.dispatchEvent(new Event('input', { bubbles: true }));`;

/** Somewhere else each time, the same in each run. */
const somewhere = (round: number): number => ((round + 1) * 0.618_034) % 1;

async function storeLog({ runner: { store } }: Scene): Promise<string> {
  const jobId = 'job-bbbb00000000';
  const now = new Date();
  const request = sampleRequest({ task: 'Say very much' });
  // No worker is to take it.
  const hold = { owner: 'bench', leaseMs: 6_000_000, now };
  const { lease } = await store.createJob(sampleJob(jobId, { request }), { hold });
  if (lease === null) throw new Error('the job is not held');
  await store.updateJob(lease, { status: 'running', started_at: now.toISOString() });
  for (let at = 0; at < LOG_LINES; at += BATCH) {
    const lines = Array.from({ length: BATCH }, (_, number) => sampleEvent(`line ${at + number}`));
    await store.appendEvents(jobId, lines);
  }
  return jobId;
}

async function benchLog(scene: Scene, page: Page): Promise<boolean> {
  const jobId = await storeLog(scene);
  const there: number[] = [];
  for (let round = 0; round < 5; round++) {
    await page.goto(`${scene.url}/job/${jobId}?tab=log`);
    const started = performance.now();
    await page.reload({ waitUntil: 'commit' });
    await page.getByText(`line ${LOG_LINES - 1}`, { exact: true }).waitFor();
    there.push(performance.now() - started);
  }
  tell(
    `a log of ${LOG_LINES} events is there`,
    `${(quantile(there, 0.5) / 1000).toFixed(2)} s (median of 5)`,
  );
  const isQuick = await many('log: scroll', (round) =>
    scrolled(page, '.log-scroller', '.line', somewhere(round)),
  );
  const field = 'input[placeholder*="earch the log"], .log-bar input';
  const isFound = await many('log: search, each letter counted', async (round) =>
    timed(
      page,
      type(field, `line ${1000 + round}`),
      `/^1 of (?!0)/.test(document.querySelector('.hits').textContent) && document.querySelector('.log').textContent.includes('line ${1000 + round}')`,
    ),
  );
  return isQuick && isFound;
}

async function benchChange(scene: Scene, page: Page): Promise<boolean> {
  const jobId = await scene.ask('Be large');
  await scene.until(jobId, 'completed', 'failed');
  const started = performance.now();
  await page.goto(`${scene.url}/job/${jobId}?tab=changes`, { waitUntil: 'commit' });
  await page.getByText('500 files +50000').waitFor();
  tell(
    'a change of 500 files and 50,000 lines is there',
    `${((performance.now() - started) / 1000).toFixed(2)} s`,
  );
  const isQuick = await many('change: scroll', (round) =>
    scrolled(page, '.diff-scroller', '.placed', somewhere(round)),
  );
  await scrolled(page, '.diff-scroller', '.placed', 0);
  await page.locator('.diff-file').first().waitFor();
  const isFolded = await many('change: fold and unfold a file', () =>
    timed(
      page,
      `const file = document.querySelector('.diff-file'); window.was = file.getAttribute('aria-expanded'); file.click();`,
      `document.querySelector('.diff-file').getAttribute('aria-expanded') !== window.was`,
    ),
  );
  return isQuick && isFolded;
}

const WORDS = ['rounding', 'invoice', 'timezone', 'redirect', 'checkout', 'retry', 'cursor', 'session'];
const STATUSES = ['completed', 'failed', 'cancelled'] as const;
const OUTCOMES = { completed: 'no_change', failed: 'gave_up', cancelled: 'cancelled' } as const;

async function storeJobs({ runner: { store } }: Scene): Promise<void> {
  const first = Date.now() - JOBS * 1000;
  for (let at = 0; at < JOBS; at += BATCH) {
    const jobs = Array.from({ length: BATCH }, (_, number) => {
      const index = at + number;
      const status = STATUSES[index % STATUSES.length] ?? 'failed';
      const time = new Date(first + index * 1000).toISOString();
      const word = WORDS[index % WORDS.length] ?? '';
      return sampleJob(`job-${index.toString(16).padStart(12, '0')}`, {
        request: sampleRequest({
          task: `Mend the ${word} of part ${index}`,
          repo: `https://git.example.org/ann/repo${index % 20}.git`,
          agent: index % 3 === 0 ? 'patch' : 'simulated',
        }),
        status,
        outcome: OUTCOMES[status],
        created_at: time,
        finished_at: time,
      });
    });
    await Promise.all(jobs.map((job) => store.importJob(job, [], [])));
  }
}

async function benchList(scene: Scene, page: Page): Promise<boolean> {
  await storeJobs(scene);
  const there: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    await page.goto(`${scene.url}/`, { waitUntil: 'commit' });
    await page.getByText(`part ${JOBS - 1}`).waitFor();
    there.push(performance.now() - started);
  }
  tell(`the list of ${JOBS} jobs is there`, `${(quantile(there, 0.5) / 1000).toFixed(2)} s (median of 5)`);
  const choose = (name: string): string =>
    `[...document.querySelectorAll('.choices button')].find((one) => one.textContent === '${name}').click();`;
  const onlyOf = (word: string): string =>
    `(() => { const rows = [...document.querySelectorAll('.rows .c-state')]; return rows.length > 5 && rows.filter((one) => one.textContent !== '${word}').length <= 1; })()`;
  const filtered = await many('list: filter by state', (round) =>
    round % 2 === 0
      ? timed(page, choose('Failed'), onlyOf('Gave up'))
      : timed(page, choose('Cancelled'), onlyOf('Cancelled')),
  );
  await page.goto(`${scene.url}/`);
  await page.getByText(`part ${JOBS - 1}`).waitFor();
  const searched = await many('list: search (with the pause of 100 ms after a letter)', (round) => {
    const word = WORDS[round % WORDS.length] ?? '';
    return timed(
      page,
      type('.search input', word),
      `(() => { const rows = [...document.querySelectorAll('.rows .cover')]; return rows.length > 5 && rows.every((one) => one.textContent.includes('${word}')); })()`,
    );
  });
  await page.goto(`${scene.url}/`);
  await page.getByText(`part ${JOBS - 1}`).waitFor();
  // As far down as a person would hardly go: a tenth of all jobs is read.
  const reading = performance.now();
  while (Number(await page.evaluate("document.querySelector('.rows').clientHeight")) < (JOBS / 10) * 56)
    await timed(
      page,
      `const box = document.querySelector('.scroller'); window.was = document.querySelector('.rows').clientHeight; box.scrollTop = box.scrollHeight;`,
      `document.querySelector('.rows').clientHeight > window.was`,
    );
  tell(
    `${JOBS / 10} jobs are read by scrolling on`,
    `${((performance.now() - reading) / 1000).toFixed(1)} s`,
  );
  const isQuick = await many(`list: scroll among ${JOBS / 10} that were read`, (round) =>
    scrolled(page, '.scroller', '.job-row', somewhere(round) * 0.98),
  );
  const chosen = await many('list: choose as many as go at once, and let go', () =>
    timed(
      page,
      `const box = document.querySelector('.head input'); window.was = document.querySelector('.bulk') !== null; box.click();`,
      `(document.querySelector('.bulk') !== null) !== window.was`,
    ),
  );
  const heap = await page.evaluate('performance.memory.usedJSHeapSize');
  tell('memory of its scripts then', `${(Number(heap) / 1e6).toFixed(0)} MB`);
  return filtered && searched && isQuick && chosen;
}

/** Bytes of the built files, as browsers get them. */
function sizes(folder: string): void {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  const first = packed([...firstFiles(folder)]);
  tell('first load: page, script and style', `${(first / 1000).toFixed(0)} kB gzip (at most 250)`);
  const all = files.reduce((sum, one) => sum + statSync(join(one.parentPath, one.name)).size, 0);
  tell('all built files of the dashboard', `${(all / 1e6).toFixed(1)} MB`);
}

/** Runs it. */
export async function benchDashboard(): Promise<void> {
  const scene = await openScene();
  try {
    const { page } = await scene.visit();
    const parts: boolean[] = [];
    parts.push(await benchLog(scene, page));
    parts.push(await benchChange(scene, page));
    parts.push(await benchList(scene, page));
    sizes(scene.built);
    if (parts.includes(false)) process.exitCode = 1;
  } finally {
    await scene.close();
  }
}
