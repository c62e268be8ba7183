/** The gate's command chain: every script, target and file that the checks' commands reach. Pure and bounded. */
import type { Check } from '../../../../job/gate.ts';
import { trackedIn, type RepoFiles } from '../../../files.ts';
import { commandsOf } from '../shell/fates.ts';
import { referencesOf } from './calls.ts';
import { fileStep } from './file.ts';
import { makeStep } from './make.ts';
import { keyOf, type Reference, type Step } from './step.ts';
import { taskStep } from './tasks.ts';

/** What a side's chain holds, by the key of the reference. */
export type Chain = ReadonlyMap<string, { readonly asked: Reference; readonly step: Step | null }>;

/** Links between a check's command and the last file that is followed. */
const MAX_DEPTH = 10;
const MAX_FILES = 200;
const MAX_REFERENCES = 2000;

/** What a reference stands for in a commit's files; `null` when it stands for nothing. */
export async function stepOf(
  files: RepoFiles,
  asked: Reference,
  tracked: ReadonlySet<string>,
): Promise<Step | null> {
  if (asked.tool === 'file') return fileStep(files, asked, tracked);
  return asked.tool === 'make' ? makeStep(files, asked) : taskStep(files, asked);
}

/** Follows the checks' commands through a commit's files: at most 10 links deep and 200 files wide. */
export async function resolveChain(files: RepoFiles, checks: readonly Check[]): Promise<Chain> {
  const tracked = trackedIn(files);
  const chain = new Map<string, { asked: Reference; step: Step | null }>();
  const seen = new Set<string>();
  const start = checks.flatMap((check) => commandsOf(check.command, { isStrict: false, hasPipefail: false }));
  let open = start.flatMap((command) => referencesOf(command, files, tracked));
  for (let depth = 0; depth < MAX_DEPTH && open.length > 0; depth++) {
    const next: Reference[] = [];
    for (const asked of open) {
      const key = keyOf(asked);
      if (chain.has(key) || chain.size >= MAX_REFERENCES || seen.size >= MAX_FILES) continue;
      const step = await stepOf(files, asked, tracked);
      chain.set(key, { asked, step });
      if (step === null) continue;
      seen.add(step.file);
      const named = step.commands.flatMap((one) => referencesOf(one, files, tracked));
      next.push(...[...step.references, ...named].slice(0, MAX_REFERENCES));
    }
    open = next;
  }
  return chain;
}
