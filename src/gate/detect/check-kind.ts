/** What a check is for, guessed from its name and command. */
import type { CheckKind } from '../../job/gate.ts';

// The first that matches wins; the name speaks before the command, because a command names many tools.
const RULES: readonly (readonly [CheckKind, RegExp])[] = [
  ['format', /\b(?:format|fmt|prettier|black|gofmt|rustfmt|oxfmt)\b/],
  ['types', /\b(?:types?|typecheck|type-check|tsc|mypy|pyright)\b/],
  ['lint', /\b(?:lint|eslint|oxlint|ruff|flake8|clippy|vet|rubocop|phpstan|credo|checkstyle|pylint)\b/],
  ['test', /\b(?:tests?|spec|pytest|unittest|vitest|jest|mocha|rspec|phpunit|tox|nox|e2e|unit)\b/],
  ['build', /\b(?:build|compile|assemble|bundle)\b/],
];

/** The kind of a check that does not say it; `other` when neither name nor command tells. */
export function kindOf(name: string, command: string): CheckKind {
  for (const text of [name.toLowerCase(), command.toLowerCase()]) {
    for (const [kind, pattern] of RULES) if (pattern.test(text)) return kind;
  }
  return 'other';
}
