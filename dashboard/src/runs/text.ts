/** A pipeline as the text that people write: YAML, without what says no more than its absence. */
import type { Pipeline } from '../../../src/job/pipeline/definition.ts';

/** What a field is where nobody gives it. */
const USUAL: Readonly<Record<string, unknown>> = {
  mode: 'change',
  on_failure: 'stop',
  resolve: 'fail',
  draft: false,
  optional: false,
};

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

/**
 * What of a value has to be said. Inside `approval` and `outputs`, where names are people's own, emptiness means something
 * and is kept.
 */
function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, one]): (readonly [string, unknown])[] => {
      if (name === 'approval' && one !== null) return [[name, approvalOf(one)]];
      if (name === 'outputs' && one !== null) return [[name, outputsOf(one)]];
      return isEmpty(one) || USUAL[name] === one ? [] : [[name, said(one)]];
    }),
  );
}

function approvalOf(approval: Pipeline['steps'][number]['approval']): unknown {
  const kept = said(approval);
  return isEmpty(kept) ? true : kept;
}

function outputsOf(outputs: object): unknown {
  return Object.fromEntries(Object.entries(outputs).map(([name, promise]) => [name, said(promise)]));
}

/** The text. The library that writes it is read when somebody asks for one. */
export async function textOf(definition: Pipeline): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(said(definition), { lineWidth: 100 });
}

/** Where a line and column of a text are, as its characters are counted. Both begin with 1. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split('\n').slice(0, line);
  const last = lines.at(-1) ?? '';
  const before = lines.slice(0, -1).reduce((sum, one) => sum + one.length + 1, 0);
  return before + Math.min(last.length, Math.max(0, column - 1));
}
