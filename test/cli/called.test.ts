/** Advice that can be pasted: commands are named as this person has to call them. */
import { describe, expect, it } from 'vitest';
import { Command } from 'commander';
import { asCalled, homeFlagsOf, type Io } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/main.ts';
import { programName } from '../../src/config.ts';

const CLONE = {
  npm_package_name: 'agent-runner',
  npm_lifecycle_event: 'agent-runner',
  npm_package_json: '/src/agent-runner/package.json',
};

describe('programName', () => {
  it.each([
    [{}, 'agent-runner'],
    [{ npm_package_name: 'agent-runner', npm_lifecycle_event: 'agent-runner' }, 'npm run -s agent-runner --'],
    [{ npm_package_name: 'agent-runner', npm_lifecycle_event: 'demo' }, 'npm run -s agent-runner --'],
    [{ ...CLONE, INIT_CWD: '/src/agent-runner/docs' }, 'npm run -s agent-runner --'],
    [{ ...CLONE, INIT_CWD: '/src/agent-runner-2' }, 'npm run -s --prefix /src/agent-runner agent-runner --'],
    [
      { ...CLONE, INIT_CWD: '/shop', npm_package_json: '/my src/package.json' },
      "npm run -s --prefix '/my src' agent-runner --",
    ],
    [{ npm_command: 'exec' }, 'npx agent-runner'],
    [{ npm_package_name: 'shop', npm_lifecycle_event: 'test', npm_command: 'run-script' }, 'agent-runner'],
  ])('of %j is %s', (env, name) => {
    expect(programName(env)).toBe(name);
  });
});

describe('asCalled', () => {
  it('changes commands and nothing else', () => {
    const io = { program: 'npm run -s agent-runner --', homeFlags: '' };
    expect(asCalled(io, 'see `agent-runner logs -f x` and `agent-runner list`; agent-runner is fine')).toBe(
      'see `npm run -s agent-runner -- logs -f x` and `npm run -s agent-runner -- list`; agent-runner is fine',
    );
  });

  it('knows every command, and repeats the home for those that take one', () => {
    const io = { program: 'npx agent-runner', homeFlags: homeFlagsOf(['run', '--home', '/a b', 'x']) };
    for (const name of Object.keys(COMMANDS)) {
      const home = ['demo', 'config', 'callback', 'fork', 'pr'].includes(name) ? '' : " --home '/a b'";
      expect(asCalled(io, `agent-runner ${name} x`)).toBe(`npx agent-runner ${name}${home} x`);
    }
    // The flags are those of the command below `pipeline`, `keys` and `session`.
    expect(asCalled(io, 'agent-runner pipeline approve run-1 a && agent-runner keys create')).toBe(
      "npx agent-runner pipeline approve --home '/a b' run-1 a && npx agent-runner keys create --home '/a b'",
    );
    expect(asCalled(io, 'agent-runner pipeline schema')).toBe('npx agent-runner pipeline schema');
    expect(asCalled(io, 'agent-runner completion bash')).toBe('npx agent-runner completion bash');
    expect(asCalled(io, 'agent-runner running, agent-runner gc-like')).toBe(
      'agent-runner running, agent-runner gc-like',
    );
  });
});

describe('a server that was named', () => {
  it('is named again for the commands that know --url, and for no other', async () => {
    const io = { program: 'agent-runner', homeFlags: homeFlagsOf(['list', '--url', "http://h/it's"]) };
    for (const [name, listed] of Object.entries(COMMANDS)) {
      const command = new Command(name);
      (await listed.load()).command.define(command, io as unknown as Io);
      const all = [command, ...command.commands];
      const knows = all.some(({ options }) => options.some(({ long }) => long === '--url'));
      // `callback --url` is where the callback goes.
      const repeats = knows && name !== 'callback';
      const url = " --url 'http://h/it'\\''s'";
      expect(asCalled(io, `agent-runner ${name} x`)).toBe(`agent-runner ${name}${repeats ? url : ''} x`);
    }
  });
});

describe('homeFlagsOf', () => {
  it.each([
    [['run', 'task'], ''],
    [['run', '--home', 'h', '--home=/other', '--db-path=/d'], ' --home /other --db-path /d'],
    [['run', '--home', "it's"], " --home 'it'\\''s'"],
    [['run', '--', '--home', 'no'], ''],
    [['run', '--home'], ''],
    [['list', '--url=http://h'], ' --url http://h'],
    [['callback', '--url', 'http://hook'], ''],
  ])('of %j is %j', (argv, flags) => {
    expect(homeFlagsOf(argv)).toBe(flags);
  });
});
