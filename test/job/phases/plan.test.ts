import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_SUBTASKS, parsePlan } from '../../../src/job/phases/plan.ts';

const PLAN = {
  reasoning: 'code before callers',
  subtasks: [
    { name: 'code', task: 'mend "}" the {sum}', files: ['src/sum.js'] },
    { name: 'callers', task: 'call it rightly', files: [] },
  ],
};
const JSON_TEXT = JSON.stringify(PLAN);
const many = (count: number) => ({
  reasoning: '',
  subtasks: Array.from({ length: count }, (_, at) => ({ name: `part ${at}`, task: 'do it' })),
});

describe('a plan is found', () => {
  it.each([
    ['alone', JSON_TEXT],
    ['in a fenced block', `Here it is:\n\`\`\`json\n${JSON_TEXT}\n\`\`\`\nGood luck.`],
    ['in a block without a language', `~~~\n${JSON.stringify(PLAN, null, 2)}\n~~~`],
    ['in the middle of a sentence', `I think {this} is it: ${JSON_TEXT} and nothing else {.`],
    [
      'after a first thought',
      `\`\`\`json\n{"subtasks":[]}\n\`\`\`\nNo, better:\n\`\`\`json\n${JSON_TEXT}\n\`\`\``,
    ],
  ])('%s', (_, answer) => {
    expect(parsePlan(answer)).toEqual({ ...PLAN, problem: null });
  });
});

describe('what is no plan becomes one sub-task, and says why', () => {
  it.each([
    ['', 'answered nothing'],
    ['I would start with the tests.', 'holds no plan'],
    ['{"subtasks": [', 'holds no plan'],
    ['{"plan": []}', 'holds no plan'],
    ['{"subtasks": []}', 'names no sub-task'],
    ['{"subtasks": "all"}', 'names no sub-task'],
    [JSON.stringify(many(7)), '7 sub-tasks (allowed: 1 to 6)'],
    ['{"subtasks": [{"name": "a", "task": " "}]}', 'nothing to do'],
    ['{"subtasks": ["a"]}', 'nothing to do'],
    ['{"subtasks": [{"name":"A","task":"x"},{"name":"a","task":"y"}]}', 'the same name'],
  ])('%s', (answer, problem) => {
    const plan = parsePlan(answer);
    expect(plan.problem).toContain(problem);
    expect(plan.subtasks).toEqual([{ name: 'the whole task', task: 'Do the whole task.', files: [] }]);
  });

  it('keeps the reasons of a plan that can not be followed', () => {
    expect(parsePlan(JSON.stringify({ ...many(9), reasoning: 'big' }))).toMatchObject({ reasoning: 'big' });
  });
});

describe('what a plan may hold', () => {
  it('drops files that leave the repository or are no paths, and cuts what is long', () => {
    const files = [
      './src/a.js',
      'src/a.js',
      '../b',
      '/etc/passwd',
      '-rf',
      'a/../../b',
      'x\ny',
      7,
      'z'.repeat(300),
    ];
    const [one] = parsePlan(
      JSON.stringify({ subtasks: [{ name: 'n\n'.repeat(200), task: 't'.repeat(9000), files }] }),
    ).subtasks;
    expect(one?.files).toEqual(['src/a.js']);
    expect(one?.name.length).toBe(100);
    expect(one?.task.length).toBe(2000);
  });

  it('takes the first line of a piece as its name where it has none', () => {
    expect(parsePlan('{"subtasks":[{"task":"mend it\\nwell"}]}').subtasks[0]?.name).toBe('mend it');
  });

  it('is 1 to 6 sub-tasks of bounded size, whatever came', () => {
    const odd = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((json) => `\`\`\`json\n{"subtasks": ${json}}\n\`\`\``),
      fc
        .array(fc.record({ name: fc.string(), task: fc.string({ maxLength: 5000 }) }), { maxLength: 8 })
        .map((subtasks) => JSON.stringify({ subtasks })),
    );
    fc.assert(
      fc.property(odd, (answer) => {
        const { subtasks } = parsePlan(answer);
        expect(subtasks.length).toBeGreaterThanOrEqual(1);
        expect(subtasks.length).toBeLessThanOrEqual(MAX_SUBTASKS);
        for (const one of subtasks) expect(one.task.trim()).not.toBe('');
        expect(new TextEncoder().encode(JSON.stringify(subtasks)).length).toBeLessThan(64 * 1024);
      }),
      { numRuns: 500 },
    );
  });

  it('fits into the result of a step in any script', () => {
    const subtasks = Array.from({ length: 6 }, (_, at) => ({
      name: `${at}`,
      task: '語'.repeat(9000),
      files: ['語'.repeat(190)],
    }));
    const plan = parsePlan(JSON.stringify({ subtasks, reasoning: '語'.repeat(9000) }));
    expect(new TextEncoder().encode(JSON.stringify(plan)).length).toBeLessThan(60 * 1024);
  });
});
