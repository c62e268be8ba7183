/** Why a setup failed, read from what it printed, and whether a change of the code could mend it. Pure. */
import { missingNote, missingTool } from '../ending.ts';

/** What lies outside of the repository: a program that is not there, or a server that can't be reached. */
export type OutsideCause = 'missing_tool' | 'unreachable';

/** A failed setup, explained. */
export interface SetupTrouble {
  /** What failed and, where it is known, why; then the end of what was printed. */
  readonly message: string;
  /** `null` when the repository may be the cause. */
  readonly cause: OutsideCause | null;
}

/** Lines at the end of an output that are searched; npm and node-gyp print many after the one that says why. */
const SEARCHED_LINES = 200;
const MAX_LINE_CHARS = 1000;
// What installers print, besides what shells do, when a program does not exist; group 1 is the program.
const MISSING: readonly RegExp[] = [
  /^gyp ERR! stack Error: not found: (\S+)$/,
  /exec: "([^"\s]+)": executable file not found in \$PATH/,
  /^error: linker [`'‘]([^`'’\s]+)['’`] not found/,
  /^\s*error: command '([^'\s]+)' failed: No such file or directory/,
  /Cannot find command '([^'\s]+)' - do you have/,
  /\bspawn (\S+) ENOENT\b/,
];
const UNREACHABLE =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b|could(?:n't| not) resolve host|failure in name resolution|name or service not known|failed to establish a new connection|\bdial tcp\b|failed to connect to \S+ port|unknown host|network is unreachable/i;

function toolOf(lines: readonly string[]): string | null {
  for (const line of lines.toReversed()) {
    const tool =
      MISSING.map((pattern) => pattern.exec(line)?.[1]).find((name) => name !== undefined) ??
      missingTool(line);
    if (tool !== null) return tool;
  }
  return null;
}

/**
 * Explains a failed setup.
 *
 * @param headline which command failed and how it ended
 * @param tail the end of what it printed, for people
 * @param output all that is known of what it printed
 */
export function explainSetup(headline: string, tail: string, output: string): SetupTrouble {
  const lines = output
    .trimEnd()
    .split('\n')
    .slice(-SEARCHED_LINES)
    .map((line) =>
      line
        .slice(0, MAX_LINE_CHARS)
        .replace(/^npm (?:error|ERR!) /, '')
        .trimEnd(),
    );
  const tool = toolOf(lines);
  const isUnreachable = lines.some((line) => UNREACHABLE.test(line));
  const because =
    tool !== null ? `: ${missingNote(tool)}` : isUnreachable ? ': a server could not be reached' : '';
  return {
    message: `${headline}${because}\n${tail}`,
    cause: tool !== null ? 'missing_tool' : isUnreachable ? 'unreachable' : null,
  };
}
