/** `status`: where a job stands. */
import { PHASES, type Phase } from '../../job/step.ts';
import { asCalled, printJson, type CliCommand } from '../command.ts';
import { defineJobCommand } from '../reading.ts';
import { cleanLine } from '../text.ts';

/** The phase a step belongs to: it has its name, waits for a person and the last save apart. */
function phaseOf(key: string): Phase | null {
  const name = key.replace(/-\d+$/, '');
  if (name === 'message') return null;
  return name === 'save' ? 'notify' : (PHASES.find((phase) => phase === name) ?? null);
}

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      const steps = (await runner.store.readSteps(job.job_id)).map((step) => ({
        key: step.key,
        done: step.result !== null,
        tries: step.tries,
      }));
      const phase = phaseOf(steps.at(-1)?.key ?? '');
      const iterations = steps.filter((step) => phaseOf(step.key) === 'build').length;
      const { job_id, status, outcome, attempt, question, created_at, started_at, finished_at } = job;
      if (options.json === true) {
        const { repo, task } = job.request;
        printJson(io, {
          job_id,
          status,
          outcome,
          repo,
          task,
          branch: job.result?.branch ?? null,
          wip_ref: job.result?.wip_ref ?? null,
          phase,
          iterations,
          turns: job.result?.turns ?? null,
          debug_mode: job.result?.debug_mode ?? null,
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
        ['repository', cleanLine(job.request.repo)],
        ['task', cleanLine(job.request.task).slice(0, 200)],
        ['phase', outcome === null ? (phase ?? '') : ''],
        ['steps', steps.map((step) => `${step.key}${step.done ? '' : '…'}`).join(', ')],
        ['created', created_at],
        ['finished', finished_at ?? ''],
        ['question', cleanLine(question ?? '')],
      ];
      if (status === 'needs_input') {
        const answer = `agent-runner message ${job_id} "<answer>" && agent-runner run --resume ${job_id}`;
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
  examples: ['status job-0123456789ab', 'status job-0123456789ab --json'],
};
