/**
 * The programme behind the `simulated` agents. It runs inside the sandbox like any agent would: prompt on
 * stdin, edits in the working directory, notes in the directory given as second argument, the phase as third.
 * No model, no clock, no randomness; it stands alone but for the file of the hostile attempts.
 */
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { attemptAll } from './simulated-injection.ts';

const [behaviour = '', outDir = '', phase = 'build'] = process.argv.slice(2);

/** How long `slow` works unless it is stopped: longer than any timeout worth showing. */
const SLOW_SECONDS = 3600;
const MAX_PROMPT_CHARS = 4 * 1024 * 1024;
const MAX_FILES = 5000;
const MAX_DEPTH = 8;
/** Steps of a pipeline that run side by side write a report each. */
let report = 'SIMULATED.md';
const BREAK_MARK = 'simulated break';
const NOT_SOURCES = /^(?:\..*|node_modules|vendor|dist|build|target|coverage|__pycache__)$/;
const TEST_FILE =
  /(?:^|\/)(?:tests?|spec|__tests__)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_\w+\.py$|_test\.go$/;
/** A line that no parser of the language accepts. */
const BREAKS: Readonly<Record<string, string>> = {
  '.js': `}}} // ${BREAK_MARK}`,
  '.mjs': `}}} // ${BREAK_MARK}`,
  '.ts': `}}} // ${BREAK_MARK}`,
  '.go': `}}} // ${BREAK_MARK}`,
  '.rs': `}}} // ${BREAK_MARK}`,
  '.java': `}}} // ${BREAK_MARK}`,
  '.php': `}}} // ${BREAK_MARK}`,
  '.py': `))) # ${BREAK_MARK}`,
  '.rb': `))) # ${BREAK_MARK}`,
};

async function readPrompt(): Promise<string> {
  let text = '';
  process.stdin.setEncoding('utf8');
  for await (const chunk of process.stdin) if (text.length < MAX_PROMPT_CHARS) text += String(chunk);
  return text;
}

/** The first line of the task, whatever stands around it. */
function taskOf(prompt: string): string {
  const lines = prompt.split('\n');
  const at = lines.indexOf('## Task');
  return (lines.slice(at + 1).find((line) => line.trim() !== '') ?? 'no task').trim().slice(0, 200);
}

/** Which piece of a plan a prompt asks for; the whole task is piece 1 of 1. */
function partOf(prompt: string): { readonly number: number; readonly of: number; readonly name: string } {
  const [, number = '1', of = '1', name = ''] = /^## Sub-task (\d+) of (\d+): (.*)$/m.exec(prompt) ?? [];
  return { number: Number(number), of: Number(of), name };
}

/** The step of a pipeline that a prompt asks for; `null` for a job that is none. */
function stepOf(prompt: string): string | null {
  return /^You do step "([A-Za-z0-9_-]+)" of pipeline /m.exec(prompt)?.[1] ?? null;
}

const VALUES: Readonly<Record<string, unknown>> = {
  string: 'simulated',
  number: 1,
  integer: 1,
  boolean: true,
  array: ['simulated'],
  object: { simulated: true },
};

/** Gives the outputs that the step promises, each with a value of its type. */
function giveOutputs(prompt: string): void {
  const [, listed = ''] = prompt.split('## Outputs that this step promises\n');
  const [own = ''] = listed.split('\n\n');
  const promised = [...own.matchAll(/^- ([A-Za-z_][\w-]*) \(([a-z]+)(?:, optional)?\)/gm)];
  if (promised.length === 0 || outDir === '') return;
  const outputs = promised.map(([, name, type = '']) => [name, VALUES[type] ?? null]);
  writeFileSync(join(outDir, 'output.json'), `${JSON.stringify(Object.fromEntries(outputs))}\n`);
}

/** Markers as the runner labels them; both sides stay. */
const MARKERS = /^(?:<{7} steps\/.*|={7}|>{7} step\/.*)\n/gm;

