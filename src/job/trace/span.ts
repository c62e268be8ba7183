/** A trace in the words of OpenTelemetry: which part of a job took how long. Plain JSON, pure. */

/** What an attribute may be. */
export type Attribute = string | number | boolean;

/** A part of a job that began and ended. Names of attributes are those of the semantic conventions where there are any. */
export interface Span {
  /** 32 hexadecimal digits, the same for all spans of a job, and 16 of the span's own: both made of the job's id. */
  readonly trace_id: string;
  readonly span_id: string;
  /** `null` for the job itself. */
  readonly parent_span_id: string | null;
  readonly name: string;
  readonly kind: 'internal' | 'client';
  /** Nanoseconds since 1970 as decimal digits, because they are more than a number of JSON holds. */
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly status: { readonly code: 'unset' | 'ok' | 'error'; readonly message: string | null };
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** All spans of a job, each behind its parent, in the order of their beginnings. */
export interface TraceView {
  readonly job_id: string;
  readonly trace_id: string;
  readonly spans: readonly Span[];
  /** Spans beyond those that are kept. */
  readonly left_out: number;
}

/** FNV-1a of 32 bits: ids need to be the same every time, not to be secret (fnv-1a, Fowler, Noll and Vo). */
function fnv(text: string, seed: number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  // Two rounds more over its own bytes, so that ends which differ little differ everywhere.
  for (const shift of [0, 8, 16, 24]) hash = Math.imul(hash ^ ((hash >>> shift) & 0xff), 0x01000193) >>> 0;
  return hash;
}

/** An id of so many groups of eight hexadecimal digits; never zeros alone, which mean none. */
export function idOf(text: string, groups: number): string {
  const parts = Array.from({ length: groups }, (_, at) =>
    fnv(text, at + 1)
      .toString(16)
      .padStart(8, '0'),
  );
  const id = parts.join('');
  return /^0+$/.test(id) ? `${id.slice(0, -1)}1` : id;
}

/** Milliseconds since 1970 as OpenTelemetry counts time. */
export function nanoOf(ms: number): string {
  return `${Math.max(0, Math.round(ms))}000000`;
}
