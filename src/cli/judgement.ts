/** A gate report in the forms that people and other tools read: table, Markdown, JUnit XML. */
import type { CheckReport, GateReport, TamperFinding, TestCounts } from '../job/gate.ts';
import type { Judgement } from '../runner/look/gate/judge.ts';
import { cleanLine, cleanText } from './text.ts';

/** Forms that a judgement can be printed in. */
export const JUDGEMENT_FORMATS = ['table', 'json', 'junit', 'markdown'] as const;

/** Foreign text for XML: no markup, no characters that XML forbids. */
function xml(text: string): string {
  return cleanText(text)
    .replace(/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function countsText({ passed, failed, skipped }: TestCounts): string {
  const parts = [
    `${passed}`,
    failed === 0 ? '' : `${failed} failed`,
    skipped === 0 ? '' : `${skipped} skipped`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** How many tests passed, failed and were skipped: base's numbers, and head's where they differ; `''` if unknown. */
export function testsText({ base: ran, base_tests: base, head_tests: head }: CheckReport): string {
  if (ran === 'not_run') return head == null ? '' : countsText(head);
  const [before, after] = [base, head].map((counts) => (counts == null ? '?' : countsText(counts)));
  if (before === '?' && after === '?') return '';
  return before === after ? `${after}` : `${before} → ${after}`;
}

/** How a check ended on the base, in words. */
export function baseText({ base }: Pick<CheckReport, 'base'>): string {
  return base === 'not_run' ? 'not run' : base;
}

/** JUnit XML: a test case a check, so that any CI shows the gate beside its other reports. */
export function toJunit(judgement: Judgement): string {
  const { report } = judgement;
  const cases = report.checks.map((check) => {
    const open = `    <testcase classname="gate.${xml(check.kind)}" name="${xml(check.name)}" time="${(check.duration_ms / 1000).toFixed(3)}"`;
    if (check.verdict === 'failed') {
      const what = [...check.new_failures, '', check.excerpt].join('\n');
      return `${open}>\n      <failure message="${xml(check.reason)}">${xml(what)}</failure>\n    </testcase>`;
    }
    if (check.verdict === 'inconclusive')
      return `${open}>\n      <error message="${xml(check.reason)}"/>\n    </testcase>`;
    if (check.verdict === 'pre_existing')
      return `${open}>\n      <skipped message="${xml(check.reason)}"/>\n    </testcase>`;
    const tests = testsText(check);
    return tests === ''
      ? `${open}/>`
      : `${open}>\n      <system-out>tests: ${xml(tests)}</system-out>\n    </testcase>`;
  });
  const guard = report.tamper.map((one) => {
    const where = one.line === null ? one.file : `${one.file}:${one.line}`;
    const open = `    <testcase classname="gate.tamper" name="${xml(`${one.kind} ${where}`)}" time="0"`;
    return one.severity === 'block'
      ? `${open}>\n      <failure message="${xml(one.detail)}"/>\n    </testcase>`
      : `${open}>\n      <system-out>${xml(`${one.severity}: ${one.detail}`)}</system-out>\n    </testcase>`;
  });
  const count = (verdict: string): number =>
    report.checks.filter((check) => check.verdict === verdict).length;
  const blocked = report.tamper.filter((one) => one.severity === 'block').length;
  const totals = `tests="${cases.length + guard.length}" failures="${count('failed') + blocked}" errors="${count('inconclusive')}" skipped="${count('pre_existing')}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `  <testsuite name="agent-runner gate" ${totals} time="${(report.duration_ms / 1000).toFixed(3)}">`,
    ...cases,
    ...guard,
    '  </testsuite>',
    '</testsuites>\n',
  ].join('\n');
}

function cell(text: string): string {
  return cleanLine(text).replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('`', "'");
}

/** A revision as it was named, and its commit where the name is not that already. */
function revision(name: string, sha: string): string {
  const short = sha.slice(0, 12);
  return name === short || name === sha ? `\`${short}\`` : `\`${cell(name)}\` (${short})`;
}

/** Markdown for a comment or a step summary. */
export function toMarkdown(judgement: Judgement): string {
  const { report, base, base_sha: baseSha, head, head_sha: headSha } = judgement;
  const rows = report.checks.map(
    (check) =>
      `| ${cell(check.name)} | ${baseText(check)} | ${check.head} | **${check.verdict}** | ${cell(testsText(check))} | ${cell(check.reason)} |`,
  );
  const failures = report.checks.flatMap((check) =>
    check.new_failures.map((name) => `- \`${cell(name)}\` (${cell(check.name)})`),
  );
  const findings = report.tamper.map((one) => {
    const where = one.line === null ? one.file : `${one.file}:${one.line}`;
    return `- **${one.severity}** \`${cell(where)}\`: ${cell(one.detail)}`;
  });
  const parts = [
    `## Gate: ${conclusionOf(judgement)}`,
    `${revision(head, headSha)} against ${revision(base, baseSha)}`,
    rows.length === 0
      ? 'No checks were found.'
      : ['| check | base | head | verdict | tests | why |', '|---|---|---|---|---|---|', ...rows].join('\n'),
    failures.length === 0 ? '' : `### New failures\n${failures.join('\n')}`,
    findings.length === 0 ? '' : `### Changes to what judges this repository\n${findings.join('\n')}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function isTampered(tamper: readonly Pick<TamperFinding, 'severity'>[]): boolean {
  return tamper.some((one) => one.severity === 'block');
}

/**
 * A verdict beside what the tamper guard found, for those who don't know the policy: `green` alone would be read
 * as a pass.
 */
export function verdictText(verdict: string, tamper: readonly Pick<TamperFinding, 'severity'>[]): string {
  return isTampered(tamper) ? `${verdict}, with a blocking finding of the tamper guard` : verdict;
}

/** What the gate says in all, in a few words that agree with the exit code. */
export function conclusionOf({ report, policy }: Pick<Judgement, 'report' | 'policy'>): string {
  const { verdict } = report;
  const said = verdict === 'none' ? 'no checks' : verdict;
  const code = exitOf(report, policy);
  if (isTampered(report.tamper)) {
    return policy.on_tamper === 'block'
      ? `${said}, blocked by the tamper guard`
      : `${verdictText(said, report.tamper)} (on_tamper: ${policy.on_tamper})`;
  }
  if (verdict === 'green' || verdict === 'red') return said;
  const rule = verdict === 'none' ? 'on_none' : 'on_inconclusive';
  return code === 0 ? `${said}, let through (${rule}: open)` : `${said}, nothing is verified`;
}

/** Whether anything in the report blocks under the policy, and how the exit code says so. */
export function exitOf(report: GateReport, policy: Judgement['policy']): number {
  if (report.verdict === 'red' || (policy.on_tamper === 'block' && isTampered(report.tamper))) return 1;
  if (report.verdict === 'green') return 0;
  const rule = report.verdict === 'none' ? policy.on_none : policy.on_inconclusive;
  // Nothing was verified: only a policy that opens such changes calls that a pass.
  return rule === 'open' ? 0 : 7;
}
