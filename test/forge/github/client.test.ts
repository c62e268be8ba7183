/** Asking GitHub: changes once, questions again, limits waited for, on a real HTTP server and as a property. */
import * as fc from 'fast-check';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { JobError } from '../../../src/job/error.ts';
import { again, asJobError, createClient, once, type Ask } from '../../../src/forge/github/client.ts';
import { createPace, createPaceBook } from '../../../src/forge/github/pace.ts';

const NEVER = new AbortController().signal;
let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server that gives one answer after the other, the last one for ever, and a client of it. */
async function serve(
  answers: readonly Answer[],
  signal = NEVER,
): Promise<{ ask: Ask; asked: string[]; notices: string[]; book: ReturnType<typeof createPaceBook> }> {
  const asked: string[] = [];
  const notices: string[] = [];
  const made = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.authorization ?? ''}`);
    answers[Math.min(asked.length, answers.length) - 1]?.(request, response);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const book = createPaceBook();
  const ask = await createClient({
    apiUrl: `http://127.0.0.1:${(made.address() as AddressInfo).port}`,
    authorization: () => Promise.resolve('token t'),
    signal,
    pace: createPace('bot', 1, { book }),
    onNotice: (notice) => notices.push(notice),
  });
  return { ask, asked, notices, book };
}

function say(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_, response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
}

const LOST: Answer = (request) => void request.socket.destroy();
const SECONDARY = { message: 'You have exceeded a secondary rate limit.' };

function fork(ask: Ask): Promise<unknown> {
  return ask('POST /repos/{owner}/{repo}/forks', { owner: 'ann', repo: 'tool' });
}

