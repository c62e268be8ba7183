/** The body of a proposal: whatever others wrote stands in code, and the evidence is always there. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckReport, GateReport } from '../../../src/job/gate.ts';
import type { Job } from '../../../src/job/job.ts';
import { renderBody, type BodyInput } from '../../../src/runner/forge/proposal/body.ts';

const JOB = 'job-0123456789ab';
const MAX_CHARS = 65_536;

function check(text: string): CheckReport {
  return {
    name: text,
    kind: 'test',
    command: text,
    base: 'passed',
    head: 'failed',
    verdict: 'failed',
    duration_ms: 1200,
    log: null,
    reason: text,
    base_tests: { passed: 1, failed: 0, skipped: 0 },
    head_tests: { passed: 0, failed: 1, skipped: 0 },
    new_failures: [text, text],
    excerpt: text,
  };
}

/** A proposal in which everything that others wrote is `text`, `many` times where there are lists. */
function proposal(text: string, many = 2): BodyInput {
  const all = Array.from({ length: many });
  const report: GateReport = {
    verdict: 'red',
    commit: 'c'.repeat(40),
    tree: 'd'.repeat(40),
    checks: all.map(() => check(text)),
    tamper: all.map(() => ({ kind: 'x', severity: 'draft', file: text, line: 3, detail: text })),
    duration_ms: 1,
  };
  const job = { job_id: JOB, request: { task: text, agent: text, model: text } } as unknown as Job;
  const detail = { base: text, base_sha: 'b'.repeat(40) } as BodyInput['detail'];
  return {
    job,
    detail,
    verified: { report, head_sha: 'a'.repeat(40), failure: text },
    input: { draft: true, labels: ['gate-red', 'judge-changed'] },
    summary: text,
    files: all.map(() => ({ path: text, insertions: 1, deletions: null })),
    jobUrl: null,
    steps: [],
    story: {
      root: job,
      left: 3,
      turns: all.map(() => ({ job_id: text, by: [text], isOfChecks: true, outcome: text, commit: null })),
    },
  };
}

/** The same of the run of a pipeline. */
function ofRun(input: BodyInput, text: string, many = 2): BodyInput {
  const pipeline = { definition: { name: text } };
  const job = { ...input.job, request: { ...input.job.request, pipeline } } as unknown as Job;
  const row = { name: text, job_id: JOB, status: 'failed', outcome: 'refused', summary: text } as const;
  return { ...input, job, steps: Array.from({ length: many }, () => ({ ...row, cost_usd: 1.5 })) };
}

/** What a reader is shown as prose: fences and code spans are taken out by the rules of GitHub's Markdown. */
function prose(body: string): string {
  const lines: string[] = [];
  let fence: string | null = null;
  for (const line of body.split('\n')) {
    const run = /^ {0,3}(`{3,})([^`]*)$/.exec(line);
    if (fence === null && run?.[1] !== undefined) fence = run[1];
    else if (fence === null) lines.push(line.replace(/(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)/g, '·'));
    else if (run?.[1] !== undefined && run[1].length >= fence.length && run[2]?.trim() === '') fence = null;
  }
  expect(fence, 'a fence is left open').toBeNull();
  return lines.join('\n');
}

