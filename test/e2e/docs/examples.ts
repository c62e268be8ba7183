/**
 * Examples in Markdown that are run as they stand.
 *
 * `<!-- example: name -->` before a `console` block: lines after `$ ` are typed into a shell (`> ` goes on with the
 * line before), the others are what it prints. `…` stands for text that differs from run to run, and alone on a line
 * for any number of lines. `<!-- file: path -->` before a block: the file is written where the shell stands.
 * The blocks of a page run in their order in one shell.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';

/** A command of an example, and what it prints. */
export interface Typed {
  readonly command: string;
  readonly output: readonly string[];
}

/** A marked block. */
export type Block =
  | { readonly kind: 'example'; readonly name: string; readonly typed: readonly Typed[] }
  | { readonly kind: 'file'; readonly name: string; readonly text: string };

/** A page's marked blocks, and what is wrong with its marks. */
export interface Page {
  readonly blocks: readonly Block[];
  readonly problems: readonly string[];
}

/** What one command printed, and its exit status. */
export interface Printed {
  readonly lines: readonly string[];
  readonly status: number;
}

const ANYTHING = '…';
const MAX_PAGE_MS = 120_000;

interface Fence {
  readonly line: number;
  readonly language: string;
  readonly mark: string;
  readonly body: readonly string[];
}

/** Every fenced block, with the line before it. */
function fencesOf(lines: readonly string[]): readonly Fence[] {
  const fences: Fence[] = [];
  for (let at = 0; at < lines.length; at++) {
    const language = /^\s*(?:```|~~~)\s*(\w*)/.exec(lines[at] ?? '')?.[1];
    if (language === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && /^\s*(?:```|~~~)\s*$/.test(line));
    const stop = end < 0 ? lines.length : end;
    fences.push({ line: at + 1, language, mark: lines[at - 1] ?? '', body: lines.slice(at + 1, stop) });
    at = stop;
  }
  return fences;
}

function trimmed(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => line.trim() !== '');
  return first < 0 ? [] : lines.slice(first, lines.findLastIndex((line) => line.trim() !== '') + 1);
}

/** Splits a `console` block into what is typed and what is printed; `null` where it begins with neither. */
function typedOf(body: readonly string[]): readonly Typed[] | null {
  const all: { command: string; output: string[] }[] = [];
  for (const line of body) {
    const last = all.at(-1);
    if (line.startsWith('$ ')) all.push({ command: line.slice(2), output: [] });
    else if (last === undefined) return null;
    else if (last.output.length === 0 && /^> ?/.test(line)) last.command += `\n${line.replace(/^> ?/, '')}`;
    else last.output.push(line);
  }
  return all.map(({ command, output }) => ({ command, output: trimmed(output) }));
}

/** Reads the marked blocks of a page. */
export function readPage(markdown: string): Page {
  const lines = markdown.split('\n');
  const [blocks, problems]: [Block[], string[]] = [[], []];
  const seen = new Set<number>();
  for (const { line, language, mark, body } of fencesOf(lines)) {
    const [, kind, name] = /^<!-- (example|file): (.+) -->$/.exec(mark) ?? [];
    if (kind !== undefined) seen.add(line - 1);
    if (kind === 'file' && name !== undefined) {
      blocks.push({ kind, name, text: body.map((one) => `${one}\n`).join('') });
    } else if (kind === 'example' && name !== undefined && language === 'console') {
      const typed = typedOf(body);
      if (typed === null || typed.length === 0) problems.push(`line ${line}: no command begins the block`);
      else if (!typed.some(({ output }) => output.some((one) => one.trim() !== ANYTHING)))
        problems.push(`line ${line}: no output is compared`);
      else if (blocks.some((one) => one.kind === 'example' && one.name === name))
        problems.push(`line ${line}: there are two examples called ${name}`);
      else blocks.push({ kind, name, typed });
    } else if (language === 'console' || kind !== undefined) {
      problems.push(`line ${line}: a console block and its mark belong together`);
    }
  }
  lines.forEach((line, at) => {
    if (/<!--\s*(example|file)\b/.test(line) && !seen.has(at + 1))
      problems.push(`line ${at + 1}: a mark without its block`);
  });
  return { blocks, problems };
}

/** Columns are as wide as times and names make them, so only that there is a gap counts. */
function even(line: string): string {
  return line.trimEnd().replace(/\s+/g, ' ');
}

function isLine(wanted: string, printed: string): boolean {
  const literal = even(wanted)
    .split(ANYTHING)
    .map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'));
  return new RegExp(`^${literal.join('.+')}$`, 'u').test(even(printed));
}

/** Whether what was printed is what an example says. */
export function isAsWritten(wanted: readonly string[], printed: readonly string[]): boolean {
  const [first, ...rest] = wanted;
  if (first === undefined) return printed.length === 0;
  if (first.trim() !== ANYTHING)
    return printed[0] !== undefined && isLine(first, printed[0]) && isAsWritten(rest, printed.slice(1));
  if (rest.length === 0) return true;
  return printed.some((_, at) => isAsWritten(rest, printed.slice(at)));
}

/** The page as one script: what every command printed stands before a line with its number and exit status. */
function scriptOf(blocks: readonly Block[], nonce: string): string {
  const lines = blocks.flatMap((block, at) =>
    block.kind === 'file'
      ? [`cat > '${block.name.replaceAll("'", "'\\''")}' <<'${nonce}'`, `${block.text}${nonce}`]
      : block.typed.flatMap(({ command }, index) => [
          command,
          `docs_status=$?; printf '\\n${nonce} ${at}.${index} %s\\n' "$docs_status"; (exit "$docs_status")`,
        ]),
  );
  return ['exec 2>&1', ...lines, ''].join('\n');
}

/**
 * Runs a page's blocks in one shell.
 *
 * @returns what each command printed, by `<block>.<command>`; one that never came to its end is not there
 */
export async function runPage(
  blocks: readonly Block[],
  place: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<ReadonlyMap<string, Printed>> {
  const nonce = `ran-${randomBytes(8).toString('hex')}`;
  const child = spawn('bash', ['-c', scriptOf(blocks, nonce)], {
    cwd: place.cwd,
    env: place.env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: MAX_PAGE_MS,
    killSignal: 'SIGKILL',
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const ran = new Map<string, Printed>();
  let lines: string[] = [];
  for (const line of text.split('\n')) {
    const [, key, status] = new RegExp(`^${nonce} (\\d+\\.\\d+) (\\d+)$`).exec(line) ?? [];
    if (key === undefined) lines.push(line);
    else {
      ran.set(key, { lines: trimmed(lines), status: Number(status) });
      lines = [];
    }
  }
  return ran;
}

/** What differs between an example and what happened; `''` where nothing does. */
export function driftOf(
  block: Block & { kind: 'example' },
  at: number,
  ran: ReadonlyMap<string, Printed>,
): string {
  for (const [index, { command, output }] of block.typed.entries()) {
    const printed = ran.get(`${at}.${index}`);
    if (printed === undefined) return `$ ${command}\nnever ran to its end`;
    if (!isAsWritten(output, printed.lines))
      return `$ ${command}\nprinted\n${printed.lines.join('\n')}\ninstead of\n${output.join('\n')}`;
    const next = block.typed[index + 1]?.command;
    if (printed.status !== 0 && next !== 'echo $?')
      return `$ ${command}\nends with ${printed.status}, and the example does not say so`;
  }
  return '';
}
