import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMeter } from '../../src/gateway/meter/meter.ts';
import { createSseSplitter } from '../../src/gateway/meter/sse.ts';
import { costOf, createPriceBook, tokensIn } from '../../src/gateway/spend/prices.ts';
import { DEFAULT_MODELS, findModel, requireDialect, resolveProviders } from '../../src/gateway/providers.ts';
import { SPEECHES } from './scripted.ts';

/** Cuts a text's bytes at the places given. */
function cut(text: string, places: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text);
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

const places = fc.array(fc.nat(), { maxLength: 40 });
const ending = fc.constantFrom('\n', '\r\n', '\r');

describe('a stream that is cut anywhere', () => {
  it.each(SPEECHES.map((speech) => [speech.dialect, speech] as const))(
    'of %s is counted the same',
    (dialect, speech) => {
      fc.assert(
        fc.property(places, ending, (cuts, end) => {
          const text = speech.events.join('').replaceAll('\n', end);
          const meter = createMeter(dialect, true, false);
          const out = [...cut(text, cuts).flatMap((piece) => meter.push(piece)), ...meter.end()];
          expect(Buffer.concat(out).toString()).toBe(text);
          const { usage } = meter.result();
          expect(usage).toMatchObject({
            cacheRead: speech.tokens.read,
            cacheWrite: speech.tokens.write,
            output: speech.tokens.out,
          });
          expect(usage === null ? 0 : tokensIn(usage)).toBe(speech.tokens.in);
        }),
      );
    },
  );

  it('loses nothing but the usage that nobody asked for', () => {
    const speech = SPEECHES[0];
    fc.assert(
      fc.property(places, ending, (cuts, end) => {
        const text = (speech?.events ?? []).join('').replaceAll('\n', end);
        const meter = createMeter('openai-chat', true, true);
        const out = [...cut(text, cuts).flatMap((piece) => meter.push(piece)), ...meter.end()];
        const kept = (speech?.events ?? []).filter((event) => !event.includes('"choices":[]'));
        expect(Buffer.concat(out).toString()).toBe(
          kept.join('').replaceAll(',"usage":null', '').replaceAll('\n', end),
        );
        expect(meter.result().usage).toMatchObject({ input: 60, cacheRead: 40, output: 20 });
      }),
    );
  });

  it('of any bytes comes out as it went in', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.uint8Array({ maxLength: 30 }),
            fc.constantFrom(...['\n\n', '\r\n', '\r', 'data: {', '"usage"'].map((t) => Buffer.from(t))),
          ),
        ),
        (pieces) => {
          const splitter = createSseSplitter();
          const events = pieces.flatMap((piece) => splitter.push(Buffer.from(piece)));
          const rest = splitter.end();
          const out = Buffer.concat(
            [...events, ...(rest === null ? [] : [rest])].map((event) => event.bytes),
          );
          expect(out.equals(Buffer.concat(pieces))).toBe(true);
          for (const dialect of SPEECHES.map((one) => one.dialect)) {
            const meter = createMeter(dialect, true, false);
            for (const piece of pieces) meter.push(Buffer.from(piece));
            meter.end();
            expect(() => meter.result()).not.toThrow();
          }
        },
      ),
    );
  });

  it('of Anthropic that ends early has told what it read', () => {
    const speech = SPEECHES.find((one) => one.dialect === 'anthropic');
    const meter = createMeter('anthropic', true, false);
    meter.push(Buffer.from((speech?.events ?? []).slice(0, 3).join('')));
    meter.end();
    expect(meter.result()).toMatchObject({
      usage: null,
      begun: { input: 50, cacheRead: 40, cacheWrite: 10 },
    });
    expect(meter.result().outputChars).toBeGreaterThan(5);
  });

  it('that holds an error says it', () => {
    const meter = createMeter('anthropic', true, false);
    meter.push(
      Buffer.from(
        'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
      ),
    );
    expect(meter.result().error).toBe('Overloaded');
    const failed = createMeter('openai-responses', true, false);
    failed.push(
      Buffer.from('data: {"type":"response.failed","response":{"error":{"message":"no"},"usage":null}}\n\n'),
    );
    expect(failed.result()).toMatchObject({ error: 'no', usage: null });
  });
});

