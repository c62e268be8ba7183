/** `issue-to-pr`: an issue, read from a file or a forge, implemented in the repository the person stands in. */
import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import { MAX_TASK_BYTES } from '../../job/request.ts';
import { demoTask } from '../../runner/demo.ts';
import { isIssueName } from '../../runner/forge/issue.ts';
import { issueInPlace, issuePlaced, issueTask } from '../../runner/in-place/place.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import {
  addInPlaceFlags,
  runInPlace,
  simulate,
  type Ask,
  type InPlaceOptions,
  type Simulation,
} from '../in-place/run.ts';

const SIMULATIONS: Readonly<Record<string, Simulation>> = {
  good: { agent: 'simulated:good', state: 'sound', maxGateRuns: null },
  bad: { agent: 'simulated:bad', state: 'sound', maxGateRuns: null },
};

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const piece = Buffer.from(chunk as Uint8Array);
    bytes += piece.length;
    if (bytes > MAX_TASK_BYTES) throw tooLong(bytes);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooLong(bytes: number): JobError {
  return new JobError('invalid_request', `issue: ${bytes} bytes are too many (at most ${MAX_TASK_BYTES})`, {
    hint: 'shorten it; long material belongs into a file of the repository',
  });
}

async function readIssueFile(path: string): Promise<string> {
  try {
    const info = await stat(path);
    if (!info.isFile())
      throw new JobError('invalid_request', `issue: ${path} is no file`, { hint: 'name a text file' });
    if (info.size > MAX_TASK_BYTES) throw tooLong(info.size);
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof JobError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError('invalid_request', `issue: ${path} can't be read: ${why}`, { hint: 'check the path' });
  }
}

/** The issue's text, and the file name that names its branch. */
async function readIssue(
  issue: string | undefined,
  cwd: string,
): Promise<{ text: string; name: string | null }> {
  if (issue === undefined) {
    throw new JobError('usage', 'issue: none is given', {
      hint: 'name a file: agent-runner issue-to-pr issue-12.md',
    });
  }
  if (issue === '-') return { text: await readStdin(), name: null };
  const path = resolve(cwd, issue);
  return { text: await readIssueFile(path), name: basename(path) };
}

async function issueToPr(io: Io, issue: string | undefined, options: InPlaceOptions): Promise<number> {
  const push = options.push ?? false;
  if (options.simulate !== undefined) {
    const ask: Ask = ({ folder }) => {
      const made = issueInPlace(`# ${demoTask}\n`, 'max-length.md', { push: false, folder });
      return Promise.resolve({ task: issueTask(made.issue), inPlace: made.inPlace });
    };
    return simulate(io, options, SIMULATIONS, ask);
  }
  if (options.resume === undefined && issue !== undefined && isIssueName(issue)) {
    return runInPlace(io, options, async ({ folder }, runner) => {
      const read = await runner.readIssue(issue);
      const { inPlace } = issuePlaced(read.issue, { push, folder });
      return { task: read.task, issue: read.name, inPlace };
    });
  }
  const { cwd } = (await io.resolve({})).host;
  const read = options.resume === undefined ? await readIssue(issue, cwd) : { text: '', name: null };
  return runInPlace(io, options, ({ folder }) => {
    if (!/[^\s\p{C}]/u.test(read.text)) {
      throw new JobError('invalid_request', 'issue: it is empty', { hint: 'write down what is wanted' });
    }
    const made = issueInPlace(read.text, read.name, { push, folder });
    return Promise.resolve({ task: issueTask(made.issue), inPlace: made.inPlace });
  });
}

export const command: CliCommand = {
  define(program, io) {
    addInPlaceFlags(program, 'good or bad')
      .argument('[issue]', 'a file, - for standard input, or an issue of the forge: its URL or owner/name#n')
      .action(
        action(io, (issue: string | undefined, options: InPlaceOptions) => issueToPr(io, issue, options)),
      );
  },
  examples: [
    'issue-to-pr docs/issues/quiet-flag.md',
    'issue-to-pr owner/name#12 --push',
    'issue-to-pr - --max-gate-runs 3',
    'issue-to-pr --simulate bad',
  ],
};
