/** Outputs of a step, as agents give them: a model's JSON, read with care and bounded. */
import { isFields, parseJson } from '../../text/json.ts';
import type { OutputPromise } from '../definition.ts';
import type { DEFAULT_OUTPUTS } from '../reference.ts';
import type { Json, Output, StepRequest } from '../run.ts';

/** Largest outputs of one step, as JSON: with its summary and its files they stay below a step result's 64 KiB. */
export const MAX_GIVEN_BYTES: number = 32 * 1024;
const MAX_DEPTH = 16;
const MAX_KEY_CHARS = 200;
/** Paths that the output `files` names, and their size as JSON. */
const MAX_FILES = 1000;
const MAX_FILES_BYTES = 16 * 1024;
const MAX_SUMMARY_BYTES = 8 * 1024;
/** Characters of an agent's closing words that are searched for JSON: those at the end. */
const MAX_SEARCHED_CHARS = 128 * 1024;

// One kind of blanks in each repetition, so that no line of them can be shared out in many ways.
const FENCED = /^ {0,3}(`{3,})json[^\n`]*\n([\s\S]*?)^ {0,3}\1[ \t]*$/gim;

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/** Plain JSON with well-formed texts, each passed through `mask`; `undefined` for what is nested too deeply. */
function clean(value: unknown, mask: (text: string) => string, depth = 0): Json | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (typeof value === 'string') return mask(value.toWellFormed());
  // `1e999` is read as a number that JSON has no word for.
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((one: unknown) => clean(one, mask, depth + 1));
    return items.some((one) => one === undefined) ? undefined : (items as Json[]);
  }
  if (!isFields(value)) return undefined;
  const entries: [string, Json][] = [];
  for (const [key, one] of Object.entries(value)) {
    if (key === '__proto__' || key.length > MAX_KEY_CHARS) continue;
    const kept = clean(one, mask, depth + 1);
    if (kept === undefined) return undefined;
    entries.push([mask(key.toWellFormed()), kept]);
  }
  return Object.fromEntries(entries);
}

/** What an agent gave, and why nothing of it could be taken where that is so. */
export interface Given {
  readonly output: Output;
  readonly problem: string | null;
}

/** The last fenced block of JSON in an agent's closing words; `null` where there is none. */
function lastBlock(said: string): string | null {
  return [...said.slice(-MAX_SEARCHED_CHARS).matchAll(FENCED)].at(-1)?.[2] ?? null;
}

/**
 * Reads the outputs that an agent gave: its file `output.json`, else the last fenced block of JSON in its closing words.
 * Each must be one object, at most 32 KiB and 16 levels deep. Nothing given is no problem.
 *
 * @param file text of `output.json`; `null` where there is none
 * @param mask takes secrets out of a text
 */
export function readGiven(file: string | null, said: string, mask: (text: string) => string): Given {
  const text = file ?? lastBlock(said);
  if (text === null) return { output: {}, problem: null };
  const from = file === null ? 'the JSON block that the agent closed with' : 'output.json of the agent';
  const lost = (why: string): Given => ({ output: {}, problem: `${from} ${why}` });
  if (text.length > 2 * MAX_GIVEN_BYTES) return lost(`is too large (at most ${MAX_GIVEN_BYTES} bytes)`);
  const value = parseJson(text.trim());
  if (value === undefined) return lost('is no JSON');
  if (!isFields(value)) return lost('is no JSON object');
  const output = clean(value, mask);
  if (!isFields(output)) return lost(`is nested too deeply (at most ${MAX_DEPTH} levels)`);
  const bytes = bytesOf(output);
  if (bytes > MAX_GIVEN_BYTES)
    return lost(`is too large: ${bytes} bytes as JSON (at most ${MAX_GIVEN_BYTES})`);
  return { output, problem: null };
}

/** What was given earlier with what is given now; where both together are too large, what is given now. */
export function addGiven(before: Output, now: Output): Output {
  const all = { ...before, ...now };
  return bytesOf(all) > MAX_GIVEN_BYTES ? now : all;
}

function isOf(value: Json, type: OutputPromise['type']): boolean {
  return type === 'integer' ? Number.isInteger(value) : typeOf(value) === type;
}

/** What a value is, in the words of JSON Schema. */
function typeOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Something that a step still owes when its agent says it is done. */
export interface Owed {
  readonly kind: 'output' | 'conflict';
  /** Name of the output, or path of the file. */
  readonly name: string;
  readonly why: string;
}

/** Promised outputs that are missing, or not of the type that was promised. */
export function owedOutputs(promised: StepRequest['outputs'], { output, problem }: Given): readonly Owed[] {
  return Object.entries(promised ?? {}).flatMap(([name, { type, optional }]): Owed[] => {
    const value = Object.hasOwn(output, name) ? (output[name] ?? null) : null;
    if (value === null && optional) return [];
    if (value === null)
      return [
        { kind: 'output', name, why: problem === null ? 'was not given' : `was not given: ${problem}` },
      ];
    if (isOf(value, type)) return [];
    return [{ kind: 'output', name, why: `is of type ${typeOf(value)}, but ${type} was promised` }];
  });
}

/** The first paths of a change, at most 1,000 and 16 KiB. */
export function boundPaths(paths: readonly string[]): readonly string[] {
  let size = 0;
  return paths.slice(0, MAX_FILES).filter((path) => (size += bytesOf(path) + 1) <= MAX_FILES_BYTES);
}

/** All outputs of a step that ended: what its agent gave, and what the runner knows, which wins. */
export function allOutputs(
  given: Output,
  known: { readonly [name in (typeof DEFAULT_OUTPUTS)[number]]: Json },
): Output {
  const summary = typeof known.summary === 'string' ? known.summary : '';
  // Three bytes at most are one UTF-16 unit.
  return { ...given, ...known, summary: summary.slice(0, MAX_SUMMARY_BYTES / 3).toWellFormed() };
}