function solveConflicts(): string {
  let solved = 0;
  for (const path of listFiles()) {
    const text = read(path);
    if (text === null || !/^<{7} steps\//m.test(text)) continue;
    writeFileSync(path, text.replace(MARKERS, ''));
    solved++;
  }
  return `Kept both sides in ${solved} ${solved === 1 ? 'file' : 'files'}.`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function finish(summary: string): void {
  say(summary);
  if (outDir !== '') writeFileSync(join(outDir, 'summary.md'), `${summary}\n`);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Files that look tracked, sorted, with `/`. Links are not followed. */
function listFiles(dir = '.', depth = 0, found: string[] = []): string[] {
  if (depth > MAX_DEPTH) return found;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (found.length >= MAX_FILES) break;
    if (NOT_SOURCES.test(entry.name)) continue;
    const path = dir === '.' ? entry.name : `${dir}/${entry.name}`;
    if (entry.isDirectory()) listFiles(path, depth + 1, found);
    else if (entry.isFile()) found.push(path);
  }
  return depth === 0 ? found.sort() : found;
}

// The demo project: the task is done by one edit of the source, right or wrong in its default.

const DEMO_SOURCE = 'src/slug.js';
const DEMO_TESTS = 'test/slug.test.js';
const DEMO_HEAD =
  /export function slugify\(title(?:, \{ maxLength = \w+ \} = \{\})?\) \{\n {2}(?:return|const slug =) title\n/;
const DEMO_TAIL = `.replace(/^-+|-+$/g, '');\n`;
const DEMO_LIMIT = `
  if (slug.length <= maxLength) return slug;
  // One more character tells whether the cut falls between two words.
  const end = slug.lastIndexOf('-', maxLength);
  return slug.slice(0, end > 0 ? end : maxLength);
`;
const DEMO_NEW_TESTS = `
test('cuts between words with maxLength', () => {
  assert.equal(slugify('Hello, World!', { maxLength: 11 }), 'hello-world');
  assert.equal(slugify('Hello, World!', { maxLength: 10 }), 'hello');
  assert.equal(slugify('Hello, World!', { maxLength: 5 }), 'hello');
});

test('cuts a word that alone is longer than maxLength', () => {
  assert.equal(slugify('Hello, World!', { maxLength: 3 }), 'hel');
});
`;
const DEMO_README_LINE = `slugify('Hello, World!', { maxLength: 8 }); // 'hello'\n`;
const DEMO_BROKEN_TEST = /test\('keeps long titles whole',[\s\S]*?\n\}\);\n\n?/;
/** The wrong default: it cuts titles of callers that never asked for a limit. */
const DEMO_WRONG = '40';

function isDemo(): boolean {
  const source = read(DEMO_SOURCE);
  return source !== null && DEMO_HEAD.test(source) && source.includes(DEMO_TAIL) && read(DEMO_TESTS) !== null;
}

/** Edits the source, and with the last piece of the task its tests and README, too. */
function editDemo(limit: string, isLast: boolean = true): void {
  const head = `export function slugify(title, { maxLength = ${limit} } = {}) {\n  const slug = title\n`;
  let source = (read(DEMO_SOURCE) ?? '').replace(DEMO_HEAD, () => head);
  if (!source.includes('lastIndexOf'))
    source = source.replace(DEMO_TAIL, () => DEMO_TAIL + DEMO_LIMIT.slice(1));
  if (!source.includes('maxLength?')) {
    source = source.replace(
      ' * @returns',
      () =>
        ' * @param {{ maxLength?: number }} [options] most characters; words stay whole where they can\n * @returns',
    );
  }
  writeFileSync(DEMO_SOURCE, source);
  if (!isLast) return;
  const tests = read(DEMO_TESTS) ?? '';
  if (!tests.includes('with maxLength')) writeFileSync(DEMO_TESTS, tests + DEMO_NEW_TESTS);
  const readme = read('README.md');
  if (readme !== null && !readme.includes('maxLength')) {
    writeFileSync(
      'README.md',
      readme.replace(/(\n```\n)/, (end) => `\n${DEMO_README_LINE.trimEnd()}${end}`),
    );
  }
}

// Any other repository: a report file is the work, a line that does not parse is the mistake.

/** The file that a mistake goes into: a source, else a test, else what steers the build. */
function victim(files: readonly string[]): string | null {
  const sources = files.filter((path) => extname(path) in BREAKS);
  const steering = files.filter((path) => path === 'package.json' || path === 'Makefile');
  return sources.find((path) => !TEST_FILE.test(path)) ?? sources[0] ?? steering[0] ?? null;
}

function breakGeneric(): string | null {
  const path = victim(listFiles());
  if (path === null) return null;
  const text = read(path) ?? '';
  if (!text.includes(BREAK_MARK)) {
    const line = BREAKS[extname(path)] ?? `((( ${BREAK_MARK}`;
    writeFileSync(path, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`);
  }
  return path;
}

/** Takes the mistake back where one was made. */
function repairGeneric(): string | null {
  for (const path of listFiles()) {
    if (!(extname(path) in BREAKS) && path !== 'package.json' && path !== 'Makefile') continue;
    const text = read(path);
    if (text === null || !text.includes(BREAK_MARK)) continue;
    const kept = text.split('\n').filter((line) => !line.includes(BREAK_MARK));
    writeFileSync(path, kept.join('\n'));
    return path;
  }
  return null;
}

function reportGeneric(task: string): void {
  writeFileSync(report, `# Work of the simulated agent\n\nTask: ${task}\n`);
}

// Exploring and planning: what the files say, in words that are always the same.

const MAX_NAMED = 20;

function explore(task: string): string {
  const files = listFiles();
  const tests = files.filter((path) => TEST_FILE.test(path));
  const named = files.slice(0, MAX_NAMED).map((path) => `- ${path}`);
  const more = files.length > MAX_NAMED ? [`- and ${files.length - MAX_NAMED} more`] : [];
  const about = isDemo()
    ? `The task is about ${DEMO_SOURCE}, which ${DEMO_TESTS} tests.`
    : `The task is about ${victim(files) ?? 'no file that is here'}.`;
  return [
    `# Report of the simulated agent\n\nTask: ${task}\n\n${about}`,
    `${files.length} files, ${tests.length} of them tests:\n${[...named, ...more].join('\n')}`,
  ].join('\n\n');
}

function plan(task: string): string {
  const subtasks = isDemo()
    ? [
        { name: 'the limit', task: `In ${DEMO_SOURCE}: ${task}`, files: [DEMO_SOURCE] },
        {
          name: 'tests and README',
          task: 'Test the limit and show it.',
          files: [DEMO_TESTS, 'README.md'],
        },
      ]
    : [
        { name: 'the edit', task, files: [victim(listFiles()) ?? report] },
        { name: 'the report', task: `Name each piece of the work in ${report}.`, files: [report] },
      ];
  return JSON.stringify({ reasoning: 'The code first, then what tells of it.', subtasks }, null, 2);
}

/** Every piece but the first: it adds to what is there, and mends nothing. */
function doLater({ number, of, name }: ReturnType<typeof partOf>): string {
  const here = /maxLength = (\w+) \}/.exec(read(DEMO_SOURCE) ?? '')?.[1];
  if (isDemo() && here !== undefined) editDemo(here, number === of);
  else appendFileSync(report, `\n- sub-task ${number} of ${of}: ${name}\n`);
  return `Sub-task ${number} of ${of} is done: ${name}.`;
}

function tellsMore(isLast: boolean): string {
  return isLast ? ' Tests and README are extended.' : '';
}

function doGood(task: string, isLast: boolean): string {
  if (isDemo()) {
    editDemo('Infinity', isLast);
    return `slugify takes { maxLength } and cuts between words; without it nothing changes.${tellsMore(isLast)}`;
  }
  repairGeneric();
  reportGeneric(task);
  return `Wrote ${report} with the first line of the task.`;
}

/** Wrong at first; right once the prompt tells of failures, or its own mistake is found in the files. */
function doBad(task: string, laterTurn: boolean, isLast: boolean): string {
  if (isDemo()) {
    const wrong = (read(DEMO_SOURCE) ?? '').includes(`maxLength = ${DEMO_WRONG}`);
    editDemo(wrong || laterTurn ? 'Infinity' : DEMO_WRONG, isLast);
    return wrong || laterTurn
      ? 'The default limit cut long titles of callers that never asked for one; there is none now.'
      : `slugify takes { maxLength }, ${DEMO_WRONG} by default.${tellsMore(isLast)}`;
  }
  const repaired = repairGeneric();
  const broken = repaired === null && !laterTurn ? breakGeneric() : null;
  reportGeneric(task);
  if (repaired !== null) return `Took the line out of ${repaired} that did not parse, and wrote ${report}.`;
  return broken === null ? `Wrote ${report}.` : `Edited ${broken} and wrote ${report}.`;
}

function doStuck(task: string): string {
  if (isDemo()) editDemo(DEMO_WRONG);
  else {
    breakGeneric();
    reportGeneric(task);
  }
  return 'This should do it.';
}

/** Another guess every turn, and never the right one. */
function doLost(task: string): string {
  if (isDemo()) {
    const present = Number(/maxLength = (\d+)/.exec(read(DEMO_SOURCE) ?? '')?.[1] ?? '20');
    editDemo(String(present + 10));
    return `Perhaps the limit is too low: ${present + 10} instead of ${present}.`;
  }
  breakGeneric();
  appendFileSync(report, `- another guess: ${task}\n`);
  return 'Perhaps this helps.';
}

function doTamper(task: string): string {
  if (isDemo()) {
    editDemo(DEMO_WRONG);
    writeFileSync(DEMO_TESTS, (read(DEMO_TESTS) ?? '').replace(DEMO_BROKEN_TEST, ''));
    return 'slugify takes { maxLength }, and all tests pass.';
  }
  reportGeneric(task);
  const test = listFiles().find((path) => TEST_FILE.test(path) && extname(path) in BREAKS);
  if (test !== undefined) {
    rmSync(test);
    return `All tests pass without ${test}.`;
  }
  const manifest = read('package.json');
  if (manifest !== null) {
    writeFileSync('package.json', manifest.replace(/("test"\s*:\s*)"(?:[^"\\]|\\.)*"/, '$1"exit 0"'));
    return 'All tests pass.';
  }
  return `Wrote ${report}; there is no test to weaken here.`;
}

async function doSlow(task: string): Promise<string> {
  writeFileSync(report, `# Work of the simulated agent\n\nTask: ${task}\n`);
  for (let second = 0; second < SLOW_SECONDS; second++) {
    say(`still working (${second} s)`);
    if (second % 60 === 0) appendFileSync(report, `- minute ${second / 60}\n`);
    await sleep(1000);
  }
  return 'Done at last.';
}

async function main(): Promise<void> {
  const prompt = await readPrompt();
  const task = taskOf(prompt);
  const works = !['noop', 'slow', 'crash', 'injection'].includes(behaviour);
  const step = stepOf(prompt);
  if (step !== null) report = `SIMULATED-${step}.md`;
  if (works && prompt.startsWith('You answer a question')) {
    giveOutputs(prompt);
    finish(`The simulated agent has no model and can't answer: ${task}`);
    return;
  }
  if (phase === 'explore') return finish(explore(task));
  if (phase === 'plan') return finish(plan(task));
  say(`simulated agent (${behaviour}): ${task}`);
  giveOutputs(prompt);
  if (works && prompt.includes('\n## Conflict\n')) return finish(solveConflicts());
  const part = partOf(prompt);
  if (works && part.number > 1) return finish(doLater(part));
  const isLast = part.number === part.of;
  switch (behaviour) {
    case 'good':
      return finish(doGood(task, isLast));
    case 'bad':
      return finish(doBad(task, /^## This turn:/m.test(prompt), isLast));
    case 'stuck':
      return finish(doStuck(task));
    case 'lost':
      return finish(doLost(task));
    case 'tamper':
      return finish(doTamper(task));
    case 'noop':
      return finish('Nothing to change: the repository already does what the task asks for.');
    case 'slow':
      return finish(await doSlow(task));
    case 'injection':
      return finish([...(await attemptAll(outDir)), '', doGood(task, isLast)].join('\n'));
    case 'crash':
      writeFileSync(report, '# Work of the simulated agent\n\nTask: ');
      process.stderr.write(`${new Error('simulated crash in the middle of an edit').stack}\n`);
      process.exit(3);
    default:
      process.stderr.write(`unknown behaviour: ${behaviour}\n`);
      process.exit(64);
  }
}

await main();
// A pending look-up must not hold the programme.
process.exit(0);
