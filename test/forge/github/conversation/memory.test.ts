/** Answers that are remembered are those that would be given now, whatever changes and whoever asks. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemory } from '../../../../src/forge/github/conversation/memory.ts';

/** A server of texts by key, which says so where a text is still the one that its tag names. */
function serve(texts: ReadonlyMap<string, string>) {
  const counted: string[] = [];
  const ask = (key: string) => (headers: Readonly<Record<string, string>>) => {
    const data = texts.get(key) ?? '';
    const etag = `W/"${data.length}-${data.slice(0, 20)}"`;
    if (headers['if-none-match'] === etag) {
      return Promise.reject(Object.assign(new Error('Not modified'), { status: 304, response: {} }));
    }
    counted.push(key);
    return Promise.resolve({ headers: { etag }, data });
  };
  return { ask, counted };
}

it('are what would be answered now', async () => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b'),
    text: fc.option(fc.string(), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step), async (steps) => {
      const texts = new Map<string, string>();
      const { ask } = serve(texts);
      const memory = createMemory();
      for (const { key, text } of steps) {
        if (text !== undefined) texts.set(key, text);
        expect(await memory.recall(key, ask(key), (data) => [data])).toEqual([texts.get(key) ?? '']);
      }
    }),
  );
});

it('are counted once, but for long ones and those that were asked for long ago', async () => {
  const texts = new Map([['long', 'x'.repeat(200_000)]]);
  const { ask, counted } = serve(texts);
  const memory = createMemory();
  const look = (key: string): Promise<string> => memory.recall(key, ask(key), (data) => data);
  for (let times = 0; times < 3; times++) await look('short');
  for (let times = 0; times < 2; times++) expect(await look('long')).toHaveLength(200_000);
  expect(counted).toEqual(['short', 'long', 'long']);
  for (let at = 0; at < 500; at++) await look(`other-${at}`);
  counted.length = 0;
  await look('other-499');
  await look('short');
  expect(counted).toEqual(['short']);
});

it('are no answers where asking fails otherwise', async () => {
  const memory = createMemory();
  const fails = (): Promise<never> => Promise.reject(new Error('lost'));
  await expect(memory.recall('a', fails, () => 1)).rejects.toThrow('lost');
});
