import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../../src/job/error.ts';
import { MAX_PROBLEMS, problemText } from '../../../src/job/pipeline/check/problem.ts';
import { MAX_PIPELINE_STEPS } from '../../../src/job/pipeline/definition.ts';
import { checkPipeline, parsePipeline } from '../../../src/job/pipeline/parse.ts';
import { MAX_TASK_BYTES } from '../../../src/job/request.ts';

const LINT = { name: 'lint', task: 'Run the linter.' };
const TEST = { name: 'test', task: 'Mend the tests.', depends_on: ['lint'] };

/** What is said of a pipeline of these steps: each problem in a line, its hint behind it. */
function said(...steps: readonly unknown[]): readonly string[] {
  return saidOf({ name: 'p', steps });
}

function saidOf(value: unknown): readonly string[] {
  const checked = checkPipeline(value);
  if (checked.ok) return [];
  return checked.problems.map((one) => problemText(one) + (one.hint === null ? '' : ` — ${one.hint}`));
}

const NAME_FORM = 'give 1 to 64 letters, digits, "-" or "_", a letter or digit first';
const PIPELINE_FORM = 'give 1 to 100 printable characters without "/", no "-" or blank first';

describe('a pipeline is refused with the path, what came, and what to do:', () => {
  it.each<[string, unknown, string]>([
    [
      'no object',
      'lint',
      '"lint" is no pipeline — give an object with name, repo_url, base, agent, model, resolve, policy, budget, draft, labels, reviewers, steps',
    ],
    ['no name', { steps: [LINT] }, `name: it is missing — ${PIPELINE_FORM}`],
    ['a name that is a number', { name: 7, steps: [LINT] }, 'name: 7 is no text — put it in quotes: "7"'],
    ['a name with a slash', { name: 'a/b', steps: [LINT] }, `name: "a/b" is no name — ${PIPELINE_FORM}`],
    [
      "an id's form",
      { name: 'pipe-0123456789ab', steps: [LINT] },
      'name: "pipe-0123456789ab" has the form of an id — take another name',
    ],
    ['no steps', { name: 'p' }, 'steps: it is missing — give a list of steps, each with name and task'],
    [
      'empty steps',
      { name: 'p', steps: [] },
      'steps: there are none — give a list of steps, each with name and task',
    ],
    [
      'steps that are an object',
      { name: 'p', steps: { lint: LINT } },
      'steps: an object is no list — give a list of steps, each with name and task',
    ],
    [
      'a field of another tool',
      { name: 'p', repo: 'o/n', steps: [LINT] },
      'repo: there is no such field of a pipeline — did you mean repo_url?',
    ],
    [
      'a field with a typo',
      { name: 'p', lables: [], steps: [LINT] },
      'lables: there is no such field of a pipeline — did you mean labels?',
    ],
    [
      'a repository that is an option',
      { name: 'p', repo_url: '--upload-pack=x', steps: [LINT] },
      'repo_url: "--upload-pack=x" is no repository — give a path, or an https://, ssh:// or file:// URL; it may not begin with "-"',
    ],
    [
      'a base that is none',
      { name: 'p', base: 'a..b', steps: [LINT] },
      'base: "a..b" is no branch, tag or commit — give a name like main, v1.2.0 or a commit id',
    ],
    [
      'resolve',
      { name: 'p', resolve: 'agents', steps: [LINT] },
      'resolve: "agents" is unknown (allowed: fail, agent) — did you mean agent?',
    ],
    [
      'a policy',
      { name: 'p', policy: { on_red: 'open' }, steps: [LINT] },
      'policy.on_red: "open" is unknown (allowed: block, draft)',
    ],
    [
      'a budget',
      { name: 'p', budget: { max_cost_usd: -1 }, steps: [LINT] },
      'budget.max_cost_usd: -1 is not allowed (a number from 0 to 1000000, or null for no limit)',
    ],
    [
      'a budget that is a fraction',
      { name: 'p', budget: { timeout_s: 0.5 }, steps: [LINT] },
      'budget.timeout_s: 0.5 is not allowed (a whole number from 1 to 1209600)',
    ],
    [
      'draft',
      { name: 'p', draft: 'yes', steps: [LINT] },
      'draft: "yes" is neither true nor false — write true or false, without quotes',
    ],
    [
      'reviewers',
      { name: 'p', reviewers: ['-x'], steps: [LINT] },
      'reviewers: "-x" is not allowed — give at most 50 logins, or teams as org/team',
    ],
  ])('%s', (_what, value, message) => {
    expect(saidOf(value)).toEqual([message]);
  });

  it('more steps than are allowed', () => {
    expect(said(...Array.from({ length: MAX_PIPELINE_STEPS + 1 }, () => LINT))).toEqual([
      'steps: 10001 steps are too many (at most 10000)',
    ]);
  });

  it('more bytes than are allowed', () => {
    const task = 'x'.repeat(MAX_TASK_BYTES);
    expect(said(...Array.from({ length: 9 }, (_, at) => ({ name: `s${at}`, task })))).toEqual([
      expect.stringMatching(/^9\d{6} bytes are too many \(at most 8388608\) — make tasks shorter$/),
    ]);
  });
});

