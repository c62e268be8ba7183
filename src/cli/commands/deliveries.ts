/** `deliveries`: the callbacks of a job, every try at them, and with `--redeliver` another one. */
import type { Delivery } from '../../job/delivery/delivery.ts';
import { EXIT_CODES } from '../../job/status.ts';
import { printJson, type CliCommand, type Io } from '../command.ts';
import { defineReachCommand } from '../reach.ts';
import { cleanLine } from '../text.ts';

function print(io: Io, delivery: Delivery): void {
  const { delivery_id: id, status, url, due_at: due, tries } = delivery;
  const next = due === null ? '' : `, next try at ${due}`;
  io.out(`${id}  ${status}${next}  ${cleanLine(url)}\n`);
  for (const one of tries) {
    const said = one.error ?? `HTTP ${one.http_status ?? ''}`;
    io.out(`  ${one.number}. ${one.started_at}  ${cleanLine(said)} (${one.duration_ms} ms)\n`);
  }
}

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      const again = options['redeliver'] === true;
      const found = await (again ? client.redeliver(jobId) : client.deliveries(jobId));
      if (options.json === true) printJson(io, { deliveries: found });
      else for (const delivery of found) print(io, delivery);
      if (found.length === 0) io.err('no deliveries: the job named no callback, or it has not ended\n');
      const isFailed = again && found.some((delivery) => delivery.status !== 'delivered');
      return isFailed ? EXIT_CODES.unavailable : 0;
    }).option('--redeliver', 'send them again now, and then by the schedule until they arrive');
  },
  examples: ['deliveries job-0123456789ab', 'deliveries job-0123456789ab --redeliver --json'],
};
