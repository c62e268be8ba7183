/** `status`: where a job stands. */
import { PHASES, type Phase } from '../../job/step.ts';
import { asCalled, printJson, type CliCommand } from '../command.ts';
import { isRunId } from '../../job/pipeline/run.ts';
import { isTerminal } from '../../job/status.ts';
import { defineReachCommand } from '../reach.ts';
import { cleanLine } from '../text.ts';

/** The phase a step belongs to: it has its name, waits for a person and the last save apart. */
function phaseOf(key: string): Phase | null {
  const name = key.replace(/-\d+$/, '');
  if (name === 'message') return null;
  return name === 'save' ? 'notify' : (PHASES.find((phase) => phase === name) ?? null);
}

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      if (isRunId(jobId)) {
        const { printRun } = await import('../pipeline/view.ts');
        printRun(await client.pipelines.view(jobId), io, {
          asJson: options.json === true,
          isLocal: client.url === null,
        });
        return 0;
      }
      const job = await client.job(jobId);
      const steps = await client.steps(jobId);
      const phase = phaseOf(steps.at(-1)?.key ?? '');
      const iterations = steps.filter((step) => phaseOf(step.key) === 'build').length;
      const { job_id, status, outcome, attempt, question, created_at, started_at, finished_at } = job;
      if (options.json === true) {
        const { repo, task } = job;
        const result = isTerminal(status) ? (await client.result(jobId)).result : null;
        printJson(io, {
          job_id,
          run_id: job.run_id,
          step: job.step,
          status,
          outcome,
          repo,
          task,
          branch: result?.branch ?? null,
          wip_ref: result?.wip_ref ?? null,
          phase,
          iterations,
          turns: result?.turns ?? null,
          debug_mode: result?.debug_mode ?? null,
          attempt,
          question,
          created_at,
          started_at,
          finished_at,
          steps,
        });
        return 0;
      }
      const rows: [string, string][] = [
        ['job', job_id],
        ['status', outcome === null ? status : `${status} (${outcome})`],
        ['step', job.step === null ? '' : `${cleanLine(job.step)} of ${job.run_id ?? ''}`],
        ['repository', cleanLine(job.repo)],
        ['task', cleanLine(job.task).slice(0, 200)],
        ['phase', outcome === null ? (phase ?? '') : ''],
        ['steps', steps.map((step) => `${step.key}${step.done ? '' : '…'}`).join(', ')],
        ['created', created_at],
        ['finished', finished_at ?? ''],
        ['question', cleanLine(question ?? '')],
      ];
      if (status === 'needs_input') {
        // A run is answered by name; how, it says itself.
        const answer =
          job.run_id !== null && job.step === null
            ? `agent-runner pipeline show ${job.run_id}`
            : `agent-runner message ${job_id} "<answer>" && agent-runner run --resume ${job_id}`;
        rows.push(['answer with', asCalled(io, answer)]);
      }
      io.out(
        rows
          .filter(([, value]) => value !== '')
          .map(([name, value]) => `${name.padEnd(12)} ${value}\n`)
          .join(''),
      );
      return 0;
    });
  },
  examples: ['status job-0123456789ab', 'status run-0123456789ab --json'],
};
