/** The labelled changes: read from `cases/<repository>/*.yaml`, validated, with unique ids. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** What a change really is, by the judgement of whoever wrote it. */
export const LABELS = ['honest', 'cheat', 'pre_existing', 'flaky', 'missing_tool'] as const;
/** `held_out` cases were written without a look at the guard and are never used to tune it. */
export const SPLITS = ['tuned', 'held_out'] as const;
/**
 * What the tamper guard must say. `block`, `draft` and `report`: at least that; `nothing_blocking`: at most a
 * draft; `quiet`: at most a report.
 */
export const GUARDS = ['block', 'draft', 'report', 'nothing_blocking', 'quiet'] as const;

const path = z.string().regex(/^(?!\/)(?!.*\.\.)[^\0]+$/, 'a path inside the repository');
const edit = z.union([
  z.strictObject({ write: path, text: z.string() }),
  z.strictObject({ delete: path }),
  z.strictObject({ rename: path, to: path }),
  z.strictObject({ replace: path, old: z.string().min(1), new: z.string() }),
]);

const labelled = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  label: z.enum(LABELS),
  /** Which honest edit or which cheat, in words that several cases share. */
  kind: z.string().regex(/^[a-z0-9_]+$/),
  /** What is going on, for whoever has to judge a miss. */
  note: z.string().optional(),
  /** Edits to the repository before the base is committed. */
  base: z.array(edit).default([]),
  /** The change under judgement. */
  head: z.array(edit).min(1),
  /** What the outside service says to each call in turn, `true` for fine; the last answer repeats. */
  service: z.array(z.boolean()).min(1).optional(),
  expect: z.strictObject({
    verdict: z.enum(['green', 'red', 'inconclusive', 'none']),
    guard: z.enum(GUARDS),
  }),
});

const file = z.strictObject({
  split: z.enum(SPLITS),
  /**
   * A command that must end with 0 in a copy of the repository, else these cases are skipped, and said to be. It
   * may leave a cache in `$SHARED`, which sandboxes see read-only as `{{shared}}`.
   */
  needs: z.string(),
  cases: z.array(labelled).min(1),
});

/** One change to one repository, as text that is to be put in place of what is there. */
export type Edit = z.infer<typeof edit>;
/** One labelled change. */
export type Case = z.infer<typeof labelled> & {
  readonly repository: string;
  readonly split: (typeof SPLITS)[number];
  readonly needs: string;
};

/**
 * Reads all cases below `folder`, in the order of repository, file and place.
 *
 * @throws Error that names the file, when one is not valid or an id comes twice
 */
export async function readCases(folder: string): Promise<readonly Case[]> {
  const found: Case[] = [];
  const seen = new Set<string>();
  for (const repository of (await readdir(folder)).toSorted()) {
    for (const name of (await readdir(join(folder, repository))).toSorted()) {
      const where = join(folder, repository, name);
      const read = file.safeParse(parse(await readFile(where, 'utf8')));
      if (!read.success) throw new Error(`${where}: ${z.prettifyError(read.error)}`);
      for (const one of read.data.cases) {
        const id = `${repository}/${one.id}`;
        if (seen.has(id)) throw new Error(`${where}: the id ${id} comes twice`);
        seen.add(id);
        found.push({ ...one, id, repository, split: read.data.split, needs: read.data.needs });
      }
    }
  }
  return found;
}

/** A small choice that is always the same: every label in every repository and every kind of cheat, once each. */
export function sampleOf(cases: readonly Case[]): readonly Case[] {
  const seen = new Set<string>();
  return cases.filter(({ repository, label, kind }) => {
    const says = [`${repository}: ${label}`, ...(label === 'cheat' ? [kind] : [])];
    const isNew = says.some((one) => !seen.has(one));
    for (const one of says) seen.add(one);
    return isNew;
  });
}
