import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, createMask, createStreamMask, LOG_LEVELS, MASK, type LogOptions } from '../src/log.ts';

const NOW = new Date('2026-01-02T03:04:05.678Z');

function logged(options: Partial<LogOptions> = {}): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  const log = createLog({
    level: 'debug',
    format: 'json',
    write: (line) => lines.push(line),
    now: () => NOW,
    ...options,
  });
  return { lines, log };
}

describe('createLog', () => {
  it('writes one JSON document a line', () => {
    const { lines, log } = logged();
    log.info('job accepted', { job_id: 'job-1', attempt: 2, ok: true, nothing: null });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: '2026-01-02T03:04:05.678Z',
      level: 'info',
      name: 'agent-runner',
      message: 'job accepted',
      job_id: 'job-1',
      attempt: 2,
      ok: true,
      nothing: null,
    });
  });

  it('writes text as time - name - LEVEL - message', () => {
    const { lines, log } = logged({ format: 'text', name: 'worker' });
    log.warn('lease lost', { job_id: 'job-1' });
    expect(lines).toEqual(['2026-01-02T03:04:05.678Z - worker - WARN - lease lost job_id=job-1\n']);
  });

  it.each(LOG_LEVELS)('shows %s and what is graver', (level) => {
    const { lines, log } = logged({ level });
    for (const at of LOG_LEVELS) log[at](at);
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(
      LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)),
    );
  });

  it.each(['json', 'text'] as const)('stays on one line in %s, whatever is said', (format) => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string(), fc.anything(), { maxKeys: 5 }),
        (said, fields) => {
          const { lines, log } = logged({ format });
          log.error(said, fields);
          expect(lines).toHaveLength(1);
          expect(lines[0]?.indexOf('\n')).toBe((lines[0]?.length ?? 0) - 1);
          if (format === 'json')
            expect((JSON.parse(lines[0] ?? '') as { message: string }).message).toBe(said);
          else expect(lines[0]?.slice(0, -1)).not.toMatch(/[\p{Cc}\u202e]/u);
        },
      ),
    );
  });

  it('lets no field pass for time, level, name or message', () => {
    const { lines, log } = logged();
    log.info('true words', { message: 'false words', level: 'error', time: 'never', name: 'someone' });
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      time: NOW.toISOString(),
      level: 'info',
      name: 'agent-runner',
      message: 'true words',
    });
  });

  it('never throws: broken writers, getters, cycles and clocks', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    const fields = {
      get trap(): string {
        throw new Error('trap');
      },
      cycle,
      big: 10n,
      symbol: Symbol('s'),
      nan: Number.NaN,
      undef: undefined,
      fn: () => 1,
      error: new Error('broken\nhere'),
    };
    const { lines, log } = logged();
    log.info('words', fields);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      trap: '(unreadable)',
      cycle: '(unreadable)',
      big: '10',
      nan: 'NaN',
    });
    const broken = createLog({
      level: 'debug',
      format: 'json',
      write: () => {
        throw new Error('the pipe is closed');
      },
    });
    expect(() => broken.error('words')).not.toThrow();
    expect(() => logged({ now: () => new Date(Number.NaN) }).log.info('words')).not.toThrow();
  });

  it('bounds message, fields and their number', () => {
    const { lines, log } = logged();
    const fields = Object.fromEntries(
      Array.from({ length: 1000 }, (_, at) => [`field${at}`, 'x'.repeat(10_000)]),
    );
    log.info('y'.repeat(1_000_000), fields);
    expect(lines[0]?.length).toBeLessThan(4100 + 50 * 2200);
  });

  it('masks secrets in message and fields, also where a cut goes through them', () => {
    const secret = 'hunter2-"quoted"-secret';
    const { lines, log } = logged({ mask: createMask([secret]) });
    log.info(`token ${secret}`, { header: `Bearer ${secret}`, nested: { deep: [secret] } });
    for (let pad = 1980; pad < 2005; pad++)
      log.info('cut', { long: `${'x'.repeat(pad)}${secret}${'y'.repeat(3000)}` });
    expect(lines.join('')).not.toContain('hunter2');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ message: `token ${MASK}`, header: `Bearer ${MASK}` });
  });
});

const secretText = fc
  .string({ unit: 'grapheme', minLength: 8, maxLength: 40 })
  .filter((text) => text.trim().length >= 8);

