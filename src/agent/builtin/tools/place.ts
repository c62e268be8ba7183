/**
 * Paths that a model names. A path out of the workspace is refused twice: by its words here, and by where links lead
 * in the sandbox. The sandbox itself is what confines the shell; this keeps the file tools to the workspace on every
 * sandbox, the one without isolation too.
 */
import { posix } from 'node:path';
import type { ExecResult } from '../../../sandbox/sandbox.ts';
import { failure, type ToolAnswer, type Toolbox } from './tool.ts';

const MAX_PATH_CHARS = 4096;
/** Time for a command on one file. */
export const FILE_TIMEOUT_MS = 60_000;

/** Exit code of a script that refuses; its words are on stderr. */
const REFUSED = 93;

/**
 * A path below the workspace as commands there take it, `./` in front, so that it is never an option.
 *
 * @returns the path, or why it is refused
 */
export function placeOf(
  path: string,
  workspacePath: string,
): { readonly path: string } | { readonly why: string } {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
  if (path === '' || path.length > MAX_PATH_CHARS || /[\u0000-\u001f\u007f]/.test(path))
    return { why: 'path: it must be a path without control characters' };
  const from = path === workspacePath || path.startsWith(`${workspacePath}/`) ? workspacePath.length : 0;
  const inner = posix.normalize(from === 0 ? path : `.${path.slice(from)}`);
  if (posix.isAbsolute(inner) || inner === '..' || inner.startsWith('../'))
    return {
      why: `path: ${JSON.stringify(path.slice(0, 200))} is outside the workspace; paths are relative to it`,
    };
  return { path: inner === '.' ? '.' : `./${inner}` };
}

/**
 * Begins a script that works on the path `$1`: leaves with `REFUSED` where a link leads out of the workspace. What is
 * not there yet is judged by the nearest folder that is.
 */
const GUARD = `refuse() { printf '%s\\n' "$1" >&2; exit ${REFUSED}; }
root=$(pwd -P) || exit 1
near=$1
while [ ! -e "$near" ] && [ ! -L "$near" ]; do near=$(dirname -- "$near"); done
real=$(readlink -f -- "$near") || refuse 'it is a link that leads nowhere'
case "$real/" in "$root"/*) ;; *) refuse 'it is a link that leads out of the workspace';; esac
`;

/** What a script on a path said, or why it could not. */
export type Placed =
  | { readonly result: ExecResult; readonly path: string }
  | { readonly refused: ToolAnswer };

/**
 * Runs a script of ours on a path in the workspace; the path is `$1`, then come `args`.
 *
 * @param maxBytes of stdout and of stderr
 */
export async function onPath(
  box: Toolbox,
  path: string,
  script: string,
  options: {
    readonly args?: readonly string[];
    readonly stdin?: string;
    readonly maxBytes: number;
    readonly timeoutMs?: number;
  },
): Promise<Placed> {
  const place = placeOf(path, box.workspacePath);
  if ('why' in place) return { refused: failure(place.why) };
  const { args = [], stdin, maxBytes, timeoutMs = FILE_TIMEOUT_MS } = options;
  const result = await box.exec(['sh', '-c', GUARD + script, 'sh', place.path, ...args], {
    timeoutMs,
    maxBytes,
    ...(stdin === undefined ? {} : { stdin }),
  });
  if (result.end === 'exited' && result.exitCode === 0)
    return { result, path: place.path.replace(/^\.\//, '') };
  const said = result.stderr.trim().slice(0, 1000);
  const what =
    result.end === 'timeout'
      ? `it took longer than ${timeoutMs / 1000} s`
      : said === ''
        ? `it failed (${result.message ?? result.signal ?? result.exitCode ?? result.end})`
        : said;
  return { refused: failure(`${path.slice(0, 200)}: ${what}`) };
}