describe('a client', () => {
  it('asks a question again whose answer was lost', async () => {
    const { ask, asked } = await serve([LOST, say(200, { login: 'bot' })]);
    expect((await ask('GET /user')).data.login).toBe('bot');
    expect(asked).toEqual(['GET token t', 'GET token t']);
  });

  it.each([
    ['lost', LOST],
    ['a bad gateway', say(502, { message: 'Server Error' })],
  ])('asks for a change once where its answer is %s', async (_, answer) => {
    const { ask, asked } = await serve([answer]);
    await expect(fork(ask)).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  it.each([403, 429])(
    'waits as long as a limit says (%i), and all others of the account with it',
    async (status) => {
      const { ask, asked, notices, book } = await serve([
        say(status, SECONDARY, { 'retry-after': '1' }),
        say(202, {}),
      ]);
      const started = Date.now();
      await fork(ask);
      expect([asked.length, notices]).toEqual([2, ["GitHub's secondary limit: waiting 1 s"]]);
      await book.change('bot', (known) => {
        expect(known.heldUntilMs).toBeGreaterThanOrEqual(started + 1000);
        return known;
      });
    },
  );

  it('asks nothing again at once where it was told that it asks too much', async () => {
    const tooMuch = say(429, SECONDARY, { 'retry-after': '1' });
    const { ask, asked } = await serve([tooMuch, say(200, { login: 'bot' })]);
    await ask('GET /user');
    expect(asked).toHaveLength(2);
  });

  it('does not sit out a limit of an hour, which is no missing permission', async () => {
    const { ask, notices } = await serve([
      say(
        403,
        { message: 'API rate limit exceeded for user ID 1.' },
        {
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3600),
        },
      ),
    ]);
    const error = await fork(ask).catch((thrown: unknown) =>
      asJobError(thrown, 'fork ann/tool', 'repo_unusable'),
    );
    expect(error).toMatchObject({ code: 'infra_failed', hint: null });
    expect(notices).toEqual([expect.stringMatching(/^GitHub's primary limit: it asks for 36\d\d s$/)]);
  });

  it('ends a wait when the job is cancelled', async () => {
    const stop = new AbortController();
    const { ask, asked } = await serve([say(403, SECONDARY, { 'retry-after': '200' })], stop.signal);
    const asking = fork(ask);
    setTimeout(() => stop.abort(new Error('cancelled')), 100);
    await expect(asking).rejects.toThrow('cancelled');
    expect(asked).toHaveLength(1);
  });
});

describe('refusals', () => {
  it.each([
    [401, 'Bad credentials', 'repo_unusable', /BOT_TOKEN/],
    [403, 'Resource not accessible', 'repo_unusable', /may not fork it/],
    [404, 'Not Found', 'repo_unusable', /may see/],
    [403, 'You have exceeded a secondary rate limit', 'infra_failed', null],
    [429, 'Too many', 'infra_failed', null],
    [502, 'Server Error', 'infra_failed', null],
    [422, 'Validation Failed', 'infra_failed', null],
  ] as const)('%i %s is %s', (status, message, code, hint) => {
    const error = asJobError(
      Object.assign(new Error(message), { status, response: {} }),
      'fork it',
      'repo_unusable',
    );
    expect(error.code).toBe(code);
    if (hint === null) expect(error.hint).toBeNull();
    else expect(error.hint).toMatch(hint);
  });

  it('keep an error that is one already', () => {
    const known = new JobError('conflict', 'there');
    expect(asJobError(known, 'x', 'repo_unusable')).toBe(known);
  });
});

/** What can come of one request for a change. */
const FATES = ['done', 'lost_request', 'lost_answer', 'bad_gateway', 'refused'] as const;

function failure(status: number | null): Error {
  return Object.assign(new Error('failed'), status === null ? { status: 500 } : { status, response: {} });
}

describe('once', () => {
  it('makes at most one, whatever is lost, and finds it where it was made', async () => {
    const fates = fc.array(fc.constantFrom(...FATES), { maxLength: 8 });
    const looks = fc.array(fc.boolean(), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(fates, looks, fc.boolean(), async (plan, lostLooks, wasThere) => {
        let made = wasThere ? 1 : 0;
        let asked = 0;
        let looked = 0;
        const outcome = await once(
          async () => {
            if (lostLooks[looked++] === true) throw failure(null);
            return made > 0 ? 'it' : null;
          },
          async () => {
            const fate = plan[asked++] ?? 'done';
            if (fate === 'lost_answer' || fate === 'done') made++;
            if (fate === 'refused') throw failure(422);
            if (fate === 'bad_gateway') throw failure(502);
            if (fate !== 'done') throw failure(null);
            return 'it';
          },
          { pauseMs: 0, signal: NEVER },
        ).catch(() => null);
        expect(made).toBeLessThanOrEqual(1);
        expect(looked).toBeLessThanOrEqual(5);
        // What is said to be there is there; and a failure is said only where nothing is, or nobody could know.
        if (outcome !== null) expect([made, outcome.isNew]).toEqual([1, !wasThere]);
        else expect(made === 0 || looked === 5).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('takes an error of ours for an answer', async () => {
    let looks = 0;
    const find = (): Promise<never> => {
      looks++;
      return Promise.reject(new JobError('repo_unusable', 'no fork of it'));
    };
    await expect(once(find, find, { pauseMs: 0, signal: NEVER })).rejects.toThrow('no fork of it');
    expect(looks).toBe(1);
  });

  it('looks no more for a job that was cancelled', async () => {
    const stop = new AbortController();
    let looks = 0;
    const find = (): Promise<null> => {
      looks++;
      return Promise.resolve(null);
    };
    const make = (): Promise<never> => {
      stop.abort();
      return Promise.reject(failure(null));
    };
    await expect(once(find, make, { pauseMs: 0, signal: stop.signal })).rejects.toThrow('failed');
    expect(looks).toBe(1);
  });
});

describe('again', () => {
  it('asks until it is certain, and no refusal twice', async () => {
    let asked = 0;
    const lostOnce = (): Promise<string> =>
      ++asked === 1 ? Promise.reject(failure(null)) : Promise.resolve('ok');
    expect(await again(lostOnce, NEVER)).toBe('ok');
    expect(asked).toBe(2);
    const refused = (): Promise<never> => {
      asked++;
      return Promise.reject(failure(422));
    };
    await expect(again(refused, NEVER)).rejects.toThrow('failed');
    expect(asked).toBe(3);
  });
});
