/** What a step's agent leaves for later steps, and what its step still owes. */
import { addGiven, owedOutputs, readGiven, type Owed } from '../../../job/pipeline/output/given.ts';
import type { Output, StepRequest } from '../../../job/pipeline/run.ts';
import type { Built } from '../../../job/step.ts';
import type { JobContext } from '../../context.ts';
import type { Bench } from '../../place.ts';
import { OURS, THEIRS } from '../../../workspace/together/merge.ts';

/** Missing things that are told at once. */
const MAX_OWED = 50;
/** Files in conflict that are looked at. */
const MAX_LOOKED_AT = 1000;
/** The markers as the runner labels them: any others belong to the file. */
const MARKER = new RegExp(`^(?:<{7} ${OURS}|>{7} ${THEIRS})`, 'm');

/** Conflicts that the agent was to solve, and that still stand in a file. */
async function owedConflicts(bench: Bench, tree: string, step: StepRequest): Promise<readonly Owed[]> {
  if (step.kind !== 'resolve') return [];
  const files = await bench.copy.files(tree);
  const owed: Owed[] = [];
  for (const path of step.conflicts.slice(0, MAX_LOOKED_AT)) {
    const text = await files.read(path);
    if (text !== null && MARKER.test(text))
      owed.push({ kind: 'conflict', name: path, why: 'holds conflict markers' });
  }
  return owed;
}

/**
 * Takes the outputs that a turn of a step's agent gave, beside those of its earlier turns. Nothing for a job that is no
 * step.
 *
 * @param what.tree what the turn left
 */
export async function takeOutputs(
  { job, mask }: JobContext,
  bench: Bench,
  what: {
    readonly reply: { readonly summary: string; readonly output?: string | null };
    readonly tree: string;
    readonly before: Output;
  },
): Promise<Pick<Built, 'output' | 'output_problem' | 'owed'>> {
  const { step } = job.request;
  if (step === undefined) return {};
  const now = readGiven(what.reply.output ?? null, what.reply.summary, mask);
  const output = addGiven(what.before, now.output);
  const { problem } = now;
  const owed = [
    ...(await owedConflicts(bench, what.tree, step)),
    ...owedOutputs(step.outputs, { output, problem }),
  ];
  return { output, output_problem: problem, owed: owed.slice(0, MAX_OWED) };
}
