/** Pipelines in the dashboard: from the first text to the proposal of a run, its questions answered on the way. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aside, faultsInThemes, faultsOf } from './faults.ts';
import { label, openScene, works, type Scene, type Visit } from './scene.ts';

/** How long something may take that was asked for. */
const SOON = { timeout: 20_000 };
const TEXT = `name: release
steps:
  - name: lint
    task: Mend what the linter finds.
  - name: notes
    task: Write the notes.
    depends_on: [lnt]
    approval: { message: 'Shall notes be written? {{steps.lint.output.summary}}' }
  - name: tell
    mode: ask
    task: Say what to look at.
    depends_on: [notes]
`;
const HOSTILE = '<img src=x onerror="document.title=1"> \u202edesrever';
const LARGE_STEPS = 300;

describe.skipIf(!works)(label, () => {
  let scene: Scene;
  let ann: Visit;
  beforeAll(async () => {
    scene = await openScene();
    ann = await scene.visit();
  });
  afterAll(async () => {
    await scene.close();
  });

  /** The step in the graph. */
  function node(page: Page, name: string) {
    return page.locator(`[data-step="${name}"]`);
  }

  /** What the keyboard is at. */
  function at(page: Page): Promise<string | null> {
    return page.evaluate(
      "document.activeElement.getAttribute('data-step') ?? document.activeElement.getAttribute('aria-label')",
    );
  }

  /** Asks over HTTP. */
  async function post(path: string, body: object): Promise<{ run_id: string; pipeline_id: string }> {
    const response = await fetch(scene.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${scene.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { run_id: string; pipeline_id: string };
    if (!response.ok) throw new Error(JSON.stringify(answer));
    return answer;
  }

  test('one is written, its mistake is shown at its line, and it is kept', async () => {
    const { page } = ann;
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.getByRole('link', { name: 'Make the first one' }).click();
    const text = page.getByRole('textbox', { name: 'The pipeline as text' });
    await text.fill(TEXT);
    await page.keyboard.press('Control+Enter');
    const mistakes = page.getByRole('alert', { name: 'Mistakes' });
    await mistakes.getByText('there is no step "lnt"; did you mean lint?').waitFor();
    expect(await page.locator('.text-line.wrong').innerText()).toBe('! 7');
    await mistakes.getByRole('button', { name: 'Line 7, column 18' }).click();
    await page.keyboard.type('i');
    // One letter was missing, and the caret stood before the word.
    expect(await text.inputValue()).toBe(TEXT.replace('[lnt]', '[ilnt]'));
    expect(await faultsOf(page)).toEqual([]);
    await text.fill(TEXT.replace('lnt', 'lint'));
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('heading', { name: 'release', exact: true }).waitFor();
    await node(page, 'notes').getByText('change, asks').waitFor();
    await page.getByText('As text (YAML)').click();
    await page.getByLabel('The pipeline as text').getByText('Shall notes be written?').waitFor();
  });

  test('it is run, watched, approved by the keyboard alone, and read to its gate and the job of a step', async () => {
    const { page, troubles } = ann;
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await page.getByLabel('Repository').fill(scene.repo);
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.waitForURL(/\/run\/run-/);
    await node(page, 'tell').getByText('Waiting').waitFor();
    // The page says it by itself as it happens.
    await node(page, 'lint').getByText('Proposed').waitFor();
    await node(page, 'notes').getByText('Asks you').waitFor();
    await page.locator('.question').getByText('Shall notes be written? Worked in.').waitFor();
    for (let tabs = 0; tabs < 60 && (await at(page)) !== 'lint'; tabs++) await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => at(page), SOON).toBe('notes');
    await page.keyboard.press('Enter');
    await expect.poll(() => at(page), SOON).toBe('Approve notes');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('Go on');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await node(page, 'tell').getByText('Answered').waitFor();
    await page.locator('.answers').getByText('Green').waitFor();
    await page.locator('.answers').getByText('The change is there as a branch and a patch').waitFor();
    await page.keyboard.press('2');
    await page.getByRole('heading', { name: 'Gate: everything passes' }).waitFor();
    await page.keyboard.press('1');
    await node(page, 'notes').focus();
    await page.getByText('approved by Ann: “Go on”').waitFor();
    const run = new URL(page.url()).pathname;
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Write the notes.' }).waitFor();
    await page.getByRole('link', { name: /^Step notes of run-/ }).click();
    await node(page, 'notes').waitFor();
    expect(new URL(page.url()).pathname).toBe(run);
    // A run is a job, and its job is this page.
    await page.goto(scene.url + run.replace('/run/run-', '/job/job-'));
    await page.waitForURL(scene.url + run);
    expect(troubles).toEqual([]);
  });

  test('another is found where runs ask, rejected, run once more, and cancelled', async () => {
    const { page } = ann;
    await page.goto(`${scene.url}/run?status=needs_input`);
    await page.getByText('No run fits this').waitFor();
    await post('/api/pipelines/release/run', { repo: scene.repo });
    await page.getByRole('link', { name: 'release', exact: true }).click();
    await page.getByLabel('A note (optional)').fill('Not on a Friday');
    await page.getByRole('button', { name: 'Reject notes' }).click();
    await node(page, 'tell').getByText('Skipped').waitFor();
    await page.locator('.answers').getByText('Refused', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Table' }).click();
    await page.getByRole('row', { name: /^notes .*rejected by Ann: “Not on a Friday”/ }).waitFor();
    const before = page.url();
    await page.getByRole('button', { name: 'Retry what failed' }).click();
    await expect.poll(() => page.url(), SOON).not.toBe(before);
    await page.getByRole('button', { name: 'Approve notes' }).waitFor();
    await node(page, 'lint').focus();
    await page.getByText(/done in run-[0-9a-f]+ already/).waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.locator('.answers').getByText('Somebody stopped it').waitFor();
    await page.getByRole('link', { name: 'The run before' }).waitFor();
  });

  test('every page is for everybody, in both themes and on a telephone; hostile text is text', async () => {
    const { page, troubles } = ann;
    const steps = [
      { name: 'bad', task: `Be hostile\n${HOSTILE}`, on_failure: 'continue', outputs: { n: 'integer' } },
      { name: 'left', task: HOSTILE, depends_on: ['bad'] },
      { name: 'mine', task: 'x', approval: { message: `${HOSTILE}?` } },
      { name: 'theirs', task: 'x', approval: { approvers: ['<b>Bob'], message: 'May it?' } },
    ];
    const { pipeline_id: id } = await post('/api/pipelines', { name: '<i>hostile', steps });
    const { run_id: runId } = await post(`/api/pipelines/${id}/run`, { repo: scene.repo });
    await page.goto(`${scene.url}/run/${runId}`);
    await node(page, 'left').getByText('Skipped').waitFor();
    await page.getByText('<b>Bob may answer; you are Ann.').waitFor();
    expect(await page.getByRole('button', { name: /^Approve/ }).count()).toBe(1);
    await page.getByText('<img src=x onerror="document.title=1"> ⟨202E⟩desrever?').first().waitFor();
    expect(await page.title()).toBe('<i>hostile · agent-runner');
    const paths = [
      ['/pipeline', 'release'],
      [`/pipeline/${id}`, 'asks'],
      [`/pipeline/${id}?view=table`, '⟨202E⟩desrever'],
      [`/pipeline/${id}/change`, 'Keep it'],
      ['/run', '<i>hostile'],
      [`/run/${runId}?view=graph`, 'Skipped'],
      [`/run/${runId}?view=table`, 'output "n" was not given'],
      [`/run/${runId}?tab=log`, 'step left: skipped'],
    ] as const;
    const faults: Record<string, Awaited<ReturnType<typeof faultsInThemes>>> = {};
    const wide: string[] = [];
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const [path, there] of paths) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(scene.url + path);
      await page.getByText(there).first().waitFor();
      const found = await faultsInThemes(page);
      if (Object.keys(found).length > 0) faults[path] = found;
      await page.setViewportSize({ width: 360, height: 740 });
      if ((await aside(page)) > 0) wide.push(path);
    }
    expect([faults, wide, troubles]).toEqual([{}, [], []]);
    expect(await page.locator('main img').count()).toBe(0);
    await page.setViewportSize({ width: 1280, height: 900 });
  }, 120_000);

  test(`${LARGE_STEPS} steps are a table first, and a graph of which only what is seen is drawn; it is deleted`, async () => {
    const { page } = ann;
    const steps = Array.from({ length: LARGE_STEPS }, (_, number) => ({
      name: `step-${number}`,
      task: 'Work it in',
      ...(number < 10 ? {} : { depends_on: [`step-${number - 10}`] }),
    }));
    const { pipeline_id: id } = await post('/api/pipelines', { name: 'large', steps });
    await page.goto(`${scene.url}/pipeline/${id}`);
    await page.getByRole('row', { name: /^step-0 / }).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(80);
    await page.getByRole('button', { name: 'Graph' }).click();
    await node(page, 'step-0').focus();
    expect(await page.locator('[data-step]').count()).toBeLessThan(120);
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => at(page), SOON).toBe('step-10');
    await page.keyboard.press('End');
    await expect.poll(() => at(page), SOON).toBe(`step-${LARGE_STEPS - 1}`);
    expect(await page.locator('[data-step]').count()).toBeLessThan(120);
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Delete it' }).click();
    await page.getByText('large is deleted').waitFor();
    await page.getByRole('link', { name: 'release', exact: true }).waitFor();
    expect(await page.getByRole('link', { name: 'large', exact: true }).count()).toBe(0);
  });
});
