/** Pipelines that are refused, and by what words: docs/pipelines.md says the same. */

const task = 'x';

/** A name for people, the definition, and the message. */
export const REFUSALS: readonly (readonly [what: string, definition: object])[] = [
  ['no name', { steps: [{ name: 'a', task }] }],
  ['no steps', { name: 'p', steps: [] }],
  ['a step without a name', { name: 'p', steps: [{ task }] }],
  ['a step without a task', { name: 'p', steps: [{ name: 'a' }] }],
  [
    'two steps of one name',
    {
      name: 'p',
      steps: [
        { name: 'a', task },
        { name: 'a', task },
      ],
    },
  ],
  ['a name that is none', { name: 'p', steps: [{ name: 'a b', task }] }],
  ['a field that is none', { name: 'p', steps: [{ name: 'a', task, needs: ['b'] }] }],
  ['a value that is none', { name: 'p', steps: [{ name: 'a', task, on_failure: 'ignore' }] }],
  [
    'a step that is not there',
    {
      name: 'p',
      steps: [
        { name: 'lint', task },
        { name: 'b', task, depends_on: ['lnt'] },
      ],
    },
  ],
  ['a step that waits for itself', { name: 'p', steps: [{ name: 'a', task, depends_on: 'a' }] }],
  [
    'steps that wait for each other',
    {
      name: 'p',
      steps: [
        { name: 'a', task, depends_on: 'b' },
        { name: 'b', task, depends_on: 'a' },
      ],
    },
  ],
  [
    'a template of a step that need not have ended',
    {
      name: 'p',
      steps: [
        { name: 'a', task },
        { name: 'b', task: 'Do {{steps.a.output.summary}}' },
      ],
    },
  ],
  [
    'a template of an output that is not promised',
    {
      name: 'p',
      steps: [
        { name: 'a', task, outputs: { count: 'integer' } },
        { name: 'b', task: '{{steps.a.output.cuont}}', depends_on: 'a' },
      ],
    },
  ],
  [
    'a condition that can not be read',
    {
      name: 'p',
      steps: [
        { name: 'a', task },
        { name: 'b', task, depends_on: 'a', condition: 'steps.a.output.count >' },
      ],
    },
  ],
  [
    'a condition that never holds',
    {
      name: 'p',
      steps: [
        { name: 'a', task },
        { name: 'b', task, depends_on: 'a', condition: "steps.a.status == 'green'" },
      ],
    },
  ],
  ['an output of another type', { name: 'p', steps: [{ name: 'a', task, outputs: { count: 'int' } }] }],
  ['an output that every step has', { name: 'p', steps: [{ name: 'a', task, outputs: { files: 'array' } }] }],
  ['a budget that is none', { name: 'p', budget: { max_turns: 0 }, steps: [{ name: 'a', task }] }],
];
