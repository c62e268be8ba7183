/** Which events are acted on, and how the jobs that come of them are asked for. Pure. */
import type { ForgeEvent } from './event.ts';

/** What a rule may be about: everything that happens but a close, which asks for nothing. */
export const RULE_KINDS = ['label', 'assignment', 'comment', 'review', 'checks'] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/** One rule. What it leaves out is as the settings say. */
export interface TriggerRule {
  readonly on: RuleKind;
  /** The label that asks, for `on: label`. */
  readonly label?: string;
  /** `owner/name` or `owner/*`, in lower case; absent: every repository that events come from. */
  readonly repositories?: readonly string[];
  readonly agent?: string;
  readonly model?: string;
  readonly draft?: boolean;
  readonly priority?: number;
  /** Labels of the pull request. */
  readonly labels?: readonly string[];
  readonly max_cost_usd?: number;
}

/** How often a pull request is gone on with. */
export interface TriggerCaps {
  /** Turns of red checks on one head that no turn moved. */
  readonly fixes_per_head: number;
  /** Turns of red checks in all. */
  readonly fixes_per_pull: number;
  /** Turns of whatever kind. */
  readonly turns_per_pull: number;
}

/** The label that asks for a job where a rule names none. */
export const DEFAULT_LABEL = 'agent';

/** One rule of each kind: what holds where nobody wrote any. */
export const DEFAULT_RULES: readonly TriggerRule[] = RULE_KINDS.map((on) => ({ on }));

function isIn(repo: string, { repositories }: TriggerRule): boolean {
  if (repositories === undefined) return true;
  const [owner = ''] = repo.split('/');
  return repositories.some((one) => one === repo || one === `${owner}/*`);
}

/**
 * The first rule that an event falls under, or `null`.
 *
 * @param repo in lower case
 */
export function ruleFor(rules: readonly TriggerRule[], event: ForgeEvent): TriggerRule | null {
  const { kind } = event;
  if (kind === 'closed') return null;
  const repo = event.repo.toLowerCase();
  const fits = (rule: TriggerRule): boolean =>
    rule.on === kind &&
    isIn(repo, rule) &&
    (kind !== 'label' || event.label.toLowerCase() === (rule.label ?? DEFAULT_LABEL).toLowerCase());
  return rules.find(fits) ?? null;
}
