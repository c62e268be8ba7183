/** Tools to find things: list and grep. What they read is bounded where it is made, in the sandbox. */
import { z } from 'zod';
import { onPath } from './place.ts';
import { answer, failure, makeTool, type Tool } from './tool.ts';

const MAX_ENTRIES = 500;
const MAX_MATCHES = 300;
const MAX_LINE_CHARS = 400;
const MAX_BYTES = 256 * 1024;
/** Time for a search through everything. */
const SEARCH_TIMEOUT_MS = 60_000;

// Folders that hold what nobody wrote by hand.
const SKIPPED = ['.git', 'node_modules', '.venv', '__pycache__'] as const;
const PRUNE = `\\( ${SKIPPED.map((name) => `-name ${name}`).join(' -o ')} \\) -prune -o`;

const LIST = `[ -e "$1" ] || refuse 'it is not there'
[ -d "$1" ] || refuse 'it is no folder; read shows files'
if [ -z "$2" ]; then ls -Ap -- "$1" | head -n "$3"; exit 0; fi
case "$2" in */*) by=-path;; *) by=-name;; esac
find "$1" ${PRUNE} ! -type d "$by" "$2" -print | head -n "$3"`;

const GREP = `[ -e "$1" ] || refuse 'it is not there'
set -- "$1" "$2" "$3" "$4" "$5"
grep -rnIE $5 ${SKIPPED.map((name) => `--exclude-dir=${name}`).join(' ')} \${4:+"--include=$4"} -e "$2" -- "$1" | head -n "$3"`;

function clipped(line: string): string {
  const plain = line.replace(/^\.\//, '');
  return plain.length > MAX_LINE_CHARS ? `${plain.slice(0, MAX_LINE_CHARS).toWellFormed()}…` : plain;
}

/** Lines for the model, and whether there are more than were shown. */
function shown(stdout: string, max: number): string {
  const lines = stdout.split('\n').filter((line) => line !== '');
  const rest = lines.length > max ? `\n(more than ${max}; take a narrower question)` : '';
  return lines.slice(0, max).map(clipped).join('\n') + rest;
}

const where = z.string().default('.').describe('folder or file, relative to the workspace');

export const LIST_TOOL: Tool = makeTool({
  name: 'list',
  kind: 'search',
  description:
    'Shows what is in a folder (folders end with /), or, with a pattern, all files below it that match.',
  schema: z.object({
    path: where,
    pattern: z
      .string()
      .max(500)
      .default('')
      .describe('such as *.ts for names, or */test/*.ts for paths; * also matches /'),
  }),
  title: ({ path, pattern }) => (pattern === '' ? `list ${path}` : `list ${path} ${pattern}`),
  path: (input) => input.path,
  async run({ path, pattern }, box) {
    // Paths come as ./src/a.ts.
    const given = pattern.includes('/') && !/^[*.]/.test(pattern) ? `*/${pattern}` : pattern;
    const placed = await onPath(box, path, LIST, {
      args: [given.replaceAll('**', '*'), String(MAX_ENTRIES + 1)],
      maxBytes: MAX_BYTES,
      timeoutMs: SEARCH_TIMEOUT_MS,
    });
    if ('refused' in placed) return placed.refused;
    return answer(shown(placed.result.stdout, MAX_ENTRIES) || '(nothing)');
  },
});

export const GREP_TOOL: Tool = makeTool({
  name: 'grep',
  kind: 'search',
  description: 'Finds lines that match an extended regular expression: file:line:text.',
  schema: z.object({
    pattern: z.string().min(1).max(2000),
    path: where,
    files: z.string().max(200).default('').describe('only files whose name matches, such as *.ts'),
    ignore_case: z.boolean().default(false),
  }),
  title: ({ pattern, path }) => `grep ${pattern.slice(0, 100)} in ${path}`,
  path: (input) => input.path,
  async run({ pattern, path, files, ignore_case: ignoresCase }, box) {
    const placed = await onPath(box, path, GREP, {
      args: [pattern, String(MAX_MATCHES + 1), files, ignoresCase ? '-i' : '-s'],
      maxBytes: MAX_BYTES,
      timeoutMs: SEARCH_TIMEOUT_MS,
    });
    if ('refused' in placed) return placed.refused;
    const { stdout, stderr } = placed.result;
    if (stdout === '' && stderr.trim() !== '') return failure(stderr.trim().slice(0, 1000));
    return answer(shown(stdout, MAX_MATCHES) || '(no match)');
  },
});
