/** How findings about tests are made. */
import type { TamperFinding } from '../../../job/gate.ts';

/** One finding. Lines count from 1 and are head's. */
export function finding(
  kind: string,
  severity: TamperFinding['severity'],
  file: string,
  line: number | null,
  detail: string,
): TamperFinding {
  return { kind, severity, file, line, detail };
}

/** The first three of some names, quoted. */
export function shown(names: readonly string[]): string {
  const some = names.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 80)));
  return some.join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}