describe('prices', () => {
  const tokens = {
    input: 1000,
    cacheRead: 100,
    cacheWrite: 30,
    cacheWriteLong: 10,
    output: 50,
    reasoning: 5,
  };

  it('add up exactly', () => {
    const price = { input: 0.075, output: 0.3, cache_read: 0.0075, cache_write: 0.1 };
    // In picodollars: 1000 · 75,000 + 100 · 7,500 + 20 · 100,000 + 10 · 150,000 + 50 · 300,000
    expect(costOf(price, tokens)).toBe(94_250_000);
    expect(costOf({ input: 1, output: 2 }, tokens)).toBe((1000 + 100 + 20 + 2 * 10 + 2 * 50) * 1e6);
  });

  it('follow the size of the request where they depend on it', () => {
    const price = { input: 1, output: 1, above: [{ input_tokens: 1000, input: 3, output: 3 }] };
    const plain = { ...tokens, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0 };
    expect(costOf(price, plain)).toBe(1050e6);
    expect(costOf(price, { ...plain, input: 1001 })).toBe(3 * 1051e6);
  });

  it('are known for current models, with a date and without; of others nobody knows them', () => {
    const book = createPriceBook({ 'test/own': { input: 1, output: 1 }, anywhere: { input: 2, output: 2 } }, [
      'ollama',
    ]);
    expect(book.priceOf('anthropic', 'claude-sonnet-5')).toMatchObject({ input: 2, output: 10 });
    expect(book.priceOf('openai', 'gpt-6-sol-2026-09-01')).toMatchObject({ input: 2, output: 10 });
    expect(book.priceOf('openai', 'no-such-model')).toBeNull();
    expect(book.priceOf('custom', 'gpt-5')).toBeNull();
    expect(book.priceOf('ollama', 'qwen')).toEqual({ input: 0, output: 0 });
    expect(book.priceOf('test', 'own')).toEqual({ input: 1, output: 1 });
    expect(book.priceOf('test', 'anywhere')).toEqual({ input: 2, output: 2 });
    expect(book.source).toMatch(/of \d{4}-\d{2}-\d{2} \(MIT\)/);
  });

  it('are known for every model that is taken where none is named', () => {
    const book = createPriceBook();
    for (const [provider, model] of DEFAULT_MODELS) expect(book.priceOf(provider, model)).not.toBeNull();
  });
});

describe('providers', () => {
  const providers = resolveProviders({
    mine: { base_url: 'http://127.0.0.1:9/', key: 'k' },
    openai: { base_url: 'https://proxy.example/x/' },
  });

  it('are known by name, and changed or added by configuration', () => {
    expect(findModel(providers, 'openai/gpt-6-sol', null)).toMatchObject({
      model: 'gpt-6-sol',
      provider: { baseUrl: 'https://proxy.example/x' },
    });
    expect(findModel(providers, 'mine/a/b', null)).toMatchObject({
      model: 'a/b',
      provider: { baseUrl: 'http://127.0.0.1:9/v1' },
    });
    expect(findModel(providers, 'gemini/gemini-3.8-flash', null)).toMatchObject({
      provider: { name: 'google' },
    });
    expect(findModel(providers, 'vendor/model', 'openrouter')).toMatchObject({
      model: 'vendor/model',
      provider: { name: 'openrouter' },
    });
  });

  it('that are unknown, or no URL, are named', () => {
    expect(() => findModel(providers, 'nobody/x', null)).toThrow('names no known provider');
    expect(() => resolveProviders({ x: {} })).toThrow('x has no base_url');
    for (const url of ['ftp://a', 'a', 'http://u:p@h', 'http://h/?key=1'])
      expect(() => resolveProviders({ x: { base_url: url } })).toThrow('is no base URL');
  });

  it('must speak what the agent speaks', () => {
    const ref = findModel(providers, 'openai/gpt-6-sol', null);
    expect(() => requireDialect(ref, ['anthropic', 'openai-chat'], 'x')).not.toThrow();
    expect(() => requireDialect(ref, ['anthropic'], 'claude')).toThrow(
      'openai speaks openai-chat, openai-responses, claude anthropic',
    );
  });
});
