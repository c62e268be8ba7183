/** `init`: shows what is found in a repository and why, and writes it down as `.agent-runner.yml`. */
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { stringify } from 'yaml';
import { JobError } from '../../job/error.ts';
import { configSchema, type Inspection } from '../../runner/look/inspect.ts';
import { isDenied } from '../../runner/open.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { cleanLine } from '../text.ts';

interface Options extends ReadOptions {
  readonly repo: string;
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly print?: boolean;
  readonly schema?: boolean;
}

const FILE = '.agent-runner.yml';

/** The file's text: what was found, as configuration that can be edited. */
function render(found: Inspection): string {
  const checks = found.checks.map(({ name, kind, command: run, timeout_s }) => ({
    name,
    kind,
    command: run,
    timeout_s,
  }));
  const content = { ...(found.setup.length > 0 ? { setup: found.setup } : {}), gate: { checks } };
  const head = [
    '# What judges a change to this repository. The runner reads this file from the base commit, so that a',
    '# change can never weaken its own judge.',
  ];
  return `${head.join('\n')}\n${stringify(content)}`;
}

function explain(found: Inspection, io: Io): void {
  io.err(`${found.root} at ${found.base}\n`);
  for (const one of found.findings)
    io.err(`  ${one.check ?? '-'}: ${cleanLine(one.what)} — ${cleanLine(one.why)}\n`);
  if (found.setup_why !== null) io.err(`  setup: ${cleanLine(found.setup_why)}\n`);
  if (found.checks.length === 0)
    io.err('  no checks were found: name them in the file, or every change stays unverified\n');
}

async function confirm(io: Io, question: string): Promise<boolean> {
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^(y|yes|)$/i.test((await ask.question(`${question} [Y/n] `, { signal: io.signal })).trim());
  } finally {
    ask.close();
  }
}

async function init(io: Io, options: Options): Promise<number> {
  if (options.schema === true) {
    printJson(io, configSchema());
    return 0;
  }
  return withRunner(io, options, async (runner) => {
    const found = await runner.inspect(options.repo);
    const text = render(found);
    if (options.json === true) {
      printJson(io, { ...found, file: text });
      return 0;
    }
    explain(found, io);
    if (options.print === true || !found.is_checkout) {
      io.out(text);
      return 0;
    }
    const path = join(found.root, FILE);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there && options.force !== true) {
      throw new JobError('conflict', `init: ${path} exists`, { hint: 'edit it, or replace it with --force' });
    }
    // Where nobody can be asked, a file in somebody's repository needs a word: --yes.
    if (options.yes !== true && !io.canAsk) {
      io.out(text);
      io.err(`nothing was written, because nobody can be asked here: --yes writes ${path}\n`);
      return 0;
    }
    io.err(`\n${text}\n`);
    if (options.yes !== true && !(await confirm(io, `write ${path}?`))) {
      io.err('nothing was written\n');
      return 0;
    }
    await writeFile(path, text).catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new JobError(
        isDenied(error) ? 'no_permission' : 'conflict',
        `init: ${path} can't be written: ${why}`,
        { hint: '--print shows what belongs into it' },
      );
    });
    io.out(`${path}\n`);
    io.err('written; commit it: the runner reads it from the base commit\n');
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .option('--repo <path>', 'repository', '.')
      .option('-y, --yes', 'write without asking')
      .option('--force', 'replace an existing file')
      .option('--print', 'print the file and write nothing; so does a run without a terminal or --yes')
      .option('--schema', 'print the JSON Schema of the file')
      .option('--json', 'print what was found as JSON, write nothing')
      .action(action(io, (options: Options) => init(io, options)));
  },
  examples: ['init', 'init --repo ../service --print'],
};