describe('a step is refused:', () => {
  it.each<[string, readonly unknown[], string]>([
    [
      'that is no object',
      ['lint'],
      'steps[0]: "lint" is no step — give an object with name, task, mode, depends_on, on_failure, condition, approval, agent, model, outputs, policy, budget',
    ],
    ['without a name', [{ task: 'x' }], `steps[0].name: it is missing — ${NAME_FORM}`],
    ['with a wrong name', [{ name: 'a b', task: 'x' }], `steps[0].name: "a b" is no name — ${NAME_FORM}`],
    [
      'without a task',
      [{ name: 'a' }],
      'steps[0].task: it is missing — say in a sentence what the step does',
    ],
    [
      'with an empty task',
      [{ name: 'a', task: ' ' }],
      'steps[0].task: it is empty — say in a sentence what should change',
    ],
    [
      'with too long a task',
      [{ name: 'a', task: 'x'.repeat(MAX_TASK_BYTES + 1) }],
      'steps[0].task: 1048577 bytes is too long (at most 1048576) — put long material into a file of the repository and name it in the task',
    ],
    [
      'of a name that is there',
      [LINT, { name: 'lint', task: 'again' }],
      'steps[1].name: "lint" is the name of steps[0] already — give each step a name of its own',
    ],
    [
      'that depends on what is not there',
      [LINT, { ...TEST, depends_on: 'lnt' }],
      'steps[1].depends_on[0]: there is no step "lnt" — did you mean lint?',
    ],
    [
      'that depends on what nothing is like',
      [LINT, { ...TEST, depends_on: ['lint', 'deployment'] }],
      'steps[1].depends_on[1]: there is no step "deployment" — there are lint, test',
    ],
    [
      'that depends on itself',
      [{ ...LINT, depends_on: ['lint'] }],
      'steps[0].depends_on[0]: the step "lint" depends on itself — leave it out',
    ],
    [
      'that depends on a step twice',
      [LINT, { ...TEST, depends_on: ['lint', 'lint'] }],
      'steps[1].depends_on[1]: "lint" is there already — name it once',
    ],
    [
      'in a cycle',
      [
        { name: 'a', task: 'x', depends_on: ['c'] },
        { name: 'b', task: 'x', depends_on: ['a'] },
        { name: 'c', task: 'x', depends_on: ['b'] },
      ],
      'steps[0].depends_on[0]: the steps wait for each other: a → c → b → a — take out one of these dependencies',
    ],
    [
      'with a field of another tool',
      [LINT, { name: 'test', task: 'x', needs: ['lint'] }],
      'steps[1].needs: there is no such field of a step — did you mean depends_on?',
    ],
    [
      'with a word that is none',
      [{ ...LINT, on_failure: 'continu' }],
      'steps[0].on_failure: "continu" is unknown (allowed: stop, continue) — did you mean continue?',
    ],
    [
      'with dependencies that are no names',
      [LINT, { ...TEST, depends_on: [1] }],
      'steps[1].depends_on[0]: 1 is no text — put it in quotes: "1"',
    ],
    [
      'with an approval that is none',
      [{ ...LINT, approval: 3 }],
      'steps[0].approval: 3 is no approval — give true, a name, a list of names, or an object with approvers and message',
    ],
    [
      'with approvers that are none',
      [{ ...LINT, approval: { approver: 'ann' } }],
      'steps[0].approval.approver: there is no such field of an approval — did you mean approvers?',
    ],
    [
      'with an output of no type',
      [{ ...LINT, outputs: { count: 'int' } }],
      'steps[0].outputs.count: "int" is unknown (allowed: string, number, integer, boolean, array, object)',
    ],
    [
      'with outputs that are a list',
      [{ ...LINT, outputs: ['count'] }],
      'steps[0].outputs: a list of 1 promises nothing — give an object: outputs: {count: integer}',
    ],
    [
      'with an output that all have',
      [{ ...LINT, outputs: { summary: 'string' } }],
      'steps[0].outputs.summary: every step has this output — leave it out, or take another name',
    ],
    [
      'with an output without a type',
      [{ ...LINT, outputs: { count: { optional: true } } }],
      'steps[0].outputs.count.type: it is missing — give one of string, number, integer, boolean, array, object',
    ],
    [
      'with a template of what is not there',
      [LINT, { ...TEST, task: 'See {{steps.lnt.output.summary}}.' }],
      'steps[1].task: at character 5: steps.lnt.output.summary: there is no step "lnt" — did you mean steps.lint?',
    ],
    [
      'with a template of what is not upstream',
      [LINT, { ...TEST, depends_on: [], task: '{{ steps.lint.output.summary }}' }],
      'steps[1].task: at character 1: steps.lint.output.summary: the step lint need not have ended by then — add lint to depends_on',
    ],
    [
      'with a template of its own output',
      [{ ...LINT, task: '{{steps.lint.output.summary}}' }],
      "steps[0].task: at character 1: steps.lint.output.summary: a step can't ask about itself — name a step that ends before",
    ],
    [
      'with a template of what is not promised',
      [
        { ...LINT, outputs: { count: 'integer' } },
        { ...TEST, task: '{{steps.lint.output.cuont}}' },
      ],
      'steps[1].task: at character 1: steps.lint.output.cuont: the step lint promises no output "cuont" — did you mean count?',
    ],
    [
      'with a template that is malformed',
      [LINT, { ...TEST, task: 'a {{steps.lint.summary}}' }],
      'steps[1].task: at character 3: "steps.lint.summary": a step has no "summary" — write steps.lint.output.<key>, steps.lint.status or steps.lint.outcome',
    ],
    [
      'with a template that lacks its beginning',
      [LINT, { ...TEST, task: '{{lint.output.summary}}' }],
      'steps[1].task: at character 1: "lint.output.summary" names no step — write steps.<name>.output.<key>',
    ],
    [
      'with a template that is not closed',
      [LINT, { ...TEST, task: 'see {{steps.lint.output.summary' }],
      'steps[1].task: at character 5: a {{ is not closed — close it by }} on the same line: {{steps.<name>.output.<key>}}',
    ],
    [
      'with a question that is malformed',
      [LINT, { ...TEST, approval: { message: '{{steps.lint.output}}' } }],
      'steps[1].approval.message: at character 1: "steps.lint.output" names no output — write steps.lint.output.<key>, for example .output.summary',
    ],
    [
      'with a condition of what is not upstream',
      [LINT, { ...TEST, depends_on: [], condition: 'steps.lint.status == "completed"' }],
      'steps[1].condition: at character 1: steps.lint.status: the step lint need not have ended by then — add lint to depends_on',
    ],
    [
      'with a condition that is malformed',
      [LINT, { ...TEST, condition: 'steps.lint.status = "completed"' }],
      'steps[1].condition: at character 19: a single = compares nothing — write ==',
    ],
    [
      'with a status that there is not',
      [LINT, { ...TEST, condition: 'steps.lint.status == "complete"' }],
      'steps[1].condition: at character 1: steps.lint.status is never "complete" (it is one of completed, failed, cancelled, skipped) — did you mean "completed"?',
    ],
  ])('%s', (_what, steps, message) => {
    expect(said(...steps)).toEqual([message]);
  });
});

