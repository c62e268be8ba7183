import { describe, expect, it } from 'vitest';
import { makeHandover, type HandoverInput } from '../../../src/job/in-place/handover.ts';
import { play } from '../script.ts';

const START = { parent: 'a'.repeat(40), tip: null, on: 'main' };

async function handover(over: Partial<HandoverInput>): Promise<ReturnType<typeof makeHandover>> {
  const { result } = await play({ propose: { do: 'fail', code: 'infra_failed' } });
  return makeHandover({
    asked: 'x',
    rounds: [],
    result,
    start: START,
    place: '/home/me/my code',
    isFolder: false,
    current: 'main',
    delivered: null,
    ...over,
  });
}

describe('the commands of a handover', () => {
  it('name the branch that holds the result, also where the job failed after it was written', async () => {
    const told = await handover({ delivered: "it's" });
    expect(told).toMatchObject({
      branch: "it's",
      look: [`git -C '/home/me/my code' diff aaaaaaaaaaaa 'it'\\''s'`],
      go_on: [`git -C '/home/me/my code' switch 'it'\\''s'`],
      discard: [`git -C '/home/me/my code' branch -D 'it'\\''s'`],
    });
  });

  it('name none where no branch holds it', async () => {
    const told = await handover({});
    expect(told.branch).toBeNull();
    expect([...told.look, ...told.go_on, ...told.discard].join('\n')).not.toContain("''");
  });
});
