/** The scan itself, as the worker runs it: rules over the added text, places turned into lines, secrets masked. */
import type { AddedText } from './added-lines.ts';
import { loadPreset, type Place } from './preset.ts';
import { OWN_RULES, type SecretRule } from './rules.ts';

/** A secret in the added text. */
export interface SecretFinding {
  /** Which kind, such as `github` or `private-key`. */
  readonly rule: string;
  readonly file: string;
  /** In the new file, counted from 1. */
  readonly line: number;
  /** At most its first four characters, and how long it is. */
  readonly masked: string;
}

/** One file to scan. */
export interface ScannedText extends AddedText {
  /** Whether it is a test, where values that only look random are left alone. */
  readonly test: boolean;
}

const SHOWN_CHARS = 4;
/** Files of settings, where a value needs no quotes. */
const SETTINGS_FILE =
  /(?:^|\/)(?:\.env[^/]*|[^/]*\.(?:env|ini|cfg|conf|config|properties|tfvars|ya?ml|toml|sh|bash|npmrc)|\.npmrc|\.pypirc|\.yarnrc|credentials|Dockerfile[^/]*)$/i;
/** Files of hashes, which a tool writes: values that look random are what they are for. */
const LOCK_FILE =
  /(?:^|\/)(?:[^/]*[.-]lock(?:\.json|\.ya?ml|b)?|npm-shrinkwrap\.json|go\.sum|gradle\.lockfile|packages\.lock\.json|Package\.resolved|[^/]*\.snap)$/i;

/** Masks a secret: at most four characters, and of short ones no more than a quarter. */
export function maskSecret(secret: string): string {
  const chars = Array.from(secret);
  const shown = chars.slice(0, Math.min(SHOWN_CHARS, Math.floor(chars.length / 4))).join('');
  return `${shown.replace(/[\p{C}\p{Z}]/gu, '?')}… (${chars.length} characters)`;
}

/** The added lines as one text; lines that are not neighbours in the file are no neighbours here either. */
function joined(file: AddedText): { readonly text: string; lineAt: (index: number) => number } {
  const starts: number[] = [];
  const parts: string[] = [];
  let [length, before] = [0, 0];
  for (const { number, text } of file.lines) {
    const gap = parts.length > 0 && number !== before + 1 ? '\n' : '';
    starts.push(length + gap.length);
    parts.push(`${gap}${text}\n`);
    length += gap.length + text.length + 1;
    before = number;
  }
  const lineAt = (index: number): number => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return file.lines[low]?.number ?? 1;
  };
  return { text: parts.join(''), lineAt };
}

function applies(rule: SecretRule, file: ScannedText): boolean {
  if (rule.where === undefined) return true;
  if (file.test || LOCK_FILE.test(file.path)) return false;
  return rule.where === 'outside-tests' || SETTINGS_FILE.test(file.path);
}

function ownPlaces(file: ScannedText, text: string): readonly Place[] {
  const places: Place[] = [];
  for (const rule of OWN_RULES) {
    if (!applies(rule, file)) continue;
    for (const match of text.matchAll(rule.pattern)) {
      const secret = match.groups?.['secret'] ?? match[0];
      if (rule.harmless?.(secret, match[0]) === true) continue;
      const start = match.index + match[0].lastIndexOf(secret);
      places.push({ rule: rule.id, start, end: start + secret.length });
    }
  }
  return places;
}

/**
 * Scans the added text of a change.
 *
 * @param maxFindings no more are returned, in the order of files and lines
 * @throws Error when the ruleset cannot be loaded
 */
export async function scanAdded(
  files: readonly ScannedText[],
  maxFindings: number,
): Promise<readonly SecretFinding[]> {
  const preset = await loadPreset();
  const findings: SecretFinding[] = [];
  for (const file of files) {
    const { text, lineAt } = joined(file);
    const places = [...(await preset(file.path, text)), ...ownPlaces(file, text)];
    // One secret, one finding: the ruleset's name comes before ours, and ours come in the order of the rules.
    const kept: Place[] = [];
    for (const place of places) {
      if (kept.length >= maxFindings) break;
      if (!kept.some((other) => place.start < other.end && other.start < place.end)) kept.push(place);
    }
    for (const { rule, start, end } of kept.sort((a, b) => a.start - b.start)) {
      if (findings.length >= maxFindings) return findings;
      findings.push({
        rule,
        file: file.path,
        line: lineAt(start),
        masked: maskSecret(text.slice(start, end)),
      });
    }
  }
  return findings;
}
