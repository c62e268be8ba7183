/**
 * An app on Express that asks for jobs and hears how they ended.
 *
 *     WEBHOOK_SECRET=… node app.ts
 *
 * Jobs are run in this process, or, where AGENT_RUNNER_URL names a server (and AGENT_RUNNER_TOKEN its key), by that
 * server; WEBHOOK_SECRET is then the one that the server signs with.
 */
import { AgentRunner, JobError, verifyWebhook, type CallbackBody } from 'agent-runner';
import express, { type ErrorRequestHandler } from 'express';

const { AGENT_RUNNER_URL: url, AGENT_RUNNER_TOKEN: token, PORT = '3000' } = process.env;
const { WEBHOOK_SECRET: webhookSecret = '', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env;

const runner = new AgentRunner({
  webhookSecret,
  ...(url === undefined ? {} : { url }),
  ...(url === undefined || token === undefined ? {} : { token }),
});
const app = express();

app.post('/tasks', express.json(), async (request, response) => {
  const { repo, task } = request.body as { repo: string; task: string };
  const job = await runner.submitJob({
    upstreamRepo: repo,
    prompt: task,
    callbackUrl: `${PUBLIC_URL}/hook`,
  });
  response.status(202).json(job);
});

app.get('/tasks/:id', async (request, response) => {
  response.json(await runner.getJob(request.params.id));
});

// The signature is one of bytes: `express.raw` keeps them, `express.json` would not.
app.post('/hook', express.raw({ type: () => true, limit: '1mb' }), async (request, response) => {
  const body = request.body as Buffer;
  if (!verifyWebhook(body, request.headers, webhookSecret)) {
    response.status(401).send('not signed by us');
    return;
  }
  const { job_id: jobId, status, pr_url: prUrl, error } = JSON.parse(body.toString()) as CallbackBody;
  const job = await runner.updateJobFromCallback({ jobId, status, prUrl, error });
  console.log(`${job.jobId} ended: ${job.outcome}`);
  response.status(204).end();
});

const onError: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (!(error instanceof JobError)) return next(error);
  const status = error.code === 'not_found' ? 404 : error.blame === 'user' ? 400 : 503;
  response.status(status).json({ error: error.message, hint: error.hint });
};
app.use(onError);

const server = app.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}`));
process.once('SIGTERM', () => {
  server.close();
  void runner.close();
});
