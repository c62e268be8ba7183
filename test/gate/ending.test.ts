/** How the end of a check's process is read. */
import { describe, expect, test } from 'vitest';
import { readEnding } from '../../src/gate/ending.ts';
import type { Check } from '../../src/job/gate.ts';
import type { ExecResult } from '../../src/sandbox/sandbox.ts';

const CHECK: Check = { name: 'lint', kind: 'lint', command: 'make lint', timeout_s: 60 };

function ended(exitCode: number, stderr: string): ExecResult {
  return {
    end: 'exited',
    exitCode,
    signal: null,
    message: null,
    stdout: '',
    stderr,
    stdoutBytes: 0,
    stderrBytes: stderr.length,
    durationMs: 1,
  };
}

describe('a check that says nothing about the code', () => {
  const SCENES: readonly (readonly [what: string, exitCode: number, output: string, note: RegExp | null])[] =
    [
      [
        'a tool that a script names, through make',
        2,
        'scripts/lint.sh: 3: router-fmt: not found\nmake: *** [Makefile:6: lint] Error 127\n',
        /the tool router-fmt is missing/,
      ],
      [
        'the same of bash, through npm',
        1,
        './lint.sh: line 3: shfmt: command not found\nnpm error code 127\n',
        /the tool shfmt is missing/,
      ],
      [
        'a script that went on without a tool',
        2,
        'scripts/lint.sh: 3: tput: not found\nlib/a.js:3: tabs are not allowed\nmake: *** [Makefile:6: lint] Error 1\n',
        null,
      ],
      [
        'an option of a plugin of pytest that is not here',
        4,
        'ERROR: usage: python3 -m pytest [options]\npython3 -m pytest: error: unrecognized arguments: --cov=slug\n  inifile: pyproject.toml\n',
        /pytest does not know --cov=slug: the plugin that has it is missing/,
      ],
      [
        'an option of a plugin of pytest that is not here, of version 7',
        4,
        'ERROR: usage: __main__.py [options]\n__main__.py: error: unrecognized arguments: --cov=slug\n  inifile: pyproject.toml\n',
        /pytest does not know --cov=slug: the plugin that has it is missing/,
      ],
      ['the same words from a programme', 1, 'x.py: error: unrecognized arguments: --cov\n', null],
    ];
  test.each(SCENES)('%s', (_what, exitCode, output, note) => {
    const ending = readEnding(ended(exitCode, output), CHECK, []);
    expect(ending.state).toBe(note === null ? 'failed' : 'inconclusive');
    if (note !== null) expect(ending.note).toMatch(note);
  });
});
