/** The tamper guard: where a change weakens its own judge. Pure over the text of both commits; nothing is run. */
import type { Check, TamperFinding, TamperSeverity } from '../../job/gate.ts';
import type { Change } from './change.ts';
import type { RepoFiles } from '../files.ts';
import { findChainChanges } from './judge/gate-chain.ts';
import { findJudgeChanges } from './judge/settings.ts';
import { findSourceHints } from './source-hints.ts';
import { findTestTampering } from './tests/tests.ts';

export type { Change } from './change.ts';

/** What the guard looks at. */
export interface TamperInput {
  readonly changes: readonly Change[];
  readonly base: RepoFiles;
  readonly head: RepoFiles;
  /** The gate's checks: what their commands call is part of the judge. */
  readonly checks: readonly Check[];
}

/** Most findings that are told; the gravest come first. */
export const MAX_TAMPER_FINDINGS = 200;
const MAX_DETAIL_CHARS = 300;
const ORDER: readonly TamperSeverity[] = ['block', 'draft', 'report'];

/** Changes whose content differs; a rename counts, because a test's name decides whether it is run. */
async function realChanges({ changes, base, head }: TamperInput): Promise<readonly Change[]> {
  const kept = await Promise.all(
    changes.map(async (change) => {
      if (change.status !== 'modified') return true;
      const [before, after] = [await base.read(change.path), await head.read(change.path)];
      // What can't be read on both sides (binary, too large, a mode) is judged by its path.
      return before !== after || before === null;
    }),
  );
  return changes.filter((_, at) => kept[at]);
}

/**
 * Finds where a change weakens its own judge: `block` for tests removed, emptied or switched off and for gate
 * scripts that can't fail, `draft` for changed expectations and settings, `report` for what a person may want
 * to know. At most `MAX_TAMPER_FINDINGS`, the gravest first.
 */
export async function findTampering(input: TamperInput): Promise<TamperFinding[]> {
  const changes = await realChanges(input);
  const { base, head, checks } = input;
  const found = [
    ...(await findTestTampering(changes, base, head)),
    ...(await findChainChanges(changes, base, head, checks)),
    ...(await findJudgeChanges(changes, base, head)),
    ...(await findSourceHints(changes, base, head)),
  ];
  const rank = (finding: TamperFinding): number => ORDER.indexOf(finding.severity);
  return found
    .toSorted(
      (a, b) => rank(a) - rank(b) || a.file.localeCompare(b.file, 'en') || (a.line ?? 0) - (b.line ?? 0),
    )
    .slice(0, MAX_TAMPER_FINDINGS)
    .map((finding) => ({ ...finding, detail: finding.detail.slice(0, MAX_DETAIL_CHARS) }));
}
