/**
 * An app on Hono that asks for jobs and hears how they ended.
 *
 *     WEBHOOK_SECRET=… node app.ts
 *
 * Jobs are run in this process, or, where AGENT_RUNNER_URL names a server (and AGENT_RUNNER_TOKEN its key), by that
 * server; WEBHOOK_SECRET is then the one that the server signs with.
 */
import { serve } from '@hono/node-server';
import { AgentRunner, JobError, verifyWebhook, type CallbackBody } from 'agent-runner';
import { Hono } from 'hono';

const { AGENT_RUNNER_URL: url, AGENT_RUNNER_TOKEN: token, PORT = '3000' } = process.env;
const { WEBHOOK_SECRET: webhookSecret = '', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env;

const runner = new AgentRunner({
  webhookSecret,
  ...(url === undefined ? {} : { url }),
  ...(url === undefined || token === undefined ? {} : { token }),
});
const app = new Hono();

app.post('/tasks', async (c) => {
  const { repo, task } = await c.req.json<{ repo: string; task: string }>();
  const job = await runner.submitJob({
    upstreamRepo: repo,
    prompt: task,
    callbackUrl: `${PUBLIC_URL}/hook`,
  });
  return c.json(job.toJSON(), 202);
});

app.get('/tasks/:id', async (c) => c.json((await runner.getJob(c.req.param('id'))).toJSON()));

app.post('/hook', async (c) => {
  // The signature is one of bytes, so the body is checked before anything parses it.
  const body = await c.req.text();
  if (!verifyWebhook(body, c.req.raw.headers, webhookSecret)) return c.text('not signed by us', 401);
  const { job_id: jobId, status, pr_url: prUrl, error } = JSON.parse(body) as CallbackBody;
  const job = await runner.updateJobFromCallback({ jobId, status, prUrl, error });
  console.log(`${job.jobId} ended: ${job.outcome}`);
  return c.body(null, 204);
});

app.onError((error, c) => {
  if (!(error instanceof JobError)) throw error;
  const status = error.code === 'not_found' ? 404 : error.blame === 'user' ? 400 : 503;
  return c.json({ error: error.message, hint: error.hint }, status);
});

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' }, ({ port }) =>
  console.log(`http://127.0.0.1:${port}`),
);
process.once('SIGTERM', () => {
  server.close();
  void runner.close();
});
