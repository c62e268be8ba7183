/** `pr`: what lies in the current checkout as one pull request, from any CI. */
import { proposeCheckout } from '../../runner/forge/alone/pr.ts';
import { openForge } from '../../runner/open.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { cleanLine } from '../text.ts';

interface Options {
  readonly fork: string;
  readonly upstream: string;
  readonly branch: string;
  readonly jobId: string;
  readonly title?: string;
  readonly bodyFile?: string;
  readonly base?: string;
  readonly draft?: boolean;
  readonly json?: boolean;
}

async function pr(io: Io, options: Options): Promise<number> {
  const config = await io.resolve({});
  const { fork, upstream, branch, jobId, title, bodyFile, base, draft } = options;
  const end = await proposeCheckout(
    openForge(config),
    {
      fork,
      upstream,
      branch,
      jobId,
      // An empty value is what a CI's unset variable leaves.
      title: title || null,
      bodyFile: bodyFile || null,
      base: base || null,
      draft: draft ?? false,
      cwd: config.host.cwd,
    },
    { signal: io.signal, onNotice: (notice) => io.err(`${cleanLine(notice)}\n`) },
  );
  for (const notice of end.notices) io.err(`${cleanLine(notice)}\n`);
  if (options.json === true) printJson(io, end);
  else io.out(end.pr_url === null ? 'nothing to propose\n' : `${end.pr_url}\n`);
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    program
      .requiredOption('--fork <owner/name>', 'where the branch is pushed; the upstream itself is allowed')
      .requiredOption('--upstream <owner/name>', 'where the pull request is opened')
      .requiredOption('--branch <branch>', 'its name')
      .requiredOption('--job-id <id>', 'stands in commit and body: a job has one pull request')
      .option('--title <text>', 'title of a new pull request, and of the commit')
      .option('--body-file <file>', 'text of the pull request')
      .option('--base <branch>', "branch it is for; upstream's default branch unless given")
      .option('--draft', 'as a draft')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => pr(io, options)));
  },
  examples: [
    'pr --fork bot/name --upstream owner/name --branch bot/job-1 --job-id job-1 --title "Add a --quiet flag"',
    'pr --fork owner/name --upstream owner/name --branch bot/job-1 --job-id job-1 --body-file body.md --draft --json',
  ],
};
