/** Tools for files: read, write, edit. */
import { z } from 'zod';
import { onPath } from './place.ts';
import { answer, failure, makeTool, type Tool, type ToolAnswer, type Toolbox } from './tool.ts';

/** Largest file that is read, whole or in part, and largest that is edited, in bytes. */
const MAX_READ_BYTES = 10 * 1024 * 1024;
const MAX_EDIT_BYTES = 1024 * 1024;
/** Lines and bytes of one answer, and characters of one line. */
const DEFAULT_LINES = 1000;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_LINE_CHARS = 2000;

const PLAIN_FILE = `[ -e "$1" ] || refuse 'it is not there'
[ -d "$1" ] && refuse 'it is a folder; list shows what is in it'
[ -f "$1" ] || refuse 'it is no regular file'
size=$(wc -c < "$1") || exit 1
[ "$size" -le "$2" ] || refuse "it has $size bytes, more than $2; take grep or a command for a part of it"
`;
// The line after the last one is asked for, too: whether there is more.
const READ = `${PLAIN_FILE}sed -n "$3,$4p;$4q" < "$1" | head -c "$5"`;
const FETCH = `[ -e "$1" ] || { echo new; exit 0; }
${PLAIN_FILE}echo old; base64 < "$1"`;
const WRITE = `[ -d "$1" ] && refuse 'it is a folder'
[ -e "$1" ] && [ ! -f "$1" ] && refuse 'it is no regular file'
mkdir -p -- "$(dirname -- "$1")" && cat > "$1"`;

const path = z.string().describe('relative to the workspace');

async function readLines(
  input: { readonly path: string; readonly from: number; readonly lines: number },
  box: Toolbox,
): Promise<ToolAnswer> {
  const { from, lines } = input;
  const placed = await onPath(box, input.path, READ, {
    args: [String(MAX_READ_BYTES), String(from), String(from + lines), String(MAX_ANSWER_BYTES)],
    maxBytes: 2 * MAX_ANSWER_BYTES,
  });
  if ('refused' in placed) return placed.refused;
  const { stdout, stdoutBytes } = placed.result;
  if (stdout.includes('\0')) return failure(`${placed.path}: it is no text`);
  if (stdout === '') return answer(from === 1 ? '(the file is empty)' : `(there is no line ${from})`);
  const isCut = stdoutBytes >= MAX_ANSWER_BYTES;
  const all = stdout.split('\n');
  // What ends with a line end has no further line; what was cut off has none that is whole, unless it is the only one.
  if (all.at(-1) === '' || (isCut && all.length > 1)) all.pop();
  const shown = all.slice(0, lines);
  const numbered = shown.map((line, at) => {
    const text = line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS).toWellFormed()}…` : line;
    return `${from + at}\t${text}`;
  });
  const hasMore = isCut || all.length > lines;
  return answer(numbered.join('\n') + (hasMore ? `\n(more from line ${from + shown.length} on)` : ''));
}

/** A file's whole text; `null` where there is none. */
async function fetchText(
  box: Toolbox,
  file: string,
): Promise<{ readonly text: string | null; readonly path: string } | { readonly refused: ToolAnswer }> {
  const placed = await onPath(box, file, FETCH, {
    args: [String(MAX_EDIT_BYTES)],
    // Base64 is a third longer, and has line ends.
    maxBytes: 4 * MAX_EDIT_BYTES,
  });
  if ('refused' in placed) return placed;
  const { stdout } = placed.result;
  if (stdout.startsWith('new')) return { text: null, path: placed.path };
  try {
    const bytes = Buffer.from(stdout.slice('old\n'.length), 'base64');
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, path: placed.path };
  } catch {
    return { refused: failure(`${placed.path}: it is no UTF-8 text`) };
  }
}

async function store(box: Toolbox, file: string, newText: string): Promise<ToolAnswer | null> {
  const placed = await onPath(box, file, WRITE, { stdin: newText, maxBytes: 4096 });
  return 'refused' in placed ? placed.refused : null;
}

async function writeFile(
  input: { readonly path: string; readonly content: string },
  box: Toolbox,
): Promise<ToolAnswer> {
  const before = await fetchText(box, input.path);
  // What is too large or no text is written over, but not shown.
  const failed = await store(box, input.path, input.content);
  if (failed !== null) return failed;
  const known = 'refused' in before ? { path: input.path, text: null } : before;
  const verb = 'refused' in before || before.text !== null ? 'written over' : 'made';
  const diff = { path: known.path, oldText: known.text, newText: input.content };
  return answer(`${known.path}: ${verb}, ${Buffer.byteLength(input.content)} bytes`, diff);
}

/** Where `part` begins in `text`, not overlapping; at most one more than two where `all` is not asked for. */
function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

async function editFile(
  input: { readonly path: string; readonly old: string; readonly new: string; readonly all: boolean },
  box: Toolbox,
): Promise<ToolAnswer> {
  const before = await fetchText(box, input.path);
  if ('refused' in before) return before.refused;
  const { text } = before;
  if (text === null) return failure(`${before.path}: it is not there; write makes new files`);
  const isDos = text.includes('\r\n') && !text.includes(input.old);
  const dos = (part: string): string => part.replaceAll(/\r?\n/g, '\r\n');
  const [old, new_] = isDos ? [dos(input.old), dos(input.new)] : [input.old, input.new];
  const count = occurrences(text, old);
  if (count === 0)
    return failure(`${before.path}: old is not in it; read the file again and copy the text exactly`);
  if (count > 1 && !input.all)
    return failure(`${before.path}: old is in it ${count} times; take more of the text around it, or all`);
  const newText = text.split(old).join(new_);
  if (newText === text) return failure(`${before.path}: old and new are the same`);
  const failed = await store(box, input.path, newText);
  if (failed !== null) return failed;
  const places = count === 1 ? 'one place' : `${count} places`;
  return answer(`${before.path}: changed at ${places}`, { path: before.path, oldText: old, newText: new_ });
}

export const READ_TOOL: Tool = makeTool({
  name: 'read',
  kind: 'read',
  description: 'Reads lines of a text file. Every line comes with its number and a tab in front.',
  schema: z.object({
    path,
    from: z.int().min(1).max(1e9).default(1).describe('first line, from 1'),
    lines: z.int().min(1).max(5000).default(DEFAULT_LINES).describe('most lines to read'),
  }),
  title: (input) => `read ${input.path}`,
  path: (input) => input.path,
  run: readLines,
});

export const WRITE_TOOL: Tool = makeTool({
  name: 'write',
  kind: 'edit',
  description: 'Makes a file with this content, or replaces all of it. Folders that are missing are made.',
  schema: z.object({ path, content: z.string() }),
  title: (input) => `write ${input.path}`,
  path: (input) => input.path,
  run: writeFile,
});

export const EDIT_TOOL: Tool = makeTool({
  name: 'edit',
  kind: 'edit',
  description:
    'Replaces a text in a file by another. The old text must be in the file exactly once, unless all is true.',
  schema: z.object({
    path,
    old: z.string().min(1).describe('the text as it is in the file, without line numbers'),
    new: z.string(),
    all: z.boolean().default(false).describe('whether every occurrence is replaced'),
  }),
  title: (input) => `edit ${input.path}`,
  path: (input) => input.path,
  run: editFile,
});