describe('createMask', () => {
  const secret = 'p@ss word/+1é!';
  const mask = createMask([secret]);

  it.each([
    ['as it is', `key=${secret};`, `key=${MASK};`],
    ['twice', `${secret}${secret}`, `${MASK}${MASK}`],
    ['URL-encoded', `?k=${encodeURIComponent(secret)}&x`, `?k=${MASK}&x`],
    [
      'URL-encoded in lower case',
      encodeURIComponent(secret).replace(/%../g, (code) => code.toLowerCase()),
      MASK,
    ],
    ['form-encoded', new URLSearchParams({ k: secret }).toString(), `k=${MASK}`],
  ])('finds it %s', (_name, text, masked) => {
    expect(mask(text)).toBe(masked);
  });

  it.each([
    ['base64', (text: string) => Buffer.from(text).toString('base64')],
    ['base64url', (text: string) => Buffer.from(text).toString('base64url')],
  ])('finds it in %s, alone and inside a longer text, at every offset', (_name, encode) => {
    fc.assert(
      fc.property(
        secretText,
        fc.string({ maxLength: 12 }),
        fc.string({ maxLength: 12 }),
        (value, before, after) => {
          const encoded = encode(before + value + after);
          const masked = createMask([value])(encoded);
          expect(masked).toContain(MASK);
          // What is left beside the mask decodes to nothing of the secret but bits at its borders.
          const outside = Buffer.byteLength(before) + Buffer.byteLength(after);
          expect(masked.replaceAll(MASK, '').length).toBeLessThanOrEqual(Math.ceil((outside * 4) / 3) + 8);
        },
      ),
    );
  });

  it('leaves no occurrence of any secret, in any text', () => {
    fc.assert(
      fc.property(
        fc.array(secretText, { maxLength: 4 }),
        fc.array(fc.string({ maxLength: 10 })),
        (secrets, words) => {
          const text = words
            .map((word, at) => word + (secrets[at % Math.max(1, secrets.length)] ?? ''))
            .join('');
          const masked = createMask(secrets)(text);
          for (const value of secrets)
            if (!MASK.includes(value))
              expect(masked.split(MASK).some((part) => part.includes(value))).toBe(false);
        },
      ),
    );
  });

  it('hides overlapping secrets whole', () => {
    expect(createMask(['abcdefgh', 'efghijkl'])('-abcdefghijkl-')).toBe(`-${MASK}-`);
    expect(createMask(['abcdefgh', 'abcdefghijkl'])('-abcdefghijkl-')).toBe(`-${MASK}-`);
  });

  it('leaves short values and all other text alone', () => {
    expect(createMask(['short', '1234567'])('short 1234567')).toBe('short 1234567');
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(createMask([])(text)).toBe(text);
        expect(createMask(['\u{1F512}'.repeat(8)])(text)).toBe(text);
      }),
    );
  });

  it('masks lines of a key on their own, and a value without its final newline', () => {
    const key = '-----BEGIN KEY-----\nMIIEowIBAAKCAQEA0123\nabcdefghijklmnopqrst\n-----END KEY-----\n';
    const masked = createMask([key])(`log: abcdefghijklmnopqrst\nand ${key.trim()}`);
    expect(masked).toBe(`log: ${MASK}\nand ${MASK}`);
  });

  it('takes bounded time for a megabyte that looks like the secret everywhere', () => {
    const started = performance.now();
    expect(createMask(['a'.repeat(20)])('a'.repeat(1024 * 1024))).toBe(MASK);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('does not fail on half a surrogate pair', () => {
    expect(createMask(['\ud83d\ude00 secret \ud83d'])('x')).toBe('x');
  });
});

describe('createStreamMask', () => {
  /** Cuts a text at arbitrary places. */
  const cutting = (text: string, cuts: readonly number[]): string[] => {
    const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].toSorted((a, b) => a - b);
    return [...places, text.length].map((place, at) => text.slice(places[at - 1] ?? 0, place));
  };
  const run = (secrets: readonly string[], pieces: readonly string[]): string => {
    const mask = createStreamMask(secrets);
    return pieces.map((piece) => mask.push(piece)).join('') + mask.end();
  };

  it('makes of any pieces what createMask makes of the whole', () => {
    const letters = fc.constantFrom('abababab', 'babababab', 'aaaaaaaa', 'secret-value', 'value-secret');
    const word = fc.oneof(letters, fc.constantFrom('a', 'b', 'secret', '-', 'value', ' '));
    fc.assert(
      fc.property(
        fc.array(letters, { maxLength: 3 }),
        fc.array(word),
        fc.array(fc.nat(300)),
        (secrets, words, cuts) => {
          const text = words.join('');
          expect(run(secrets, cutting(text, cuts))).toBe(createMask(secrets)(text));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('finds a secret that comes one character at a time, also encoded', () => {
    const secret = 'correct horse battery';
    const text = `x ${secret} y ${Buffer.from(`user:${secret}`).toString('base64')} z`;
    const masked = run([secret], text.split(''));
    expect(masked).toBe(createMask([secret])(text));
    expect(masked.split(MASK)).toHaveLength(3);
  });

  it('shows at once what can be no secret, and holds back only what could become one', () => {
    const mask = createStreamMask(['secret-value']);
    expect(mask.push('hello ')).toBe('hello ');
    expect(mask.push('my sec')).toBe('my ');
    expect(mask.push('ond')).toBe('second');
    expect(mask.push(' secret-val')).toBe(' ');
    expect(mask.end()).toBe('secret-val');
  });

  it('holds a bounded part of an endless stream that always looks like the secret', () => {
    const mask = createStreamMask(['a'.repeat(16)]);
    let shown = 0;
    for (let count = 0; count < 2000; count++) shown += mask.push('a'.repeat(64)).length;
    expect(shown).toBe(MASK.length);
    expect(mask.push(' end')).toBe(' end');
    expect(mask.end()).toBe('');
  });
});