describe('all that is wrong is told at once', () => {
  it('and the error of one line says how much more there is', () => {
    const wrong = {
      name: 'p',
      steps: [LINT, { name: 'test', task: '', depends_on: ['lnt'] }, { name: 'x', task: 'y', mode: 'edit' }],
    };
    expect(saidOf(wrong)).toHaveLength(3);
    expect(() => parsePipeline(wrong)).toThrow(
      new JobError('invalid_request', 'steps[1].task: it is empty (and 2 more problems)', {
        hint: 'say in a sentence what should change',
      }),
    );
    expect(() => parsePipeline({ name: 'p', steps: [LINT, { ...TEST, depends_on: ['lnt'] }] })).toThrow(
      'steps[1].depends_on[0]: there is no step "lnt"',
    );
  });

  it('up to a bound', () => {
    const steps = Array.from({ length: 500 }, () => ({ name: 'same', task: '', depends_on: ['none'] }));
    expect(said(...steps)).toHaveLength(MAX_PROBLEMS);
  });
});

describe('short forms are brought into the one form', () => {
  it('of names, approvals and outputs', () => {
    const { steps } = parsePipeline({
      name: 'p',
      steps: [
        { ...LINT, outputs: { count: 'integer', note: { type: 'string', optional: true } } },
        { ...TEST, depends_on: 'lint', approval: true },
        { name: 'b', task: 'x', approval: 'ann' },
        { name: 'c', task: 'x', approval: ['ann', 'bo', 'ann'] },
        { name: 'd', task: 'x', approval: { approvers: 'bo', message: 'Well?' } },
        { name: 'e', task: 'x', approval: false },
      ],
    });
    expect(steps[0]?.outputs).toEqual({
      count: { type: 'integer', description: null, optional: false },
      note: { type: 'string', description: null, optional: true },
    });
    expect(steps[1]?.depends_on).toEqual(['lint']);
    expect(steps.slice(1).map(({ approval }) => approval)).toEqual([
      { approvers: [], message: null },
      { approvers: ['ann'], message: null },
      { approvers: ['ann', 'bo'], message: null },
      { approvers: ['bo'], message: 'Well?' },
      null,
    ]);
  });

  it('double braces of other programs stay', () => {
    const task = 'In the template {{ user.name }} of ${{ secrets.KEY }}, {{#each steps}}: mend it.';
    expect(parsePipeline({ name: 'p', steps: [{ name: 'a', task }] }).steps[0]?.task).toBe(task);
  });
});

