/** Lists of a server, which come in pages. */

/** Rows of one page; the server gives no more. */
const PAGE = 200;

/** Pages of a list until there are as many rows as are wanted, or no more. */
export async function pages<T>(
  limit: number,
  before: string | undefined,
  read: (
    most: number,
    cursor: { readonly cursor?: string },
  ) => Promise<{ readonly rows: readonly T[]; readonly next: string | null }>,
): Promise<readonly T[]> {
  const found: T[] = [];
  let cursor = before;
  do {
    const most = Math.min(PAGE, limit - found.length);
    const page = await read(most, cursor === undefined ? {} : { cursor });
    found.push(...page.rows);
    cursor = page.rows.length === 0 ? undefined : (page.next ?? undefined);
  } while (cursor !== undefined && found.length < limit);
  return found;
}
