/** Limits on changes: 80 a minute and 500 an hour, whoever asks, by times that are given. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPace, createPaceBook, waitFor, type PaceBook } from '../../../src/forge/github/pace.ts';

/** When `count` changes are asked for by somebody who asks again as soon as they may. */
function askedFor(count: number, gapMs: number): number[] {
  const times: number[] = [];
  let now = 0;
  for (let asked = 0; asked < count; asked++) {
    now += waitFor(times, now, gapMs);
    times.push(now);
  }
  return times;
}

/** The most of `times` within any window. */
function mostWithin(times: readonly number[], windowMs: number): number {
  return Math.max(
    ...times.map((from) => times.filter((time) => time >= from && time < from + windowMs).length),
  );
}

const NEVER = new AbortController().signal;

describe('waitFor', () => {
  it('lets a few follow each other at once, and then one a gap', () => {
    expect(askedFor(18, 1000)).toEqual([
      ...Array<number>(8).fill(0),
      ...Array<number>(8).fill(8000),
      16_000,
      16_000,
    ]);
  });

  it.each([1, 10, 1000, 5000])('keeps 80 a minute and 500 an hour with a gap of %i ms', (gapMs) => {
    const times = askedFor(1200, gapMs);
    expect(mostWithin(times, 60_000)).toBeLessThanOrEqual(80);
    expect(mostWithin(times, 3_600_000)).toBeLessThanOrEqual(500);
  });

  it('keeps them however the askers come', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 100, maxLength: 700 });
    fc.assert(
      fc.property(pauses, (all) => {
        const times: number[] = [];
        let now = 0;
        for (const pause of all) {
          now += pause;
          now += waitFor(times, now, 1000);
          times.push(now);
        }
        expect(mostWithin(times, 60_000)).toBeLessThanOrEqual(80);
        expect(mostWithin(times, 3_600_000)).toBeLessThanOrEqual(500);
        expect(mostWithin(times, 8000)).toBeLessThanOrEqual(8);
      }),
      { numRuns: 20 },
    );
  });
});

/** A clock that goes on only when everybody waits for it. */
function createClock(): {
  readonly now: () => number;
  readonly wait: (ms: number) => Promise<void>;
  run(): Promise<void>;
} {
  let time = 1_000_000;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  return {
    now: () => time,
    wait: (ms) => new Promise((wake) => sleepers.push({ at: time + ms, wake })),
    async run() {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        const [first] = sleepers.sort((a, b) => a.at - b.at);
        if (first === undefined) return;
        sleepers.shift();
        time = first.at;
        first.wake();
      }
    },
  };
}

describe('the pace of an account', () => {
  it('is one for all who share its book', async () => {
    const clock = createClock();
    const options = { book: createPaceBook(), ...clock };
    const workers = Array.from({ length: 3 }, () => createPace('bot', 1000, options));
    const times: number[] = [];
    const asking = Array.from({ length: 100 }, async (_, at) => {
      await workers[at % 3]?.next(NEVER);
      times.push(clock.now());
    });
    await clock.run();
    await Promise.all(asking);
    expect([times.length, mostWithin(times, 8000)]).toEqual([100, 8]);
    expect(mostWithin(times, 60_000)).toBeLessThanOrEqual(80);
    const before = clock.now();
    await createPace('another', 1000, options).next(NEVER);
    expect(clock.now()).toBe(before);
  });

  it('holds everybody back where the server named a limit', async () => {
    const clock = createClock();
    const options = { book: createPaceBook(), ...clock };
    const start = clock.now();
    await createPace('bot', 1, options).hold(40_000);
    const waits: number[] = [];
    const next = createPace('bot', 1, options).next(NEVER, (waitMs) => waits.push(waitMs));
    await clock.run();
    await next;
    expect([clock.now() - start, waits]).toEqual([40_000, [40_000]]);
  });

  it('is left by who gives up, and not kept by a clock that was set back', async () => {
    const book = createPaceBook();
    const pace = createPace('bot', 1000, { book });
    await pace.hold(10_000);
    const stop = new AbortController();
    const given = expect(pace.next(stop.signal)).rejects.toThrow(/abort/);
    setImmediate(() => stop.abort());
    await given;
    await expect(pace.next(stop.signal)).rejects.toThrow(/abort/);
    const future = Date.now() + 100 * 3_600_000;
    await book.change('bot', () => ({ times: Array<number>(500).fill(future), heldUntilMs: future }));
    await pace.next(NEVER);
  });

  it('is none with a gap of 0', async () => {
    const book: PaceBook = { change: () => Promise.reject(new Error('nobody keeps a pace')) };
    const pace = createPace('bot', 0, { book });
    await pace.hold(60_000);
    for (let asked = 0; asked < 600; asked++) await pace.next(NEVER);
  });
});
