/** `logs`: a job's events, and with `-f` those to come. */
import type { JobClient } from '../../client/client.ts';
import { JobError } from '../../job/error.ts';
import type { JobEvent } from '../../job/job.ts';
import type { CliCommand, Io } from '../command.ts';
import { lineOf } from '../progress.ts';
import { defineReachCommand, type ReachOptions } from '../reach.ts';
import { cleanText } from '../text.ts';

const PAGE = 500;

function print(io: Io, event: JobEvent, asJson: boolean): void {
  if (asJson) {
    io.out(`${JSON.stringify(event)}\n`);
    return;
  }
  const { text, stream } = event.data;
  const line =
    event.type === 'log' && typeof text === 'string'
      ? cleanText(text).replace(/\n$/, '')
      : lineOf(event, io.colour);
  if (line !== null) io.out(`${event.time.slice(11, 19)} ${stream === 'stderr' ? '! ' : ''}${line}\n`);
}

async function logs(io: Io, client: JobClient, jobId: string, options: ReachOptions): Promise<number> {
  let after = Number(options['after']);
  if (!Number.isInteger(after) || after < 0)
    throw new JobError('usage', `after: ${JSON.stringify(options['after'])} is not the number of an event`);
  const read = (): Promise<readonly JobEvent[]> => client.events(jobId, after, PAGE);
  if (options['follow'] === true) {
    for await (const page of client.follow(jobId, { after, signal: io.signal }))
      for (const event of page) print(io, event, options.json ?? false);
    return 0;
  }
  for (let page = await read(); page.length > 0; page = await read()) {
    for (const event of page) print(io, event, options.json ?? false);
    after = page.at(-1)?.seq ?? after;
  }
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, (client, jobId, options) => logs(io, client, jobId, options))
      .option('-f, --follow', 'go on until the job has ended')
      .option('--after <seq>', 'only events after this number', '0');
  },
  examples: ['logs job-0123456789ab', 'logs -f job-0123456789ab', 'logs job-0123456789ab --json --after 20'],
};
