import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as publicList from '../src/index.ts';
import { scan } from './tidy/source.ts';

/** What users may rely on. A name that goes away is a breaking change; a new one is a promise. */
const VALUES: readonly string[] = [
  'AgentRunner',
  'ERROR_CODES',
  'EVENT_TYPES',
  'EXIT_CODES',
  'JOB_STATUSES',
  'JobError',
  'JobStatus',
  'OUTCOMES',
  'createReplayMemory',
  'isTerminal',
  'verifyWebhook',
  'verifyWebhookSignature',
];
const TYPES: readonly string[] = [
  'AgentRunnerOptions',
  'ApproveOptions',
  'Blame',
  'Budget',
  'CallbackBody',
  'CallbackUpdate',
  'Check',
  'CheckReport',
  'CheckVerdict',
  'Delivery',
  'ErrorCode',
  'ErrorInfo',
  'EventType',
  'EventsOptions',
  'GateReport',
  'GateVerdict',
  'Job',
  'JobEvent',
  'JobJson',
  'JobRequest',
  'JobResult',
  'ListOptions',
  'Outcome',
  'Pipeline',
  'PipelineListOptions',
  'Pipelines',
  'Policy',
  'ReplayStore',
  'RunListOptions',
  'RunOptions',
  'RunStatus',
  'RunView',
  'StepDefinition',
  'StepStatus',
  'StoredPipeline',
  'SubmitOptions',
  'TamperFinding',
  'VerifyOptions',
  'WaitOptions',
  'WebhookHeaders',
];

/** Names of the types in `export type {…}` and `export {type …}` clauses. */
function exportedTypes(text: string): readonly string[] {
  return [...scan(text).code.matchAll(/\bexport\s+(type\s+)?\{([^}]*)\}/g)].flatMap(
    ([, allTypes, list = '']) =>
      list.split(',').flatMap((entry) => {
        const words = entry.trim().split(/\s+/);
        const isType = allTypes !== undefined || words[0] === 'type';
        return isType && words[0] !== '' ? [words.at(-1) ?? ''] : [];
      }),
  );
}

describe('the public list', () => {
  it('has exactly these values', () => {
    expect(Object.keys(publicList).toSorted()).toEqual(VALUES.toSorted());
  });

  it('has exactly these types', async () => {
    const text = await readFile(join(import.meta.dirname, '..', 'src', 'index.ts'), 'utf8');
    expect(exportedTypes(text).toSorted()).toEqual(TYPES.toSorted());
  });

  it('is only a list: every statement re-exports names', async () => {
    const text = await readFile(join(import.meta.dirname, '..', 'src', 'index.ts'), 'utf8');
    const left = scan(text).code.replace(/\bexport\s+(type\s+)?\{[^}]*\}\s*from\s*'[^']+';/g, '');
    expect(left.trim()).toBe('');
  });

  it('would notice a type in either form', () => {
    expect(
      exportedTypes("export { a, type B, type C as D } from './x.ts';\nexport type { E, F, } from './y.ts';"),
    ).toEqual(['B', 'D', 'E', 'F']);
  });
});