it('what was checked is the same when it is checked again, and nothing makes checking throw', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd-1', 'é', '');
  const step = fc.record(
    {
      name,
      task: fc.constantFrom('do it', 'see {{steps.a.output.summary}}', '{{steps.b.output.x}}', ''),
      depends_on: fc.oneof(name, fc.uniqueArray(name, { maxLength: 3 }), fc.constant(null)),
      on_failure: fc.constantFrom('stop', 'continue', null),
      condition: fc.constantFrom('steps.a.status == "failed"', 'true', '1 <', null),
      approval: fc.oneof(fc.boolean(), name, fc.array(name)),
      outputs: fc.constantFrom(null, { x: 'integer' }, { x: { type: 'string' } }),
      policy: fc.constantFrom({}, { on_red: 'draft' }),
      budget: fc.constantFrom({}, { max_cost_usd: null }, { timeout_s: 5 }),
    },
    { requiredKeys: ['name', 'task'] },
  );
  const value = fc.oneof(
    fc.record({ name: fc.constant('p'), steps: fc.array(step, { maxLength: 5 }) }),
    fc.anything(),
  );
  fc.assert(
    fc.property(value, (given) => {
      const checked = checkPipeline(given);
      if (checked.ok) expect(checkPipeline(checked.pipeline)).toEqual(checked);
      else expect(checked.problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
});
