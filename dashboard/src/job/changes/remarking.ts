/** What a person has to say on a change, until it is sent: kept by this browser, over a reload too. */
import { useEffect, useMemo, useState } from 'react';
import { keep, readKept, settle, type Kept } from './kept.ts';
import type { Remarking } from './line.tsx';
import { whereOf, type Remark } from './remarks.ts';
import { linesOfRow, type DiffRow, type LineRow } from './rows.ts';

/** Longest part of a line that is kept with a remark, in characters. */
const MAX_QUOTE_CHARS = 300;

/** A remark on lines that are all of one file and, where they can be, of its new side. */
export function remarkOn(lines: readonly LineRow[], text: string): Remark | null {
  const path = lines.at(-1)?.path;
  const own = lines.filter((line) => line.path === path);
  const now = own.filter((line) => line.new !== null);
  const about = now.length > 0 ? now : own;
  const [first, last] = [about[0], about.at(-1)];
  if (first === undefined || last === undefined || path === undefined) return null;
  const numberOf = (line: LineRow): number => line.new ?? -(line.old ?? 0);
  const quote = about.map((line) => line.text.slice(0, MAX_QUOTE_CHARS)).join('\n');
  const to = first === last ? {} : { to: numberOf(last) };
  return { path, line: numberOf(first), ...to, quote, text };
}

/** Everything that is kept of it. */
export interface Reading {
  readonly remarking: Remarking;
  /** All remarks, those without a place among them. */
  readonly all: readonly Remark[];
  /** Remarks on lines that have changed since. */
  readonly homeless: readonly (readonly [id: string, remark: Remark])[];
  readonly viewed: ReadonlySet<string>;
  readonly onViewed: (path: string) => void;
  readonly onSent: () => void;
  readonly cursor: string | null;
  /** Moves to a line. @param isExtending whether those in between are chosen */
  readonly onCursor: (id: string | null, isExtending?: boolean) => void;
}

function textsOf(rows: readonly DiffRow[]): ReadonlyMap<string, string> {
  return new Map(rows.flatMap((row) => linesOfRow(row).map((line) => [line.id, line.text] as const)));
}

/** The lines from one to another, in the order of the rows. */
function between(rows: readonly DiffRow[], one: string | null, other: string | null): readonly LineRow[] {
  const lines = rows.flatMap(linesOfRow);
  const [a, b] = [lines.findIndex(({ id }) => id === one), lines.findIndex(({ id }) => id === other)];
  if (b < 0) return [];
  return lines.slice(a < 0 ? b : Math.min(a, b), Math.max(a, b) + 1);
}

/**
 * Remarks and ticks of a job.
 *
 * @param head the commit that is shown; `null` while that is not known
 * @param all the rows of all files, open or not
 * @param rows those that are shown
 */
export function useReading(
  jobId: string,
  head: string | null,
  all: readonly DiffRow[],
  rows: readonly DiffRow[],
  canRemark: boolean,
): Reading {
  const [kept, setKept] = useState<Kept>(() => readKept(localStorage, jobId));
  const [openAt, setOpenAt] = useState<string | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [anchor, setAnchor] = useState<string | null>(null);
  useEffect(() => keep(localStorage, jobId, kept), [jobId, kept]);
  const { placed, homeless } = useMemo(() => {
    const texts = kept.remarks.length === 0 ? new Map<string, string>() : textsOf(all);
    return settle(kept, head, (id) => texts.get(id));
  }, [kept, head, all]);
  const chosen = useMemo(
    () => (anchor === null ? [] : between(rows, anchor, openAt ?? cursor)),
    [rows, anchor, openAt, cursor],
  );
  const viewed = useMemo(() => new Set(kept.viewed), [kept.viewed]);
  const set = (remarks: Kept['remarks']): void => setKept({ ...kept, head, remarks });
  const onCursor: Reading['onCursor'] = (id, isExtending = false) => {
    setAnchor(isExtending ? (anchor ?? cursor) : null);
    setCursor(id);
  };
  const about = (): readonly LineRow[] => (chosen.length > 0 ? chosen : between(rows, openAt, openAt));
  const remarking: Remarking = {
    remarks: new Map(placed),
    openAt,
    chosen: new Set(chosen.map(({ id }) => id)),
    canRemark,
    onOpen(row, isExtending = false) {
      if (row === null) setAnchor(null);
      else onCursor(row.id, isExtending);
      setOpenAt(row?.id ?? null);
    },
    onSay(text) {
      const remark = remarkOn(about(), text);
      if (remark !== null && openAt !== null)
        set([...kept.remarks.filter(([id]) => id !== openAt), [openAt, remark]]);
      setAnchor(null);
      setOpenAt(null);
    },
    onTake: (id) => set(kept.remarks.filter(([one]) => one !== id)),
    where() {
      const remark = remarkOn(about(), '');
      return remark === null ? 'line' : whereOf(remark);
    },
  };
  return {
    remarking,
    all: kept.remarks.map(([, remark]) => remark),
    homeless,
    viewed,
    onViewed(path) {
      const rest = kept.viewed.filter((one) => one !== path);
      setKept({ ...kept, viewed: rest.length === kept.viewed.length ? [...rest, path] : rest });
    },
    onSent() {
      const sent = { ...kept, remarks: [] };
      // At once: the page may go to the next job before this is drawn, and nothing would be forgotten.
      keep(localStorage, jobId, sent);
      setKept(sent);
    },
    cursor,
    onCursor,
  };
}
