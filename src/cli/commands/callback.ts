/** `callback`: sends one signed callback by itself, from any CI. */
import { EXIT_CODES } from '../../job/status.ts';
import { sendCallback } from '../../runner/callbacks/callback.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';

interface Options {
  readonly url: string;
  readonly jobId: string;
  readonly status: string;
  readonly outcome?: string;
  readonly prUrl?: string;
  readonly error?: string;
  readonly json?: boolean;
}

async function callback(io: Io, options: Options): Promise<number> {
  const { url, jobId, status, outcome, prUrl, error } = options;
  const { webhooks } = await io.resolve({});
  // An empty value is what a CI's unset variable leaves.
  const input = { url, jobId, status, outcome: outcome || null, prUrl: prUrl || null, error: error || null };
  const sent = await sendCallback(webhooks, input, io.signal);
  if (options.json === true) printJson(io, sent);
  else if (sent.delivered) io.out(`delivered ${sent.delivery_id} (HTTP ${sent.http_status ?? ''})\n`);
  if (!sent.delivered)
    io.err(`agent-runner: not delivered after ${sent.tries} tries: ${sent.error ?? 'unknown'}\n`);
  return sent.delivered ? 0 : EXIT_CODES.unavailable;
}

export const command: CliCommand = {
  define(program, io) {
    program
      .requiredOption('--url <url>', 'where to')
      .requiredOption('--job-id <id>', 'the job it tells of')
      .requiredOption('--status <status>', 'completed, failed or cancelled')
      .option('--outcome <outcome>', 'how it ended, as results name it: pr_opened, gate_failed, …')
      .option('--pr-url <url>', 'pull request that came of it')
      .option('--error <text>', 'why it failed')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => callback(io, options)));
  },
  examples: [
    'callback --url https://ci.example.org/hook --job-id job-0123456789ab --status completed --pr-url https://example.org/pr/1',
    'callback --url https://ci.example.org/hook --job-id job-0123456789ab --status failed --error "tests are red" --json',
  ],
};
