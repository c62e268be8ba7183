/** A pipeline's file: YAML and JSON, and where in it something is wrong. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parsePipelineText, readPipeline } from '../../../src/runner/pipeline/file/file.ts';
import { pipelineJsonSchema } from '../../../src/runner/pipeline/file/schema.ts';
import { REFUSALS } from './refusals.ts';

const GOOD = `name: checks
steps:
  - name: lint
    task: Mend it
  - name: test
    task: Test it
    depends_on: [lint]
`;

/** What is thrown of a text. */
function refusal(text: string): string {
  try {
    parsePipelineText(text, 'ci.yml');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('it is not refused');
}

describe('a file', () => {
  it('is YAML or JSON', () => {
    const steps = [
      { name: 'lint', task: 'Mend it' },
      { name: 'test', task: 'Test it', depends_on: ['lint'] },
    ];
    expect(parsePipelineText(GOOD, 'ci.yml')).toEqual(
      parsePipelineText(JSON.stringify({ name: 'checks', steps }), 'ci.json'),
    );
  });

  it('is told where all of it is wrong, in the order of its lines', () => {
    expect(refusal(GOOD.replace('[lint]', '[lnt]').replace('task: Mend it', 'taks: Mend it'))).toBe(
      [
        'ci.yml:3:5: steps[0].task: it is missing; say in a sentence what the step does',
        'ci.yml:4:11: steps[0].taks: there is no such field of a step; did you mean task?',
        'ci.yml:7:18: steps[1].depends_on[0]: there is no step "lnt"; did you mean lint?',
      ].join('\n'),
    );
  });

  it('of JSON is told line and column as well', () => {
    expect(refusal('{\n  "name": "p",\n  "steps": [{"name": "a", "task": 7}]\n}')).toBe(
      'ci.yml:3:35: steps[0].task: 7 is no text; put it in quotes: "7"',
    );
  });

  it.each([
    ['a tab where blanks belong', 'name: p\nsteps:\n\t- name: a\n', /^ci\.yml:3:1: /],
    ['a key that comes twice', 'name: p\nname: q\n', /^ci\.yml:2:1: this key is there already/],
    [
      'an anchor that grows',
      `a: &a [${'x,'.repeat(9)}x]\n${'bcdefghij'
        .split('')
        .map((k, i) => `${k}: &${k} [${`*${'abcdefghi'[i]},`.repeat(9)}*${'abcdefghi'[i]}]`)
        .join('\n')}\n`,
      /refers to itself .* aliases/,
    ],
    ['brackets without end', '['.repeat(200_000), /^ci\.yml:/],
    ['a second document', 'name: p\n---\nname: q\n', /^ci\.yml:2:1: a second document begins/],
    ['a text alone', 'hello', /is no pipeline/],
    ['nothing', '', /^ci\.yml: the file is empty/],
    ['comments alone', '# later\n', /the file is empty/],
    ['more than a mebibyte of YAML', `# ${'x'.repeat(1024 * 1024)}\n${GOOD}`, /too many/],
  ])('refuses %s', (_, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('as JSON may have ten thousand steps', () => {
    const steps = Array.from({ length: 10_000 }, (_, at) => ({
      name: `s${at}`,
      task: 'x'.repeat(150),
      depends_on: at === 0 ? [] : [`s${at - 1}`],
    }));
    expect(readPipeline(JSON.stringify({ name: 'p', steps })).ok).toBe(true);
  });
});

describe('the JSON Schema', () => {
  const schema = pipelineJsonSchema();
  const check = new Ajv2020({ strict: false }).compile(schema);

  it('is the published one (npm run schema)', () => {
    const path = join(import.meta.dirname, '../../../docs/pipeline.schema.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(schema);
  });

  it('takes what is taken, in short forms and whole, and refuses fields that are none', () => {
    const short = {
      name: 'p',
      labels: 'bot',
      steps: [
        { name: 'a', task: 'x', approval: true, outputs: { count: 'integer' } },
        { name: 'b', task: 'x', depends_on: 'a', approval: ['ann'], condition: 'steps.a.output.count > 1' },
        { name: 'c', task: 'x', approval: { approvers: 'ann', message: 'Go on?' }, budget: { max_turns: 3 } },
      ],
    };
    const read = readPipeline(JSON.stringify(short));
    expect(read.ok && [check(short), check(read.pipeline)]).toEqual([true, true]);
    expect(check({ ...short, extra: 1 })).toBe(false);
  });

  it('takes nothing of a form that is refused', () => {
    // What steps say of each other no schema tells.
    const ofForm = REFUSALS.filter(([what]) => /^no |^a step without|is none$|of another type/.test(what));
    expect(ofForm.length).toBeGreaterThan(6);
    for (const [what, definition] of ofForm) expect([what, check(definition)]).toEqual([what, false]);
  });
});
