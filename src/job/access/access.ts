/** Who may do what over HTTP, and what is written down about it. */

/** What a key allows, each with all that the ones before allow: looking, asking for jobs, running the server. */
export const ROLES = ['read', 'submit', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Whether somebody of role `has` may do what takes role `needs`. */
export function mayAct(has: Role, needs: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needs);
}

/** An API key as it is stored: its secret is known to its holder alone. */
export interface ApiKey {
  readonly key_id: string;
  /** What its holder is called, as whoever made it wrote. */
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the whole key, hexadecimal. */
  readonly hash: string;
  /** RFC 3339 UTC. */
  readonly created_at: string;
  readonly revoked_at: string | null;
}

/** Something that somebody did. */
export interface AuditEntry {
  /** RFC 3339 UTC. */
  readonly time: string;
  /** The key's id, or who acts without one (`local`: on this machine). */
  readonly actor: string;
  readonly role: Role;
  /** What was done, by the name of its operation. */
  readonly action: string;
  /** The job or key that it was done to. */
  readonly target: string | null;
  /** How it ended, as an HTTP status. */
  readonly status: number;
  /** Where the request came from. */
  readonly address: string | null;
}

/** An entry with its number: 1 is the first ever. */
export interface NumberedAuditEntry extends AuditEntry {
  readonly number: number;
}

/** Which entries: those of one actor, of one kind, on one target. */
export interface AuditFilter {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
}

/** A key as it is shown: all but its hash. */
export type KeyView = Omit<ApiKey, 'hash'>;
