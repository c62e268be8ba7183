/**
 * How a step of a CI tells what came of it: values for the steps after it, a summary for people, and an annotation
 * where it failed. Where to is said by flags, so that any CI can be told.
 */
import type { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { JobError, outcomeOf, toErrorInfo, type ErrorInfo } from '../../job/error.ts';
import { printJson, type Io } from '../command.ts';
import { cleanLine } from '../text.ts';

/** GitHub's limit for the summary of a step. */
const MAX_SUMMARY_BYTES = 1024 * 1024;
/** Longest error that is handed on, in characters. */
const MAX_ERROR_CHARS = 1000;

/** Where is told. */
export interface ToldOptions {
  readonly outputs?: string;
  readonly summary?: string;
  readonly json?: boolean;
}

/** What is told. */
export interface Told {
  /** For the steps that come after. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Markdown; foreign text in it is code, on one line. */
  readonly summary: string;
  readonly error: ErrorInfo | null;
  readonly exitCode: number;
}

/** Adds the flags of `ToldOptions` to a command, but for `--json`. */
export function addToldFlags(command: Command): Command {
  return command
    .option('--outputs <file>', 'append values for later steps to this file (GITHUB_OUTPUT)')
    .option('--summary <file>', 'append a summary in Markdown to this file (GITHUB_STEP_SUMMARY)');
}

/** Foreign text as code on one line of Markdown. */
export function codeSpan(text: string): string {
  return `\`${cleanLine(text).slice(0, MAX_ERROR_CHARS).replaceAll('`', "'").replaceAll('|', '¦')}\``;
}

/** An error as one line, with what to do about it. */
function errorLine({ code, message, hint }: ErrorInfo): string {
  const text = `${code}: ${message}${hint === null ? '' : ` (${hint})`}`;
  return cleanLine(text).slice(0, MAX_ERROR_CHARS).toWellFormed();
}

/** Values in the form of GitHub: a value that holds its own end can't be made, since nobody knows the word. */
function outputLines(outputs: Readonly<Record<string, string>>): string {
  const end = `end-${randomUUID()}`;
  return Object.entries(outputs)
    .map(([name, value]) => `${name}<<${end}\n${value}\n${end}\n`)
    .join('');
}

async function append(path: string | undefined, text: string): Promise<void> {
  if (path !== undefined && path !== '' && text !== '') await appendFile(path, text);
}

function cut(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_SUMMARY_BYTES) return text;
  const more = '\n\n…\n';
  return `${bytes
    .subarray(0, MAX_SUMMARY_BYTES - 100)
    .toString('utf8')
    .replace(/\ufffd+$/, '')}${more}`;
}

/** An annotation, which a CI that is not GitHub's shows as a line. */
function annotation(title: string, line: string): string {
  return `::error title=${title}::${line.replaceAll('%', '%25')}\n`;
}

/** Tells a CI what came of a step, where the flags say so. */
export async function tellCi(
  io: Io,
  options: ToldOptions,
  title: string,
  { outputs, summary, error }: Omit<Told, 'exitCode'>,
): Promise<void> {
  const line = error === null ? '' : errorLine(error);
  const ending = error === null ? {} : { error_outcome: outcomeOf(error.code) };
  await append(options.outputs, outputLines({ ...outputs, error: line, ...ending }));
  const failed = line === '' ? '' : `\n❌ ${codeSpan(line)}\n`;
  await append(options.summary, cut(`${summary}${failed}`));
  if (line !== '' && options.outputs) io.err(annotation(title, line));
}

/**
 * Does the work of a step and tells what came of it, also where it throws.
 *
 * @param title what the step is called
 * @returns the exit code
 */
export async function told(
  io: Io,
  options: ToldOptions,
  title: string,
  work: () => Promise<Told>,
): Promise<number> {
  try {
    const ended = await work();
    await tellCi(io, options, title, ended);
    if (options.json === true) printJson(io, { ...ended.outputs, error: ended.error });
    else for (const [name, value] of Object.entries(ended.outputs)) io.out(`${name}=${cleanLine(value)}\n`);
    if (ended.error !== null && !options.outputs) io.err(`agent-runner: ${errorLine(ended.error)}\n`);
    return ended.exitCode;
  } catch (error) {
    if (error instanceof JobError)
      await tellCi(io, options, title, { outputs: {}, summary: `## ${title}\n`, error: toErrorInfo(error) });
    throw error;
  }
}
