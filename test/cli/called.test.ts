/** Advice that can be pasted: commands are named as this person has to call them. */
import { describe, expect, it } from 'vitest';
import { asCalled } from '../../src/cli/command.ts';
import { programName } from '../../src/config.ts';

describe('programName', () => {
  it.each([
    [{}, 'agent-runner'],
    [{ npm_package_name: 'agent-runner', npm_lifecycle_event: 'agent-runner' }, 'npm run -s agent-runner --'],
    [{ npm_package_name: 'agent-runner', npm_lifecycle_event: 'demo' }, 'npm run -s agent-runner --'],
    [{ npm_command: 'exec' }, 'npx agent-runner'],
    [{ npm_package_name: 'shop', npm_lifecycle_event: 'test', npm_command: 'run-script' }, 'agent-runner'],
  ])('of %j is %s', (env, name) => {
    expect(programName(env)).toBe(name);
  });
});

describe('asCalled', () => {
  it('changes commands and nothing else', () => {
    const io = { program: 'npm run -s agent-runner --' };
    expect(asCalled(io, 'see `agent-runner logs -f x` and `agent-runner list`; agent-runner is fine')).toBe(
      'see `npm run -s agent-runner -- logs -f x` and `npm run -s agent-runner -- list`; agent-runner is fine',
    );
  });
});
