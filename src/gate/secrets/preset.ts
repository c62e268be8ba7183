/**
 * The maintained ruleset: `@secretlint/secretlint-rule-preset-recommend` (MIT, no dependencies, 0.63 MB). Its
 * rules are run here without its engine, which keeps marks of every file in the process's performance timeline.
 * Its rule that lets a comment in a file switch the others off is left out: an agent could write that comment.
 */
import { isHarmlessUrl, isPlaceholder } from './shape.ts';

/** What a rule of the ruleset is given; the part of the published contract that its rules use. */
interface RuleSource {
  readonly content: string;
  readonly filePath: string;
  readonly ext: string;
  readonly contentType: 'text';
}
interface RuleContext {
  readonly createTranslator: () => (messageId: string) => { readonly messageId: string };
  readonly report: (found: { readonly range: readonly [number, number] }) => void;
  readonly ignore: () => void;
}
interface PresetRule {
  readonly meta: { readonly id: string };
  readonly create: (
    context: RuleContext,
    options: object,
  ) => { readonly file?: (source: RuleSource) => unknown };
}

/** One place in a text. */
export interface Place {
  readonly rule: string;
  readonly start: number;
  readonly end: number;
}

/** Finds secrets in one text. */
export type Finder = (path: string, text: string) => Promise<readonly Place[]>;

const PREFIX = '@secretlint/secretlint-rule-';
const COMMENT_SWITCH = `${PREFIX}filter-comments`;
/** 13.0.7 has 28 rules; with far fewer the package is not what it says. */
const MIN_RULES = 20;
/** The shortest token of a provider; what is shorter is a prefix in prose (`xoxb-your-token`). */
const MIN_TOKEN_CHARS = 20;
const URL_RULES: readonly string[] = ['basicauth', 'database-connection-string'];
/** The ids of AWS accounts are no secrets, and its key ids are found by a rule of ours. */
const OPTIONS = {};

function isRule(value: unknown): value is PresetRule {
  const rule = value as Partial<PresetRule> | null;
  return typeof rule?.meta?.id === 'string' && typeof rule.create === 'function';
}

/** The file name alone decides which rules apply, and no rule may look for the file on this machine. */
function sourceOf(path: string, content: string): RuleSource {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const ext = name.endsWith('.json') ? '.json' : '';
  return { content, filePath: name, ext, contentType: 'text' };
}

function isHarmless(rule: string, secret: string): boolean {
  if (URL_RULES.includes(rule)) return isHarmlessUrl(secret);
  return secret.length < MIN_TOKEN_CHARS || isPlaceholder(secret);
}

/**
 * Loads the ruleset (7 ms).
 *
 * @throws Error when the package is missing or does not hold rules of the known form
 */
export async function loadPreset(): Promise<Finder> {
  const loaded = (await import('@secretlint/secretlint-rule-preset-recommend')) as {
    readonly rules?: readonly unknown[];
  };
  const rules = (loaded.rules ?? []).filter(isRule).filter((rule) => rule.meta.id !== COMMENT_SWITCH);
  if (rules.length < MIN_RULES) throw new Error(`the ruleset holds ${rules.length} rules of the known form`);
  return async (path, text) => {
    const source = sourceOf(path, text);
    const places: Place[] = [];
    for (const { meta, create } of rules) {
      const rule = meta.id.startsWith(PREFIX) ? meta.id.slice(PREFIX.length) : meta.id;
      const context: RuleContext = {
        createTranslator: () => (messageId) => ({ messageId }),
        report: ({ range: [start, end] }) => {
          if (!isHarmless(rule, text.slice(start, end))) places.push({ rule, start, end });
        },
        ignore: () => {},
      };
      await create(context, OPTIONS).file?.(source);
    }
    return places;
  };
}
