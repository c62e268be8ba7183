/** The form of a pipeline as a schema: for editors, and for the document of the HTTP API. `checkPipeline` is what judges. */
import { z } from 'zod';
import {
  BUDGET_LIMITS,
  MAX_PIPELINE_STEPS,
  ON_FAILURE,
  OUTPUT_TYPES,
  POLICY_VALUES,
  RESOLVE,
} from '../../../job/pipeline/definition.ts';
import { OUTPUT_NAME, STEP_NAME } from '../../../job/pipeline/reference.ts';
import { MAX_TASK_BYTES } from '../../../job/request.ts';

const text = (description: string, maxChars = 4096): z.ZodType =>
  z.string().min(1).max(maxChars).meta({ description });
const maybe = <T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> =>
  schema.nullable().optional();
const name = (description: string): z.ZodType => text(description, 200);
/** A list, or one for a list of one. */
const list = (one: z.ZodType, description: string): z.ZodType =>
  z.union([one, z.array(one)]).meta({ description });

const { max_cost_usd: cost, max_tokens: tokens, max_turns: turns, timeout_s: timeout } = BUDGET_LIMITS;
const budget = z.strictObject({
  max_cost_usd: maybe(z.number().min(cost.least).max(cost.most)),
  max_tokens: maybe(z.int().min(tokens.least).max(tokens.most)),
  max_turns: maybe(z.int().min(turns.least).max(turns.most)),
  timeout_s: maybe(z.int().min(timeout.least).max(timeout.most)),
});
const policy = z.strictObject({
  on_red: maybe(z.enum(POLICY_VALUES.on_red)),
  on_inconclusive: maybe(z.enum(POLICY_VALUES.on_inconclusive)),
  on_none: maybe(z.enum(POLICY_VALUES.on_none)),
  on_tamper: maybe(z.enum(POLICY_VALUES.on_tamper)),
});
const person = name('A user, or the name of an API key');
const approval = z.union([
  z.boolean(),
  person,
  z.array(person),
  z.strictObject({
    approvers: maybe(list(person, 'Who may; unless given, everybody who may start jobs')),
    message: maybe(text('What they are asked; a template', MAX_TASK_BYTES)),
  }),
]);
const promise = z.union([
  z.enum(OUTPUT_TYPES),
  z.strictObject({
    type: z.enum(OUTPUT_TYPES),
    description: maybe(text('What it is, for the agent', 1000)),
    optional: maybe(z.boolean()),
  }),
]);

const step = z
  .strictObject({
    name: z.string().regex(STEP_NAME).meta({ description: 'Of 1 to 64 letters, digits, - or _' }),
    task: text(
      'What to do, in a sentence or more; {{steps.<name>.output.<key>}} stands for what a step before it gave',
      MAX_TASK_BYTES,
    ),
    mode: maybe(z.enum(['change', 'ask']).meta({ description: 'ask: answer, and change nothing' })),
    depends_on: maybe(list(z.string(), 'Steps that end before, whose work it begins with')),
    on_failure: maybe(
      z.enum(ON_FAILURE).meta({ description: 'Whether the rest goes on where it fails; stop unless given' }),
    ),
    condition: maybe(text('It is left out where this is not true: steps.lint.output.count > 0')),
    approval: maybe(approval.meta({ description: 'A person says yes before it begins' })),
    agent: maybe(name("Who does it; the pipeline's unless given")),
    model: maybe(name("The pipeline's unless given")),
    outputs: maybe(
      z
        .record(z.string().regex(OUTPUT_NAME), promise)
        .meta({ description: 'What it promises to give, by name' }),
    ),
    policy: maybe(policy),
    budget: maybe(budget),
  })
  .meta({ id: 'PipelineStep' });

/** A pipeline as people write it. */
export const pipelineDefinition: z.ZodType = z
  .strictObject({
    name: name('What it is called and run by'),
    repo_url: maybe(text('Its repository; unless given, each run names one')),
    base: maybe(text('Branch, tag or commit to start from', 200)),
    agent: maybe(name('Who does the steps that name nobody')),
    model: maybe(name('Of the steps that name none')),
    resolve: maybe(
      z.enum(RESOLVE).meta({
        description: 'Who solves it where two steps change the same lines: nobody (fail), or an agent',
      }),
    ),
    policy: maybe(policy),
    budget: maybe(budget.meta({ description: 'Of a whole run' })),
    draft: maybe(z.boolean()),
    labels: maybe(list(z.string(), 'Labels of the pull request')),
    reviewers: maybe(list(z.string(), 'Who is asked to review: logins, and teams as org/team')),
    steps: z.array(step).min(1).max(MAX_PIPELINE_STEPS),
  })
  .meta({ id: 'PipelineDefinition', description: 'Steps that depend on each other, and one pull request' });

/** The JSON Schema of a pipeline, for editors. */
export function pipelineJsonSchema(): Readonly<Record<string, unknown>> {
  return { ...z.toJSONSchema(pipelineDefinition, { io: 'input' }), title: 'A pipeline of agent-runner' };
}
