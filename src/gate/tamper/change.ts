/** What a commit changed, as the gate room is told. */

/** One path that differs between base and head. */
export interface Change {
  /** Its path on head; on base when it was deleted. */
  readonly path: string;
  /** Its path on base when it was renamed. */
  readonly oldPath: string | null;
  readonly status: 'added' | 'deleted' | 'modified' | 'renamed';
}
