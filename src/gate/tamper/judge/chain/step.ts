/** The parts of a gate's chain: what refers to something, and what is referred to. */
import type { ShellCommand } from '../shell/fates.ts';

/** Who runs what is referred to. */
export const TOOLS = [
  'file',
  'script',
  'make',
  'just',
  'composer',
  'python-task',
  'toml-alias',
  'deno',
] as const;

/** Something that a command names: a script of a package, a target, a file. */
export interface Reference {
  readonly tool: (typeof TOOLS)[number];
  /** Directory that it is looked up in; `''` for the root. */
  readonly directory: string;
  /** Name of the script, target or task; of a `file`, its path. */
  readonly name: string;
  /** A file that the caller names instead of the usual one, as `make -f x` does. */
  readonly file: string | null;
  /** How a `file` is used: run by a shell, run by something else, or read as settings. */
  readonly use: 'shell' | 'strict-shell' | 'program' | 'settings';
}

/** A line of a file as it stands there. */
export interface Line {
  readonly line: number;
  readonly text: string;
}

/** What a reference stands for on one side. */
export interface Step {
  readonly file: string;
  /** For people: `the script "test"`. */
  readonly what: string;
  /** The lines that define it, in order; a person is shown one of them. */
  readonly lines: readonly Line[];
  /** Equal on both sides: nothing has changed that matters. */
  readonly signature: string;
  /** The commands it runs, with the lines of its file; empty when it is no shell text. */
  readonly commands: readonly ShellCommand[];
  /** Text of a programme that is run, `null` for anything else. */
  readonly program: string | null;
  /** References that are no commands: prerequisites, imports, settings. */
  readonly references: readonly Reference[];
}

/** A reference with the usual values. */
export function reference(
  tool: Reference['tool'],
  directory: string,
  name: string,
  more: Partial<Pick<Reference, 'file' | 'use'>> = {},
): Reference {
  return { tool, directory, name, file: null, use: 'shell', ...more };
}

/** Equal for references to the same thing, however it is started. */
export function keyOf({ tool, directory, name, file }: Reference): string {
  return JSON.stringify([tool, tool === 'file' ? '' : directory, name, file]);
}

/** A path below a directory. */
export function below(directory: string, path: string): string {
  return directory === '' ? path : `${directory}/${path}`;
}

/** A text without differences that mean nothing: runs of white space are one. */
export function squeezed(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
