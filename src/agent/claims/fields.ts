/** Reading JSON that a programme of somebody else wrote: a field is what it should be, or it is not there. */

/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** A value as an object; `null` when it is anything else. */
export function asRecord(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** A value as text; `null` when it is anything else. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A value as a count or an amount: finite and not negative; `null` when it is anything else. */
export function asAmount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

/** A value as a list; empty when it is anything else. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value below a path of keys; `undefined` where one of them is missing. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((found, key) => asRecord(found)?.[key], value);
}

/** JSON text as an object; `null` when it is anything else. */
export function parseObject(text: string): Fields | null {
  if (!text.trimStart().startsWith('{')) return null;
  try {
    return asRecord(JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}
