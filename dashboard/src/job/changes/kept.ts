/** Remarks that were not sent yet and files that were read, kept over a reload: in this browser alone, by job. */
import type { Remark } from './remarks.ts';

/** What is kept of a job. */
export interface Kept {
  /** The commit that it was written about; `null` where that was not known. */
  readonly head: string | null;
  readonly remarks: readonly (readonly [id: string, remark: Remark])[];
  /** Paths of files that were ticked off. */
  readonly viewed: readonly string[];
}

/** Where it is kept: the part of a browser's storage that is used. */
export type Keeper = Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;

const PREFIX = 'agent-runner changes ';
const MAX_REMARKS = 200;
const MAX_VIEWED = 2000;
/** Jobs of which something is kept. */
const MAX_JOBS = 50;

/** Nothing. */
export const NOTHING: Kept = { head: null, remarks: [], viewed: [] };

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isRemark(value: unknown): value is Remark {
  if (typeof value !== 'object' || value === null) return false;
  const { path, line, quote, text, to } = value as Record<string, unknown>;
  const isLine = Number.isSafeInteger(line) && (to === undefined || Number.isSafeInteger(to));
  return isText(path) && isLine && isText(quote) && isText(text);
}

/** What is kept of a job; nothing where there is none, or where something else wrote it. */
export function readKept(keeper: Keeper, jobId: string): Kept {
  try {
    const found: unknown = JSON.parse(keeper.getItem(PREFIX + jobId) ?? 'null');
    if (typeof found !== 'object' || found === null) return NOTHING;
    const { head, remarks, viewed } = found as Record<string, unknown>;
    const pairs: readonly unknown[] = Array.isArray(remarks) ? remarks : [];
    return {
      head: isText(head) ? head : null,
      remarks: pairs
        .filter((one): one is [string, Remark] => Array.isArray(one) && isText(one[0]) && isRemark(one[1]))
        .slice(0, MAX_REMARKS),
      viewed: (Array.isArray(viewed) ? viewed : []).filter(isText).slice(0, MAX_VIEWED),
    };
  } catch {
    return NOTHING;
  }
}

/** Keeps it, and forgets what is kept of other jobs where that is too much. A browser that keeps nothing is left alone. */
export function keep(keeper: Keeper, jobId: string, kept: Kept): void {
  try {
    if (kept.remarks.length === 0 && kept.viewed.length === 0) return keeper.removeItem(PREFIX + jobId);
    const others = Array.from({ length: keeper.length }, (_, at) => keeper.key(at)).filter(
      (key): key is string => key?.startsWith(PREFIX) === true && key !== PREFIX + jobId,
    );
    for (const key of others.slice(0, Math.max(0, others.length + 1 - MAX_JOBS))) keeper.removeItem(key);
    const { head, remarks, viewed } = kept;
    keeper.setItem(
      PREFIX + jobId,
      JSON.stringify({ head, remarks: remarks.slice(0, MAX_REMARKS), viewed: viewed.slice(0, MAX_VIEWED) }),
    );
  } catch {
    // Storage may be full, or forbidden: then it is kept until the page goes.
  }
}

/** Forgets what is kept of every job: whoever logs in next may be somebody else. */
export function forgetKept(keeper: Keeper): void {
  try {
    const keys = Array.from({ length: keeper.length }, (_, at) => keeper.key(at));
    for (const key of keys) if (key?.startsWith(PREFIX) === true) keeper.removeItem(key);
  } catch {
    // Nothing is kept where storage is forbidden.
  }
}

/**
 * Remarks that were written about another commit: those whose line still says what it said keep their place, the others have
 * none any more.
 *
 * @param textAt what a row says now, by its id; `undefined` where there is none
 */
export function settle(
  { head, remarks }: Kept,
  now: string | null,
  textAt: (id: string) => string | undefined,
): { readonly placed: Kept['remarks']; readonly homeless: Kept['remarks'] } {
  if (head === now) return { placed: remarks, homeless: [] };
  const isThere = ([id, { quote }]: Kept['remarks'][number]): boolean =>
    textAt(id)?.startsWith(quote.split('\n').at(-1) ?? '') === true;
  return { placed: remarks.filter(isThere), homeless: remarks.filter((one) => !isThere(one)) };
}
