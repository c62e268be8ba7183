/** A command line of a person, found from where the person stands. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCommandAgent } from '../../src/agent/command.ts';
import { resolveCommand } from '../../src/runner/agents.ts';

let here: string;
beforeAll(() => {
  here = mkdtempSync(join(tmpdir(), 'agent-runner-agents-'));
  mkdirSync(join(here, 'my tools'));
  mkdirSync(join(here, 'src'));
  for (const name of ['agent.sh', 'agent.py', 'my tools/agent'])
    writeFileSync(join(here, name), '#!/bin/sh\n');
});
afterAll(() => rmSync(here, { recursive: true, force: true }));

describe('resolveCommand', () => {
  it('finds programs and scripts where the person stands', async () => {
    const cases = [
      ['./agent.sh --fast', `${here}/agent.sh --fast`],
      ['cd x && ./agent.sh', `cd x && ${here}/agent.sh`],
      ['python3 agent.py {prompt_file}', `python3 ${here}/agent.py {prompt_file}`],
      ['python3 -u agent.py', `python3 -u ${here}/agent.py`],
      ['K="a b" sh ./agent.sh agent.py', `K="a b" sh ${here}/agent.sh agent.py`],
      ['"my tools/agent" -x', `'${here}/my tools/agent' -x`],
    ] as const;
    for (const [given, resolved] of cases) expect(await resolveCommand(given, here)).toBe(resolved);
  });

  it('leaves alone what is on the PATH, absolute, inline, missing, or perhaps meant in the workspace', async () => {
    const same = [
      'claude -p',
      '/bin/sh agent',
      'sh -c agent.sh',
      'python3 -m agent.py',
      'prettier ./src agent.py',
      './nowhere.sh',
      'cat "$X/agent.sh"',
      'node {prompt_file}',
      '~/agent.sh',
    ];
    for (const command of same) expect(await resolveCommand(command, here)).toBe(command);
  });
});

describe('a script that is not executable', () => {
  it('is said to be that, with what mends it', async () => {
    const path = join(here, 'agent.sh');
    const needs = { readOnlyPaths: [], mounts: [], env: {} };
    const check = () => createCommandAgent({ command: `${path} --fast`, needs }).check();
    chmodSync(path, 0o644);
    expect(await check()).toEqual({
      ready: false,
      detail: `${path} is not executable`,
      fix: `chmod +x ${path}`,
    });
    chmodSync(path, 0o755);
    expect(await check()).toMatchObject({ ready: true });
  });
});
