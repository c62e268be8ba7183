/** How steps and their outputs are named: in definitions, in templates and in conditions. */

/** Outputs that every step has, whatever its agent says. */
export const DEFAULT_OUTPUTS = ['summary', 'outcome', 'branch', 'head_sha', 'files', 'tests_passed'] as const;

/** A step's name. */
export const STEP_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
/** An output's name. */
export const OUTPUT_NAME: RegExp = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** What a template or a condition names: an output of a step, or what lies deeper in it; or how the step ended. */
export interface Reference {
  readonly step: string;
  readonly field: 'output' | 'status' | 'outcome';
  /** The output's name and what lies deeper; empty unless `field` is `output`. */
  readonly path: readonly string[];
  /** Where it stands in the text, in characters from 0. */
  readonly at: number;
}

/** Deepest path of an output that can be named. */
const MAX_DEPTH = 10;
/** What a reference may be made of, so that a wrong one is read whole and shown whole. */
const WORD = /[A-Za-z_$][\w$-]*(?:\.[\w$-]*)*/y;

const FORM = 'write steps.<name>.output.<key>';

/** What was read as a reference: it, or why it is none. */
export type ReferenceRead =
  | { readonly ok: true; readonly reference: Reference }
  | { readonly ok: false; readonly message: string; readonly hint: string };

/** The word with dots that begins at `from`; empty where none does. */
export function dottedAt(text: string, from: number): string {
  WORD.lastIndex = from;
  return WORD.exec(text)?.[0] ?? '';
}

/**
 * Reads `steps.<name>.output.<key>`, `steps.<name>.status` or `steps.<name>.outcome`.
 *
 * @param at where `text` stands in what it was taken from, in characters
 */
export function readReference(text: string, at: number): ReferenceRead {
  const [word, step = '', field = '', ...path] = text.split('.');
  const shown = JSON.stringify(text.slice(0, 200));
  const no = (message: string, hint: string): ReferenceRead => ({ ok: false, message, hint });
  if (word !== 'steps') return no(`${shown} names no step`, FORM);
  if (!STEP_NAME.test(step)) return no(`${shown} names no step`, FORM);
  if (field === 'status' || field === 'outcome') {
    if (path.length === 0) return { ok: true, reference: { step, field, path, at } };
    return no(`${shown}: ${field} has nothing deeper`, `write steps.${step}.${field}`);
  }
  if (field !== 'output') {
    const hint = `write steps.${step}.output.<key>, steps.${step}.status or steps.${step}.outcome`;
    return no(`${shown}: a step has no ${JSON.stringify(field.slice(0, 100))}`, hint);
  }
  if (path.length === 0 || path.includes('') || path.length > MAX_DEPTH)
    return no(`${shown} names no output`, `write steps.${step}.output.<key>, for example .output.summary`);
  return { ok: true, reference: { step, field, path, at } };
}

/** A reference as it is written. */
export function referenceText({ step, field, path }: Reference): string {
  return ['steps', step, field, ...path].join('.');
}
