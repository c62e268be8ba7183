/**
 * Templates in tasks and in what approvers are asked: `{{steps.<name>.output.<key>}}`. Other double braces are left as
 * they are, because tasks speak of templates of other programs; what seems to be meant for us and is wrong is refused.
 */
import { errorInfo, type ErrorInfo } from '../../error.ts';
import { isFields } from '../../text/json.ts';
import { readReference, referenceText, type Reference } from '../reference.ts';
import type { Json, Output } from '../run.ts';

/** Most templates in one text. */
const MAX_TEMPLATES = 200;
/** Longest inside of double braces that is read, in characters. */
const MAX_INSIDE_CHARS = 300;
/** Longest value that is put into a task's sentence as it is, in characters; longer ones become blocks of data. */
const MAX_INLINE_CHARS = 200;
/** Most names in a message. */
const MAX_SHOWN = 10;

/** What seems meant for us: it begins with `steps`, or it speaks of an output. */
const OURS = /^(?:steps?\b|[\w-]+\.outputs?\b)/i;

interface Found {
  /** Where the braces begin and end, in characters. */
  readonly from: number;
  readonly to: number;
  readonly reference: Reference;
}

/** A template that is none, and where, in characters from 0. */
export interface TemplateProblem {
  readonly message: string;
  readonly hint: string;
  readonly at: number;
}

/** Double braces that are meant for us, one after another. */
function templatesIn(text: string): {
  readonly found: readonly Found[];
  readonly problems: readonly TemplateProblem[];
} {
  const found: Found[] = [];
  const problems: TemplateProblem[] = [];
  let from = text.indexOf('{{');
  while (from >= 0) {
    const close = text.indexOf('}}', from + 2);
    const inside = text.slice(
      from + 2,
      Math.min(close < 0 ? text.length : close, from + 2 + MAX_INSIDE_CHARS),
    );
    if (!OURS.test(inside.trim())) {
      from = text.indexOf('{{', from + 2);
      continue;
    }
    if (close < 0 || /[\n{]/.test(inside) || close - from > MAX_INSIDE_CHARS) {
      const hint = 'close it by }} on the same line: {{steps.<name>.output.<key>}}';
      problems.push({ message: 'a {{ is not closed', hint, at: from });
      from = text.indexOf('{{', from + 2);
      continue;
    }
    const read = readReference(inside.trim(), from);
    if (!read.ok) problems.push({ message: read.message, hint: read.hint, at: from });
    else if (read.reference.field !== 'output') {
      const message = `${JSON.stringify(inside.trim())} is no output`;
      problems.push({ message, hint: 'templates take outputs; .outcome is one: .output.outcome', at: from });
    } else found.push({ from, to: close + 2, reference: read.reference });
    if (found.length + problems.length > MAX_TEMPLATES) {
      const message = `there are more than ${MAX_TEMPLATES} templates`;
      return { found, problems: [...problems, { message, hint: 'name fewer outputs', at: from }] };
    }
    from = text.indexOf('{{', close + 2);
  }
  return { found, problems };
}

/** Reads the templates of a text without filling them. Never throws. */
export function readTemplate(text: string): {
  readonly references: readonly Reference[];
  readonly problems: readonly TemplateProblem[];
} {
  const { found, problems } = templatesIn(text);
  return { references: found.map(({ reference }) => reference), problems };
}

/** What a value has to offer by name; empty for what has no parts. */
function keysOf(value: Json): readonly string[] {
  return isFields(value) ? Object.keys(value) : [];
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'it has none';
  const more = names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : '';
  const shown = names.slice(0, MAX_SHOWN).map((name) => name.slice(0, 64));
  return `it has ${shown.join(', ')}${more}`;
}

/**
 * The value of a reference to an output.
 *
 * @param output that of the step; `null` for a step that did not run
 * @returns the value, or an error that names step and key, and what there is
 */
export function outputAt(
  reference: Reference,
  output: Output | null,
): { readonly value: Json } | { readonly error: ErrorInfo } {
  const { step, path } = reference;
  const shown = referenceText(reference);
  const missing = (what: string, hint: string): { readonly error: ErrorInfo } => ({
    error: errorInfo('output_missing', `${shown}: ${what}`, hint),
  });
  if (output === null)
    return missing(
      `the step ${step} did not run, so it has no outputs`,
      `give this step a condition: steps.${step}.status == "completed"`,
    );
  let value: Json = output;
  for (const [at, key] of path.entries()) {
    const part: Json | undefined = Array.isArray(value)
      ? (value as readonly Json[])[/^\d{1,9}$/.test(key) ? Number(key) : -1]
      : isFields(value) && Object.hasOwn(value, key)
        ? value[key]
        : undefined;
    if (part === undefined) {
      const where = at === 0 ? `the step ${step}` : `its output ${path.slice(0, at).join('.')}`;
      const hint = `promise it under outputs of ${step}, so that its agent is told to give it`;
      return missing(
        `${where} gave no ${JSON.stringify(key.slice(0, 100))} (${listed(keysOf(value))})`,
        hint,
      );
    }
    value = part;
  }
  return { value };
}

/** A value as text: texts as they are, everything else as JSON. */
function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/**
 * A value in a prompt. What an agent said is data: one short line stands in the sentence, everything else becomes a
 * block between the marks that every prompt explains, and can't close it.
 */
function asData(value: Json, label: string): string {
  const text = textOf(value).toWellFormed().replaceAll('\0', '');
  const harmless = text.replace(/<<<(?=DATA)|(?<=DATA[^\n]{0,80})>>>/g, (mark) => mark.split('').join(' '));
  if (text.length <= MAX_INLINE_CHARS && !/\p{Cc}|[\u2028\u2029]/u.test(text)) return harmless;
  return `\n<<<DATA ${label}\n${harmless.endsWith('\n') ? harmless : `${harmless}\n`}DATA ${label}>>>\n`;
}

/**
 * Fills the outputs of steps into a text.
 *
 * @param outputOf the output of a step by its name; `null` where the step did not run
 * @param to `prompt` marks values as data; `person` puts them in as they are
 * @returns the text, or `output_missing` for the first output that is not there, naming step and key and what there is
 */
export function fillTemplate(
  text: string,
  outputOf: (step: string) => Output | null,
  to: 'prompt' | 'person' = 'prompt',
): { readonly text: string } | { readonly error: ErrorInfo } {
  let filled = '';
  let end = 0;
  for (const { from, to: close, reference } of templatesIn(text).found) {
    const read = outputAt(reference, outputOf(reference.step));
    if ('error' in read) return read;
    const value = to === 'person' ? textOf(read.value) : asData(read.value, referenceText(reference));
    filled += text.slice(end, from) + value;
    end = close;
  }
  return { text: filled + text.slice(end) };
}
