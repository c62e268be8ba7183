/** What a tool of the built-in agent is: a name and a schema for the model, and a command in the sandbox. */
import type { ZodType } from 'zod';
import type { BuiltinTool } from '../../../job/agents/declared.ts';
import type { ExecOptions, ExecResult } from '../../../sandbox/sandbox.ts';

/** A change of one file, as the events show it. */
export interface FileDiff {
  readonly path: string;
  /** `null` where the file is new, or no text. */
  readonly oldText: string | null;
  readonly newText: string;
}

/** What a tool answers the model. */
export interface ToolAnswer {
  readonly text: string;
  readonly isError: boolean;
  readonly diff?: FileDiff;
}

/** What tools act with: commands in the sandbox, and nothing else. */
export interface Toolbox {
  /** Where the workspace appears to commands. */
  readonly workspacePath: string;
  /**
   * Runs a command in the workspace. Stopped with the turn.
   *
   * @throws Cancelled
   */
  exec(
    argv: readonly [string, ...string[]],
    options: Pick<ExecOptions, 'stdin' | 'timeoutMs' | 'maxBytes' | 'env' | 'signal' | 'onOutput'> & {
      /** Whether what it prints goes to the agent's log. */
      readonly logs?: boolean;
    },
  ): Promise<ExecResult>;
}

/** A tool, its input not yet looked at. */
export interface Tool {
  readonly name: BuiltinTool;
  /** As the Agent Client Protocol calls what it does. */
  readonly kind: 'read' | 'edit' | 'search' | 'execute';
  readonly description: string;
  readonly schema: ZodType;
  /** One line for people; the input has been checked. */
  title(input: unknown): string;
  /** The file it is about, where it is about one. */
  path(input: unknown): string | null;
  run(input: unknown, box: Toolbox): Promise<ToolAnswer>;
}

/** Makes a tool of functions that know their input. */
export function makeTool<T>(parts: {
  readonly name: BuiltinTool;
  readonly kind: Tool['kind'];
  readonly description: string;
  readonly schema: ZodType<T>;
  readonly title: (input: T) => string;
  readonly path?: (input: T) => string | null;
  readonly run: (input: T, box: Toolbox) => Promise<ToolAnswer>;
}): Tool {
  const { name, kind, description, schema } = parts;
  return {
    name,
    kind,
    description,
    schema,
    title: (input) => parts.title(schema.parse(input)),
    path: (input) => parts.path?.(schema.parse(input)) ?? null,
    run: (input, box) => parts.run(schema.parse(input), box),
  };
}

/** An answer that went well. */
export function answer(text: string, diff?: FileDiff): ToolAnswer {
  return { text, isError: false, ...(diff === undefined ? {} : { diff }) };
}

/** An answer that tells the model what went wrong. */
export function failure(text: string): ToolAnswer {
  return { text, isError: true };
}
