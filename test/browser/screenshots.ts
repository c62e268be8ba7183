/**
 * Takes the pictures of `docs/screenshots/`: `npm run screenshots`. The jobs in them are real ones, made for it on the
 * demo's repository.
 */
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openScene, type Scene } from './scene.ts';

const FOLDER = join(import.meta.dirname, '../../docs/screenshots');
const SIZE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 780 };

/** What the jobs of the list are asked, and by which story of the simulated agent each is played. */
const ASKED: readonly (readonly [story: string, task: string])[] = [
  ['noop', 'Check that every exported function has a docstring'],
  ['stuck', 'Transliterate accented letters in slugs\n\n“Crème brûlée” becomes “creme-brulee”.'],
  ['tamper', 'Make the long titles test pass with the new limit'],
  ['good', 'Let callers choose the separator\n\nA hyphen stays the default; an underscore must work too.'],
  ['crash', 'Speed up slugify for very long titles'],
  ['bad', ''],
];

/** One picture in each theme. */
async function picture(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) });
  }
}

async function jobsOf(scene: Scene): Promise<ReadonlyMap<string, string>> {
  const made = await fetch(`${scene.url}/api/demo`, {
    method: 'POST',
    headers: { authorization: `Bearer ${scene.token}` },
  });
  const { repo, task: demoTask } = (await made.json()) as { repo: string; task: string };
  const jobs = new Map<string, string>();
  for (const [story, task] of ASKED) {
    const wish = { repo, agent: `simulated:${story}`, user_id: 'ann' };
    jobs.set(story, await scene.ask(task === '' ? demoTask : task, wish));
  }
  for (const jobId of jobs.values()) await scene.until(jobId, 'completed', 'failed');
  return jobs;
}

/** A pipeline that asks before its last step but one, and a run of it that has come so far. */
async function runOf(
  scene: Scene,
  repo: string,
): Promise<{ readonly pipeline: string; readonly run: string }> {
  const post = async (path: string, body: object): Promise<{ pipeline_id: string; run_id: string }> => {
    const response = await fetch(scene.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${scene.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { pipeline_id: string; run_id: string };
  };
  const steps = [
    { name: 'lint', task: 'Mend what the linter finds' },
    { name: 'docs', task: 'Describe every exported function' },
    { name: 'unit', task: 'Add the unit tests that are missing', depends_on: ['lint'] },
    { name: 'load', task: 'Measure it under load\n\nBe slow', depends_on: ['lint'] },
    {
      name: 'release',
      task: 'Write the release notes',
      depends_on: ['unit', 'docs'],
      approval: { approvers: ['Ann', 'Bob'], message: 'Tests and docs are proposed. Shall it be released?' },
    },
    {
      name: 'review',
      mode: 'ask',
      task: 'Say what a reviewer should look at',
      depends_on: ['release', 'load'],
    },
  ];
  const { pipeline_id: pipeline } = await post('/api/pipelines', { name: 'release', steps });
  const { run_id: run } = await post(`/api/pipelines/${pipeline}/run`, { repo });
  return { pipeline, run };
}

async function pagesOf(scene: Scene, page: Page, jobs: ReadonlyMap<string, string>): Promise<void> {
  const show = async (path: string, there: string): Promise<void> => {
    await page.goto(scene.url + path);
    await page.getByText(there).first().waitFor();
    // Fonts and the first answers settle.
    await page.waitForTimeout(400);
  };
  const [proven, red, bent] = ['bad', 'stuck', 'tamper'].map((story) => `/job/${jobs.get(story)}`);
  await scene.ask('Measure slugify on a million titles\n\nBe slow', { user_id: 'ann' });
  await scene.ask('Give the badge a colour\n\nAsk me which', { user_id: 'ann' });
  await show('/', 'Asks you');
  await page.getByText('Which colour').waitFor();
  await picture(page, 'jobs');
  await show(`${red}`, 'New with this change');
  await picture(page, 'gate');
  await show(`${bent}`, 'The change touches its own judge');
  await picture(page, 'tamper');
  await show(`${proven}`, 'everything passes');
  await picture(page, 'job');
  await show(`${proven}?tab=changes`, '3 files');
  await picture(page, 'changes');
  for (const key of ['n', 'n', 'j', 'J', 'c']) await page.keyboard.press(key);
  await page.keyboard.type('Say what it is for.');
  await page.keyboard.press('Control+Enter');
  await page.getByRole('button', { name: 'Side by side' }).click();
  await page.getByText('Say what it is for.').first().scrollIntoViewIfNeeded();
  await page.mouse.wheel(0, -60);
  await page.waitForTimeout(400);
  await picture(page, 'split');
  await page.getByRole('button', { name: 'Side by side' }).click();
  await show(`${proven}?tab=log`, 'Complete');
  await picture(page, 'log');
  await show(`${proven}?tab=activity`, 'Gate run 2');
  await picture(page, 'activity');
  const { pipeline, run } = await runOf(scene, scene.repo);
  await show(`/pipeline/${pipeline}`, 'change, asks');
  await picture(page, 'pipeline');
  // The whole graph below its question.
  await page.setViewportSize({ ...SIZE, height: 900 });
  await show(`/run/${run}`, 'Shall it be released?');
  await picture(page, 'run');
  await page.setViewportSize(SIZE);
  await show('/new', 'Try the demo');
  await page.getByRole('button', { name: 'Try the demo' }).click();
  await page.waitForTimeout(400);
  await picture(page, 'new');
  await show('/cost?by=agent', 'simulated:bad');
  await picture(page, 'cost');
  await show('/cost', 'By day');
  await picture(page, 'days');
  await show('/audit', '127.0.0.1');
  await picture(page, 'audit');
  await show('/keys', 'Take back');
  await picture(page, 'keys');
  await show('/doctor', 'Works');
  await picture(page, 'doctor');
  await page.setViewportSize(NARROW);
  await show(`${proven}`, 'everything passes');
  await picture(page, 'narrow');
}

mkdirSync(FOLDER, { recursive: true });
// The same paths each time, so that pictures differ where pages do.
const scene = await openScene({}, join(tmpdir(), 'agent-runner'));
try {
  const jobs = await jobsOf(scene);
  const { page, troubles } = await scene.visit({ viewport: SIZE });
  await pagesOf(scene, page, jobs);
  if (troubles.length > 0) throw new Error(troubles.join('\n'));
} finally {
  await scene.close();
}
