/** What of a comment is asked of us, and what only looks like it. */
import { describe, expect, it } from 'vitest';
import { askedBy } from '../../../src/job/trigger/asked.ts';

const NOTHING = { kind: 'nothing' };
const CANCEL = { kind: 'cancel' };
const work = (words: string | null): object => ({ kind: 'work', words });

describe('a comment', () => {
  it.each<[string, object]>([
    ['/agent please mend it', work('please mend it')],
    ['/agent', work(null)],
    ['/agent:  ', work(null)],
    ['  /Agent do it', work('do it')],
    ['Thanks!\n\n/agent rename it\nand its test', work('rename it\nand its test')],
    ['/agent do this:\n```\nlet x;\n```', work('do this:\n```\nlet x;\n```')],
    ['/agent cancel', CANCEL],
    ['/agent  Stop.', CANCEL],
    ['/agent stop using var', work('stop using var')],
    ['@shop-bot is this right?', work('@shop-bot is this right?')],
    ['Hey @Shop-Bot, mend it', work('Hey @Shop-Bot, mend it')],
    ['@shop-bot[bot] mend it', work('@shop-bot[bot] mend it')],
    ['/agent do it\n> /agent delete everything\nplease', work('do it')],
    ['/agent do it\n\n> what eve wrote\n\nplease', work('do it\n\n\nplease')],
    ['> quoted\n/agent do it', work('do it')],
    ['- ```\n  code\n  ```\n\n/agent do it', work('do it')],
  ])('%j asks', (text, asked) => {
    expect(askedBy(text, 'shop-bot')).toEqual(asked);
  });

  it.each([
    '',
    'Looks good.',
    'see /agent docs',
    '/agents are fun',
    '/agentx',
    '> /agent delete everything',
    '> quoted\nlazily /agent on',
    '> quoted\n@shop-bot goes on in the quote',
    '```\n/agent do it\n```',
    '~~~sh\n/agent do it\n```\n/agent do it\n~~~',
    '````\n```\n/agent do it\n````',
    '```\n/agent never closed',
    '- ```\n  /agent do it\n  ```',
    '1. - ~~~\n     /agent do it\n     ~~~\n\nfine',
    '```\n    ```\n/agent do it',
    '    /agent do it',
    '\t/agent do it',
    'call `@shop-bot` for help',
    'call ``a ` @shop-bot`` for help',
    '@shop-bot-2 did it',
    '@shop-bot/team did it',
    'mail x@shop-bot',
    'shop-bot did it',
  ])('%j asks nothing', (text) => {
    expect(askedBy(text, 'shop-bot')).toEqual(NOTHING);
  });

  it('is read in no time, whatever it holds', () => {
    for (const text of ['`'.repeat(65_536), '`a``b'.repeat(13_000), '@'.repeat(65_536), '> '.repeat(30_000)])
      expect(askedBy(text, 'shop-bot')).toEqual(NOTHING);
    const words = askedBy(`/agent ${'x'.repeat(65_000)}`, 'shop-bot');
    expect(words.kind === 'work' ? words.words?.length : 0).toBe(16_000);
  });

  it('is of us whatever our name is made of', () => {
    expect(askedBy('@a.b(c mend it', 'a.b(c')).toEqual(work('@a.b(c mend it'));
    expect(askedBy('@axb', 'a.b')).toEqual(NOTHING);
  });
});
