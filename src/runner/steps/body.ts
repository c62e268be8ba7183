/** The text of a proposal: what was asked, what changed, and the evidence. Everything foreign in it is data. */
import type { Job } from '../../job/job.ts';
import type { Verified } from '../../job/step.ts';
import type { PreparedDetail } from '../context.ts';

/** GitHub's limit for a pull request's body, in characters. */
const MAX_BODY_CHARS = 65_536;
const MAX_SUMMARY_CHARS = 8000;

/** Text for one cell of a Markdown table: no line breaks, no column breaks, no HTML. */
function cell(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('<', '&lt;').trim();
}

function code(text: string): string {
  return `\`${cell(text).replaceAll('`', "'")}\``;
}

/** Foreign text as a quotation: it can't open a heading, a comment or HTML of the proposal's own. */
function quoted(text: string): string {
  return text
    .slice(0, MAX_SUMMARY_CHARS)
    .replaceAll('<', '&lt;')
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n');
}

/** Renders the body of a proposal, at most 65,536 characters long. */
export function renderBody(job: Job, detail: PreparedDetail, verified: Verified, summary: string): string {
  const { report } = verified;
  const rows = report.checks.map(
    (check) =>
      `| ${cell(check.name)} | ${code(check.command)} | ${check.base} | ${check.head} | ${check.verdict} |`,
  );
  const findings = report.tamper.map((finding) => {
    const line = finding.line === null ? '' : `:${finding.line}`;
    return `- **${finding.severity}** ${code(finding.file + line)}: ${cell(finding.detail)}`;
  });
  const parts = [
    quoted(job.request.task),
    summary.trim() === '' ? '' : `## What the agent says\n${quoted(summary.trim())}`,
    `## Gate: ${report.verdict}\n${rows.length === 0 ? 'No checks were found: nothing is verified.' : ['| check | command | base | head | verdict |', '|---|---|---|---|---|', ...rows].join('\n')}`,
    findings.length === 0 ? '' : `## Changes to what judges this repository\n${findings.join('\n')}`,
    `Job \`${job.job_id}\` by agent ${code(job.request.agent)} on \`${detail.base_sha.slice(0, 12)}\`. Never merged by agent-runner.`,
  ];
  return parts
    .filter((part) => part !== '')
    .join('\n\n')
    .slice(0, MAX_BODY_CHARS);
}
