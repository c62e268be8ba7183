/** Pipelines and runs over HTTP: what is kept, what is refused and where, who starts and who approves. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AgentRunner } from '../../src/index.ts';
import { createRemoteClient } from '../../src/client/remote.ts';
import { openedServer, type OpenedServer } from './opened.ts';

const REPO = 'https://git.example.org/shop.git';
const YAML =
  'name: checks\nsteps:\n  - name: lint\n    task: Mend it\n  - name: test\n    task: Test it\n    depends_on: [lint]\n';

let opened: OpenedServer;
beforeAll(async () => {
  opened = await openedServer();
});
afterAll(async () => {
  await opened.close();
});

interface Body {
  readonly pipeline_id: string;
  readonly updated_at: string;
  readonly run_id: string;
  readonly job_id: string;
  readonly detail: string;
  readonly status: string;
  readonly errors: readonly object[];
  readonly runs: readonly { readonly run_id: string }[];
  readonly pipelines: readonly object[];
  readonly next_cursor: string | null;
}

async function read(response: Promise<Response>): Promise<{ readonly status: number; readonly body: Body }> {
  const answer = await response;
  return { status: answer.status, body: (await answer.json()) as Body };
}

function yaml(path: string, text: string): ReturnType<typeof read> {
  return read(opened.post(path, text, 'submit', { 'content-type': 'application/yaml' }));
}

describe('a pipeline', () => {
  it('is kept, listed, shown by id and name, replaced where that is wanted, and deleted', async () => {
    const made = await yaml('/api/pipelines', YAML);
    const { pipeline_id: id } = made.body;
    expect(made).toMatchObject({
      status: 201,
      body: { created_by: 'submit', definition: { name: 'checks' } },
    });
    expect((await yaml('/api/pipelines', YAML)).status).toBe(409);
    const again = await yaml('/api/pipelines?replace=true', YAML.replace('Mend it', 'Mend all'));
    expect(again).toMatchObject({ status: 201, body: { pipeline_id: id } });
    for (const named of [id, 'checks'])
      expect(await read(opened.ask(`/api/pipelines/${named}`))).toMatchObject({
        body: { pipeline_id: id, definition: { steps: [{ task: 'Mend all' }, { depends_on: ['lint'] }] } },
      });
    expect((await read(opened.ask('/api/pipelines'))).body.pipelines).toHaveLength(1);
    expect((await opened.ask('/api/pipelines/checks', { method: 'DELETE', as: 'read' })).status).toBe(403);
    expect((await opened.ask('/api/pipelines/checks', { method: 'DELETE', as: 'submit' })).status).toBe(200);
    expect((await opened.ask('/api/pipelines/checks')).status).toBe(404);
  });

  it('that somebody changed meanwhile, or that is another one, is not replaced by who did not read it', async () => {
    const mine = await yaml('/api/pipelines', YAML);
    const other = await yaml('/api/pipelines', YAML.replace('name: checks', 'name: others'));
    const at = encodeURIComponent(mine.body.updated_at);
    const path = `/api/pipelines?replace=true&read_at=${at}`;
    // Its name is changed to that of another one.
    expect((await yaml(path, YAML.replace('name: checks', 'name: others'))).status).toBe(409);
    expect((await read(opened.ask('/api/pipelines/others'))).body).toEqual(other.body);
    expect((await yaml(path, YAML.replace('Mend it', 'Mend all'))).status).toBe(201);
    expect((await yaml(path, YAML.replace('Mend it', 'Mend none'))).status).toBe(409);
    expect((await yaml('/api/pipelines?replace=true', YAML)).status).toBe(201);
    for (const name of ['checks', 'others'])
      await opened.ask(`/api/pipelines/${name}`, { method: 'DELETE', as: 'submit' });
  });

  it('that names a policy or approvers is replaced and deleted by who kept it, or an administrator', async () => {
    const asks = { name: 'guarded', steps: [{ name: 'a', task: 'x', approval: ['ann'] }] };
    const none = { name: 'guarded', steps: [{ name: 'a', task: 'x' }] };
    const keep = async (body: object, as: 'submit' | 'admin'): Promise<number> =>
      (await opened.post('/api/pipelines?replace=true', body, as)).status;
    const remove = async (path: string, as: 'submit' | 'admin'): Promise<number> =>
      (await opened.ask(`${path}/guarded`, { method: 'DELETE', as })).status;
    for (const guarded of [asks, { ...none, policy: { on_red: 'block' } }]) {
      expect(await keep(guarded, 'admin')).toBe(201);
      expect(await keep(none, 'submit')).toBe(403);
      for (const path of ['/api/pipelines', '/pipelines']) expect(await remove(path, 'submit')).toBe(403);
      expect(await remove('/pipelines', 'admin')).toBe(200);
    }
    expect([await keep(asks, 'submit'), await keep(asks, 'submit')]).toEqual([201, 201]);
    expect(await remove('/pipelines', 'submit')).toBe(200);
    // One that names neither is everybody's.
    expect([await keep(none, 'admin'), await keep(none, 'submit')]).toEqual([201, 201]);
    expect(await remove('/api/pipelines', 'submit')).toBe(200);
  });

  it('is refused field by field, with line and column, as YAML and as JSON', async () => {
    const wrong = YAML.replace('[lint]', '[lnt]').replace('task: Mend it', 'task: 7');
    expect(await yaml('/api/pipelines', wrong)).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        detail: 'steps[0].task: 7 is no text; put it in quotes: "7"',
        errors: [
          { field: 'steps[0].task', line: 4, column: 11 },
          {
            field: 'steps[1].depends_on[0]',
            allowed: 'there is no step "lnt"; did you mean lint?',
            line: 7,
            column: 18,
          },
        ],
      },
    });
    const { body } = await read(opened.post('/api/pipelines', '{"name": "p",\n "stepz": []}'));
    expect(body.errors).toContainEqual(expect.objectContaining({ field: 'stepz', line: 2, column: 11 }));
    expect((await read(opened.post('/api/pipelines', YAML))).body.detail).toMatch(/no JSON/);
    expect((await yaml('/api/pipelines', 'a: [')).body.detail).toMatch(/must be YAML or JSON/);
    const other = await opened.post('/api/pipelines', YAML, 'submit', { 'content-type': 'text/plain' });
    expect([other.status, other.headers.get('accept')]).toEqual([415, 'application/json, application/yaml']);
    expect((await yaml('/api/pipelines', `# ${'x'.repeat(1024 * 1024)}\n${YAML}`)).status).toBe(413);
  });
});

describe('a run', () => {
  it('is started once under a key, found by either id, listed in pages, cancelled and retried', async () => {
    await yaml('/api/pipelines', YAML);
    const start = (key: string): ReturnType<typeof read> =>
      read(opened.post('/api/pipelines/checks/run', { repo: REPO }, 'submit', { 'idempotency-key': key }));
    const first = await start('one');
    const { run_id: runId, job_id: jobId } = first.body;
    expect(first).toMatchObject({ status: 201, body: { status: 'queued', pipeline: 'checks', repo: REPO } });
    expect((await start('one')).body.run_id).toBe(runId);
    const second = await start('two');
    expect(second.body.run_id).not.toBe(runId);
    for (const path of [`/api/runs/${runId}`, `/api/runs/${jobId}`])
      expect((await read(opened.ask(path))).body).toMatchObject({
        run_id: runId,
        steps: [{ name: 'lint' }, {}],
      });
    expect((await read(opened.ask(`/api/jobs/${runId}`))).body).toMatchObject({ job_id: jobId });
    const page = (await read(opened.ask('/api/pipelines/checks/runs?limit=1'))).body;
    expect(page).toMatchObject({ runs: [{ run_id: second.body.run_id }], next_cursor: second.body.run_id });
    const next = (await read(opened.ask(`/api/runs?limit=1&cursor=${page.next_cursor ?? ''}`))).body;
    expect(next).toMatchObject({ runs: [{ run_id: runId }], next_cursor: null });
    expect((await read(opened.post(`/api/runs/${runId}/retry`, undefined))).status).toBe(409);
    expect(await read(opened.post(`/api/runs/${runId}/cancel`, undefined))).toMatchObject({
      status: 202,
      body: { status: 'cancelled', outcome: 'cancelled' },
    });
    const ids = (await read(opened.ask('/api/runs'))).body.runs.map((run) => run.run_id);
    expect(ids).toEqual([second.body.run_id, runId]);
    for (const path of ['/api/runs', '/api/pipelines/checks/runs']) {
      const cancelled = (await read(opened.ask(`${path}?status=cancelled`))).body.runs;
      expect(cancelled.map((run) => run.run_id)).toEqual([runId]);
      expect((await opened.ask(`${path}?status=gone`)).status).toBe(400);
    }
  });

  it('comes with its definition, or is of a pipeline that is there; what it may ask for is as for jobs', async () => {
    const definition = { name: 'two', steps: [{ name: 'a', task: 'x' }] };
    const run = (body: object, as: 'submit' | 'admin' = 'submit'): ReturnType<typeof read> =>
      read(opened.post('/api/runs', { repo: REPO, ...body }, as));
    expect(await run({ pipeline: definition })).toMatchObject({ status: 201, body: { pipeline_id: null } });
    expect((await read(opened.ask('/api/pipelines/two'))).status).toBe(404);
    expect(await run({ pipeline: { ...definition, steps: [{ name: 'a' }] } })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'pipeline.steps[0].task' }] },
    });
    expect(
      await run({ pipeline: { name: 'p', steps: [{ name: 'a', task: 'x', depends_on: 'b' }] } }),
    ).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'pipeline.steps[0].depends_on[0]' }] },
    });
    expect((await run({ pipeline: definition, setup: 'true' })).status).toBe(403);
    expect((await run({ pipeline: definition, setup: 'true' }, 'admin')).status).toBe(201);
    expect((await run({ pipeline: definition, task: 'x' })).status).toBe(400);
    const here = await run({ pipeline: { ...definition, repo_url: '/etc' }, repo: undefined });
    expect(here).toMatchObject({ status: 403, body: { errors: [{ field: 'repo' }] } });
    const loose = { ...definition, policy: { on_tamper: 'allow' } };
    expect(await run({ pipeline: loose })).toMatchObject({
      status: 403,
      body: { errors: [{ field: 'policy' }] },
    });
    expect((await read(opened.post('/api/pipelines', loose))).status).toBe(403);
    expect((await run({ pipeline: loose }, 'admin')).status).toBe(201);
    const asked = (step: object): object => ({ name: 'p', steps: [{ name: 'a', task: 'x', ...step }] });
    expect(await run({ pipeline: asked({ agent: 'nobody' }) })).toMatchObject({
      status: 400,
      body: { errors: [{ field: 'pipeline.steps[0].agent' }] },
    });
    expect(await run({ pipeline: asked({ budget: { max_cost_usd: null } }) })).toMatchObject({
      status: 400,
      body: {
        errors: [{ field: 'pipeline.steps[0].budget.max_cost_usd', allowed: 'at most 5, as configured' }],
      },
    });
    expect((await run({ pipeline: definition, budget: { max_cost_usd: 6 } })).status).toBe(400);
    const nothing = await read(opened.post('/api/runs', { pipeline: definition }));
    expect(nothing.body.detail).toMatch(/^repo: neither the run nor the pipeline two names one/);
  });

  it('is answered by who may: the name of the key counts', async () => {
    const asking = { name: 'a', task: 'x', approval: { approvers: ['admin'] } };
    const { body } = await read(
      opened.post('/api/runs', { repo: REPO, pipeline: { name: 'asks', steps: [asking] } }),
    );
    const approve = (as: 'read' | 'submit' | 'admin', step = 'a'): ReturnType<typeof read> =>
      read(opened.post(`/api/runs/${body.run_id}/approve`, { step, approved: true }, as));
    expect((await approve('read')).status).toBe(403);
    expect(await approve('submit')).toMatchObject({ status: 403, body: { code: 'no_permission' } });
    expect((await approve('admin')).status).toBe(409);
    expect((await approve('admin', 'b')).status).toBe(404);
    const { entries } = (await (await opened.ask('/api/audit', { as: 'admin' })).json()) as {
      entries: readonly object[];
    };
    expect(entries[0]).toMatchObject({ action: 'approveRun', target: body.run_id, status: 404 });
  });
});

it('the short dialect shows the same in fewer fields', async () => {
  const made = await yaml('/pipelines', YAML.replace('checks', 'short'));
  expect(made).toMatchObject({ status: 200, body: { name: 'short', steps: [{ name: 'lint' }, {}] } });
  const { status, body } = await read(opened.post('/pipelines/short/run', { repo_url: REPO }));
  expect([status, body.status]).toEqual([200, 'queued']);
  const run = (await read(opened.ask(`/runs/${body.run_id}`))).body;
  expect(Object.keys(run)).toEqual(['run_id', 'pipeline_id', 'status', 'pr_url', 'error', 'steps']);
  expect(run).toMatchObject({
    steps: [{ name: 'lint', job_id: null, status: 'queued', outcome: null, output: {}, error: null }, {}],
  });
  expect((await read(opened.ask('/pipelines/short/runs'))).body.runs).toHaveLength(1);
  expect((await opened.ask('/pipelines/short', { method: 'DELETE', as: 'submit' })).status).toBe(200);
});

it('a program does the same by the library, at a server and embedded', async () => {
  const definition = { name: 'by-program', steps: [{ name: 'a', task: 'x' }] };
  await using remote = new AgentRunner({ url: opened.server.url, token: opened.keys.submit });
  const kept = await remote.pipelines.create(definition);
  const { run_id: runId } = await remote.pipelines.run('by-program', { upstreamRepo: REPO });
  expect((await remote.pipelines.listRuns({ pipeline: 'by-program' })).map((run) => run.run_id)).toEqual([
    runId,
  ]);
  expect(await remote.getJob(runId)).toMatchObject({ status: 'queued' });
  expect(await remote.cancelJob(runId)).toMatchObject({ status: 'cancelled' });
  expect(await remote.pipelines.getRun(runId)).toMatchObject({ status: 'cancelled' });
  expect(await remote.pipelines.remove('by-program')).toEqual(kept);
  const home = mkdtempSync(join(tmpdir(), 'agent-runner-library-'));
  try {
    await using embedded = new AgentRunner({ home, worker: false });
    const own = await embedded.pipelines.create(definition);
    expect(await embedded.pipelines.get('by-program')).toEqual(own);
    expect(await embedded.pipelines.list()).toEqual([own]);
    await expect(embedded.pipelines.run('by-program')).rejects.toMatchObject({ code: 'invalid_request' });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});

it('the client of a server does what one of a home does', async () => {
  const { pipelines } = createRemoteClient({ url: opened.server.url, token: opened.keys.submit });
  const definition = { name: 'by-client', steps: [{ name: 'a', task: 'x' }] };
  const kept = await pipelines.create(definition);
  await expect(pipelines.create(definition)).rejects.toMatchObject({ code: 'conflict' });
  expect(await pipelines.get('by-client')).toEqual(kept);
  const run = await pipelines.run('by-client', { repo: REPO }, 'once');
  expect(await pipelines.run('by-client', { repo: REPO }, 'once')).toEqual(run);
  expect((await pipelines.runs({ pipeline: 'by-client', limit: 500 })).map((one) => one.run_id)).toEqual([
    run.run_id,
  ]);
  expect(await pipelines.view(run.job_id)).toEqual(run);
  await expect(pipelines.approve(run.run_id, { step: 'a', approved: true })).rejects.toMatchObject({
    code: 'conflict',
  });
  await expect(pipelines.retry(run.run_id)).rejects.toMatchObject({ code: 'conflict' });
  expect(await pipelines.remove('by-client')).toEqual(kept);
});
