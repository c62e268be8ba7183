/** Findings about the gate's command chain: what it reaches on base, beside what it reaches on head. */
import type { Check, TamperFinding } from '../../../job/gate.ts';
import { trackedIn, type RepoFiles } from '../../files.ts';
import type { Change } from '../change.ts';
import { resolveChain, stepOf } from './chain/chain.ts';
import { guttedIn } from './chain/gutted.ts';
import { squeezed, type Line, type Reference, type Step } from './chain/step.ts';

const MAX_EXCERPT_CHARS = 160;

interface Sides {
  readonly changes: readonly Change[];
  /** Whether head runs a script only where there is one. */
  readonly isOptional: (script: string) => boolean;
}

/** A line of a file as it stands there, for a person. */
export function shown(text: string): string {
  // Cut first: the pattern takes long over long runs of white space.
  const line = text
    .trim()
    .slice(0, MAX_EXCERPT_CHARS * 4)
    .replaceAll(/\s*\n\s*/g, ' ');
  return line.length > MAX_EXCERPT_CHARS ? `${line.slice(0, MAX_EXCERPT_CHARS)}…` : line;
}

/** The first line of `after` that `before` does not have, else the first that is gone. */
function firstNew(before: readonly Line[], after: readonly Line[]): Line | undefined {
  const known = new Set(before.map(({ text }) => squeezed(text)));
  const fresh = after.filter(({ text }) => !known.has(squeezed(text)));
  return fresh.find(({ text }) => !/^\s*(?:#|\/\/|$)/.test(text)) ?? fresh[0] ?? after[0];
}

function compare(
  asked: Reference,
  base: Step | null,
  head: Step | null,
  { changes, isOptional }: Sides,
): TamperFinding | null {
  if (base?.signature === head?.signature && base?.commands.map((one) => one.fate).join() === head?.commands.map((one) => one.fate).join()) return null; // prettier-ignore
  if (head === null) {
    if (base === null) return null;
    const file = changes.find((change) => (change.oldPath ?? change.path) === base.file)?.path ?? base.file;
    if (asked.tool === 'script' && isOptional(asked.name)) {
      const detail = `${base.what} is gone, and --if-present lets that pass`;
      return { kind: 'gutted_script', severity: 'block', file, line: null, detail };
    }
    return { kind: 'gate_script', severity: 'draft', file, line: null, detail: `${base.what} is gone` };
  }
  const gutted = base === null ? null : guttedIn(base, head);
  const textOf = (line: number): string => head.lines.find((one) => one.line === line)?.text ?? '';
  if (gutted !== null) {
    const detail = `${head.what} no longer fails on errors, because ${gutted.why}: ${shown(textOf(gutted.line))}`;
    return { kind: 'gutted_script', severity: 'block', file: head.file, line: gutted.line, detail };
  }
  const at = firstNew(base?.lines ?? [], head.lines);
  const verb = base === null ? 'is new' : 'is changed';
  const use = asked.tool === 'file' && base === null ? ' on the gate’s way' : '';
  const detail = `${head.what} ${verb}${use}: ${shown(at?.text ?? '')}`;
  return { kind: 'gate_script', severity: 'draft', file: head.file, line: at?.line ?? null, detail };
}

/**
 * Findings about every script, target and file that the checks' commands reach on either side: `gate_script`
 * where it changed, `gutted_script` where head's version surely lets pass what base's did not.
 */
export async function findChainChanges(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
  checks: readonly Check[],
): Promise<readonly TamperFinding[]> {
  if (changes.length === 0) return [];
  const [before, after] = [await resolveChain(base, checks), await resolveChain(head, checks)];
  const [onBase, onHead] = [trackedIn(base), trackedIn(head)];
  const renamed = new Map(
    changes.flatMap((one) => (one.oldPath === null ? [] : [[one.path, one.oldPath] as const])),
  );
  const moved = new Set(renamed.values());
  const texts = [...checks.map((check) => check.command.split(/\s+/)), ...[...after.values()].flatMap(({ step }) => step?.commands.map((one) => one.words) ?? [])]; // prettier-ignore
  const isOptional = (script: string): boolean =>
    texts.some((words) => words.includes('--if-present') && words.includes(script));
  const found: TamperFinding[] = [];
  const seen = new Set<string>();
  for (const key of new Set([...after.keys(), ...before.keys()])) {
    const [one, other] = [before.get(key), after.get(key)];
    const asked = other?.asked ?? one?.asked;
    if (asked === undefined) continue;
    // A script that was moved is compared with itself, under its new name.
    const old = asked.tool === 'file' ? renamed.get(asked.name) : undefined;
    if (asked.tool === 'file' && moved.has(asked.name) && !onHead.has(asked.name)) continue;
    const from = old === undefined ? (one?.asked ?? asked) : { ...asked, name: old };
    const baseStep = one !== undefined && old === undefined ? one.step : await stepOf(base, from, onBase);
    const headStep = other === undefined ? await stepOf(head, asked, onHead) : other.step;
    const finding = compare(asked, baseStep, headStep, { changes, isOptional });
    const id = `${finding?.kind} ${finding?.file} ${finding?.line} ${finding?.detail}`;
    if (finding === null || seen.has(id)) continue;
    seen.add(id);
    found.push(finding);
  }
  return found;
}
