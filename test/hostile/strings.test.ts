/** Hostile words wherever a command takes one: nothing runs, the error names the field, the exit code is of usage. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBench, userPath, type Bench } from '../e2e/cli.ts';
import { createTally } from '../faults/tally.ts';
import { makeRepository } from '../workspace/scene.ts';

let bench: Bench;
let repo: string;
beforeAll(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), { 'a.txt': 'one\n' });
});
afterAll(() => bench.remove());

const MARK = 'marker';

interface Answer {
  readonly code: number;
  readonly text: string;
}

/** Runs the command line on every input, in one process that stands in the bench's own folder. */
async function speak(on: Bench, input: readonly unknown[]): Promise<{ answers: Answer[]; stderr: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'speak.ts')], {
    cwd: on.root,
    env: { PATH: userPath(), HOME: on.root, AGENT_RUNNER_HOME: on.home, NO_COLOR: '1' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(JSON.stringify(input));
  await once(child, 'close');
  return { answers: stdout === '' ? [] : (JSON.parse(stdout) as Answer[]), stderr };
}

/** Commands in the clothes of words; each would make a file named `marker` in the folder it runs in. */
const COMMANDS = ['touch marker', 'touch${IFS}marker', 'sh -c "touch marker"'];
const WRAPPED = COMMANDS.flatMap((command) => [
  `$(${command})`,
  `\`${command}\``,
  `;${command};`,
  `|${command}`,
  `&& ${command}`,
  `x\n${command}\n`,
  `'"; ${command} #`,
]);
/** Words that programs take for options. */
const OPTIONS = [
  '--upload-pack=touch marker',
  '--upload-pack=touch marker;git-upload-pack',
  '--receive-pack=touch marker',
  '--exec=touch marker',
  '-u touch marker',
  '-c core.fsmonitor=touch marker',
  '-ccore.sshCommand=touch marker',
  '--config=core.hooksPath=.',
  '--output=marker',
  '-omarker',
  '--git-dir=.',
  '--work-tree=/',
  '--template=.',
  '-',
  '-rf',
];
/** Addresses that git or ssh turn into commands, or that lead somewhere nobody meant. */
const URLS = [
  'ext::sh -c touch% marker',
  'ext::touch marker',
  'fd::17',
  'transport::address',
  'ssh://-oProxyCommand=touch%20marker/x',
  'ssh://-oProxyCommand=touch marker@host/x',
  'ssh://user@-oProxyCommand=touch marker/x',
  'ssh://%2doProxyCommand=touch%20marker/x',
  '-oProxyCommand=touch marker@host:x',
  'git@-oProxyCommand=touch marker:x',
  'git@host:-x',
  'file://host/x',
  'file:x',
  'http://host.invalid/x',
  'git://host.invalid/x',
  'ftp://host.invalid/x',
  'javascript:touch(marker)',
  'data:text/plain,x',
  'https://',
  'https:///x',
  'https://-x/y',
];
/** Text that forges what a person or a log sees, or that no system call takes. */
const FORGED = [
  'a\u0007b',
  'a\u001b[2Jb',
  'a\u202eb',
  'a\u2066b',
  'a\u2028b',
  'a\r\nSet-Cookie: x',
  '\u0001',
  '',
  '   ',
  'x'.repeat(5000),
  '${{ github.token }}',
  '{{constructor.constructor("touch marker")()}}',
  '%s%n%x',
  '../../../../etc/passwd',
  '/dev/zero',
  '/proc/self/environ',
  "' OR 1=1; DROP TABLE jobs; --",
];
const ALL = [...WRAPPED, ...OPTIONS, ...URLS, ...FORGED];

/** Where a command takes a word, and the field that its error must name. `good`: words that are allowed there. */
interface Field {
  readonly name: string;
  readonly names: RegExp;
  readonly args: (word: string) => readonly string[];
  /** The user's settings file. */
  readonly config?: (word: string) => string;
  readonly words: readonly string[];
  /** The exit codes that are allowed: usage and configuration unless said otherwise. */
  readonly codes?: readonly number[];
}

const run = (...more: string[]): string[] => ['run', 'Do it', '--agent', 'simulated:noop', ...more];
/** As a word of its own behind an option, commander takes what begins with `-` for the option's value or refuses it. */
const FIELDS: readonly Field[] = [
  {
    name: 'run --repo',
    names: /repo/,
    args: (word) => run('--repo', word),
    words: ALL.filter((word) => word !== '/dev/zero'),
  },
  { name: 'run --repo=', names: /repo/, args: (word) => run(`--repo=${word}`), words: OPTIONS },
  { name: 'run --base', names: /base/, args: (word) => run('--repo', '@repo', '--base', word), words: ALL },
  {
    name: 'gate --head',
    names: /head|base|revision/,
    args: (word) => ['gate', '--repo', '@repo', '--head', word],
    words: [...OPTIONS, ...FORGED.slice(0, 7)],
  },
  {
    name: 'gate --base',
    names: /base|revision/,
    args: (word) => ['gate', '--repo', '@repo', '--base', word],
    words: OPTIONS,
  },
  { name: 'gate --repo', names: /repo/, args: (word) => ['gate', '--repo', word], words: URLS },
  {
    name: 'init --repo',
    names: /repo|argument|option/,
    args: (word) => ['init', '--repo', word],
    words: URLS.slice(0, 8),
  },
  {
    name: 'branch template',
    names: /branch_template/,
    args: () => run('--repo', '@repo'),
    config: (word) => `branch_template: ${JSON.stringify(word)}\n`,
    words: [...WRAPPED, ...OPTIONS].filter((word) => word !== ''),
  },
  ...['status', 'logs', 'result', 'diff', 'recover'].map((command): Field => ({
    name: `${command} <job>`,
    names: /job|unknown option/,
    args: (word) => [command, word],
    words: [...WRAPPED.slice(0, 3), ...OPTIONS.slice(0, 5), ...FORGED.slice(0, 5), ...FORGED.slice(-5)],
  })),
  {
    name: 'run --resume',
    names: /job/,
    args: (word) => ['run', '--resume', word],
    words: [...WRAPPED.slice(0, 7), ...OPTIONS, ...FORGED],
  },
  {
    name: 'message <job>',
    names: /job|unknown option/,
    args: (word) => ['message', word, 'text'],
    words: [...OPTIONS.slice(0, 4), ...FORGED.slice(0, 4)],
  },
  {
    name: 'run --task-file',
    names: /task-file|task/,
    args: (word) => ['run', '--repo', '@repo', '--agent', 'simulated:noop', '--task-file', word],
    words: [...WRAPPED.slice(0, 7), ...OPTIONS.slice(0, 6)],
  },
  {
    name: 'run --agent',
    names: /agent/,
    args: (word) => ['run', 'x', '--repo', '@repo', '--agent', word],
    words: [...WRAPPED.slice(0, 7), ...OPTIONS, ...FORGED.filter((word) => word !== '')],
  },
  {
    name: 'run --check',
    names: /check/,
    args: (word) => run('--repo', '@repo', '--check', word),
    words: [...WRAPPED.slice(0, 7), 'no-name', '=x', 'a b=x', '$(touch marker)=x'],
  },
];

/** A task is any text: it is data, and the job on it ends like any other. */
const TASKS: Field = {
  name: 'run -- <task>',
  names: /no_change|nothing|task/i,
  args: (word) => ['run', '--repo', '@repo', '--agent', 'simulated:noop', '--check', 'ok=true', '--', word],
  words: [
    '$(touch marker)',
    '--upload-pack=touch marker',
    "'; touch marker #",
    '${{ github.token }}',
    'a\u202eb',
    '',
  ],
  codes: [0, 64],
};
/** A template that holds the job's id may be a lawful name, however odd; then the branch is called so. */
const TEMPLATES: Field = {
  name: 'branch template around <job_id>',
  names: /branch|no_change|nothing/,
  args: () => run('--repo', '@repo', '--check', 'ok=true'),
  config: (word) => `branch_template: ${JSON.stringify(`${word}<job_id>`)}\n`,
  words: [
    '$(touch${IFS}marker)',
    '--upload-pack=touch${IFS}marker;',
    ';touch${IFS}marker;',
    '-',
    '+',
    '../',
    'a..b/',
    'x\n',
    '\u202e',
  ],
  codes: [0, 64, 78],
};

const tally = createTally('hostile words');
afterAll(() => tally.close());

describe.each([...FIELDS, TASKS, TEMPLATES])('$name', (field) => {
  it(`takes ${field.words.length} of them as data`, async () => {
    const place = (text: string): string => (text === '@repo' ? repo : text);
    const input = field.words.map((word) => ({
      args: field.args(word).map((text) => (text === word ? text : place(text))),
      config: field.config?.(word) ?? '',
    }));
    const { answers, stderr } = await speak(bench, input);
    expect(answers.length, stderr).toBe(input.length);
    for (const [at, word] of field.words.entries()) {
      const shown = JSON.stringify(word.slice(0, 100));
      await tally.attempt(() => {
        expect(field.codes ?? [64, 78], `${shown}: ${answers[at]?.text}`).toContain(answers[at]?.code);
        expect(answers[at]?.text, shown).toMatch(field.names);
        expect(answers[at]?.text, `${shown} is a bug`).not.toMatch(/\n\s+at .*\.ts:\d+/);
      });
    }
    expect(
      readdirSync(bench.root, { recursive: true }).filter((path) => String(path).endsWith(MARK)),
    ).toEqual([]);
    expect(existsSync(join(repo, MARK))).toBe(false);
  });
});