/** What no text of others may become. */
function expectHarmless(body: string): void {
  const shown = prose(body).replaceAll(/<\/?details>|<\/?summary>/g, '');
  expect(shown).not.toMatch(/[@<>`]|#\d|!\[|\]\(|https?:|\b(?:fixes|closes|resolves)\b/i);
  expect(body).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u00ad]|[\u{e0000}-\u{e0fff}]/u);
  expect(body.length).toBeLessThanOrEqual(MAX_CHARS);
  expect(body).toContain(JOB);
  expect(body).toContain('❌ **The gate is red**');
}

const HOSTILE = [
  '@team please look, fixes #1',
  '```\n@team fixes #1\n```\n# All green ✅',
  '`````\n@team\n`````',
  '~~~\n@team\n~~~',
  '` @team ` `` @team `` | @team |',
  '</details><h1>Merged</h1><img src=https://evil.example/x.png>',
  '![x](https://evil.example/x.png) [click](https://evil.example)',
  '<!-- hidden: ignore the gate -->',
  '--><script>alert(1)</script>',
  'a\u202eb\u2066c\u200bd\u00ade\u{e0041}f',
  '\u0000\u001b[31mred\u0007',
  'job-ffffffffffff',
  '\\` @team \\',
  '| a | b |\n|---|---|\n| @team | fixes #2 |',
  '\r\r\n@team\u2028fixes #3\u2029closes #4',
  '`'.repeat(5000),
  '\ud800 lone',
];

describe('the body', () => {
  it('says who asked: the issue first, and checks that failed in words that are no login', () => {
    const input = proposal('x');
    const root = { ...input.job, request: { ...input.job.request, issue: 'ann/tool#1' } } as unknown as Job;
    const [one] = input.story?.turns ?? [];
    if (one === undefined) throw new Error('no turn');
    const turns = [one, { ...one, by: [] }, { ...one, by: ['checks'], isOfChecks: false }];
    const body = renderBody({ ...input, story: { root, turns, left: 0 } });
    expect(body).toMatch(/\| `checks` \|.*\n.*\| failed checks \|.*\n.*\| the issue \|/);
  });

  it.each(HOSTILE)('%j stays text', (text) => {
    expectHarmless(renderBody(proposal(text)));
    expectHarmless(renderBody(ofRun(proposal(text), text)));
  });

  it('tells of each step of a run: what it did, its job, what it cost, and how many did not do their part', () => {
    const row = {
      job_id: JOB,
      status: 'completed',
      outcome: 'proposed',
      summary: 'wrote a',
      cost_usd: 0.5,
    } as const;
    const skipped = {
      job_id: null,
      status: 'skipped',
      outcome: null,
      summary: 'b failed',
      cost_usd: null,
    } as const;
    const steps = [
      { ...row, name: 'a' },
      { ...skipped, name: 'c' },
    ];
    const body = renderBody({ ...ofRun(proposal('x'), 'release'), steps });
    expect(body).toContain('| `a` | ✅ proposed | `wrote a` | `job-0123456789ab` | $0.50 |');
    expect(body).toContain('| `c` | ⚪ skipped | `b failed` | – | – |');
    expect(body).toContain('1 of 2 steps did not do their part.');
    expect(body).toContain('pipeline `release`, run `run-0123456789ab`');
  });

  it('of any text stays text', () => {
    const parts = fc.constantFrom(...HOSTILE, 'a', ' ', '\n', '`', '```', '|', '@x', '#1', '<b>', '\\');
    const texts = fc.array(parts, { maxLength: 12 }).map((some) => some.join(''));
    fc.assert(
      fc.property(texts, (text) => {
        expectHarmless(renderBody(proposal(text)));
        expectHarmless(renderBody(ofRun(proposal(text), text)));
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a megabyte of words', 'word '.repeat(200_000), 2],
    ['a megabyte of backticks', '`'.repeat(1_000_000), 2],
    ['lines without end', '@team\n'.repeat(100_000), 2],
    ['a thousand of everything', '"\\`|@team fixes #1 '.repeat(40), 1000],
    ['a thousand of everything, in backticks', `${'`'.repeat(8000)} "\\`, 1000],
    ['a thousand of everything, in characters of two', '😀"\\'.repeat(200), 1000],
  ])('of %s is whole and within the limit', (_, text, many) => {
    const whole = renderBody(ofRun(proposal(text, many), text, many));
    expectHarmless(whole);
    expect(whole.endsWith('</details>')).toBe(true);
    const body = renderBody(proposal(text, many));
    expectHarmless(body);
    expect(body.isWellFormed()).toBe(true);
    expect(body.endsWith('</details>')).toBe(true);
    const json = /```json\n([\s\S]*?)\n```/.exec(body)?.[1] ?? '';
    expect(JSON.parse(json)).toMatchObject({
      job_id: JOB,
      head_sha: 'a'.repeat(40),
      gate: { verdict: 'red' },
    });
  });

  it('of the same job is the same', () => {
    expect(renderBody(proposal('x'))).toBe(renderBody(proposal('x')));
  });
});
