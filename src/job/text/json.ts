/** Reading JSON that somebody else wrote: every field may be something else than was promised. */

/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with fields: no list, and not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value as an object; `null` for anything else. */
export function fieldsOf(value: unknown): Fields | null {
  return isFields(value) ? value : null;
}

/** What lies at the end of a path of fields; `undefined` where the path ends early. What every object inherits is no field. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (!isFields(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found;
}

/** A value as text; `null` for anything else. */
export function asText(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A value as a count or an amount: finite and not negative; `null` for anything else. */
export function asAmount(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null;
}

/** A value as a list; empty for anything else. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A count at the end of a path, rounded; `null` for anything else. */
export function countAt(value: unknown, ...path: readonly string[]): number | null {
  const amount = asAmount(at(value, ...path));
  return amount === null ? null : Math.round(amount);
}

/** A text at the end of a path; `null` for anything else. */
export function textAt(value: unknown, ...path: readonly string[]): string | null {
  return asText(at(value, ...path));
}

/** A list at the end of a path; empty for anything else. */
export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  return asList(at(value, ...path));
}

/** Parses JSON; `undefined` for what is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** JSON text as an object; `null` for anything else. */
export function parseObject(text: string): Fields | null {
  return text.trimStart().startsWith('{') ? fieldsOf(parseJson(text)) : null;
}
