/**
 * The text of a proposal: what was asked, what changed, and the evidence. Whatever others wrote (task, agent,
 * paths, names of tests) stands in code, where it can't call people by `@`, close issues by `fixes #1`, load
 * pictures, hide behind a comment or look like a word of ours.
 */
import type { CheckReport, GateReport } from '../../../job/gate.ts';
import type { Job } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import { runIdOf } from '../../../job/pipeline/run.ts';
import type { ProposedStep, ProposeInput, Verified } from '../../../job/step.ts';
import { oneLine, stripInvisible } from '../../../prompt/untrusted.ts';
import type { ChangedFile } from '../../../workspace/change.ts';
import type { PullStory } from '../turn/pull.ts';
import type { PreparedDetail } from '../../context.ts';

/** GitHub's limit for a pull request's body, in characters; the parts below stay within it together. */
const MAX_BODY_CHARS = 65_536;
const MAX_TASK_CHARS = 6000;
const MAX_SUMMARY_CHARS = 8000;
const MAX_ROWS_CHARS = 16_000;
const MAX_FINDINGS_CHARS = 10_000;
const MAX_FAILURES_CHARS = 8000;
const MAX_FILES_CHARS = 6000;
const MAX_CELL_CHARS = 300;
const MAX_TURNS_CHARS = 2400;
/** In the place of what the agent says, which of a run stands in this table. */
const MAX_STEPS_CHARS = 6000;
const MAX_STEP_SAID_CHARS = 200;
/** People that are named of a turn, and room for each name. */
const MAX_NAMES = 3;
const MAX_NAME_CHARS = 40;
/** Checks that the provenance lists; their verdicts also stand in the table. */
const MAX_PROVENANCE_CHECKS = 50;

/** A step of a run, with what it spent; `null` where nobody counted, or it was not run. */
export type StepRow = ProposedStep & { readonly cost_usd: number | null };

/** What a proposal is made of. */
export interface BodyInput {
  readonly job: Pick<Job, 'job_id'> & {
    readonly request: Pick<JobRequest, 'task' | 'issue' | 'trigger' | 'agent' | 'model' | 'pipeline'>;
  };
  readonly detail: Pick<PreparedDetail, 'base' | 'base_sha'>;
  readonly verified: Verified;
  readonly input: ProposeInput;
  /** What the agent says it did. */
  readonly summary: string;
  readonly files: readonly ChangedFile[];
  /** Page of the job on the server; `null` where there is none. */
  readonly jobUrl: string | null;
  /** What was asked on the pull request so far; `null` for the job that opens it. */
  readonly story: PullStory | null;
  /** What became of the steps of a run; empty for any other job. */
  readonly steps: readonly StepRow[];
}

/** Text of others on one line as code, for a cell of a table or an item of a list. */
function code(text: string): string {
  const clean = oneLine(text, MAX_CELL_CHARS).replaceAll('`', "'").replaceAll('|', '¦');
  return clean === '' ? '' : `\`${clean}\``;
}

/** Backticks without end, around which two more of their length would push the evidence out of the body. */
const LONG_RUN = /(`{50})`+/g;

/** Text of others as a block of code that it can't end. */
function block(text: string, maxChars: number): string {
  const clean = stripInvisible(text.slice(0, maxChars * 2))
    .replace(LONG_RUN, '$1…')
    .trim();
  const cut = clean.length <= maxChars ? clean : `${clean.slice(0, maxChars).toWellFormed()}…`;
  const longest = [...cut.matchAll(/`+/g)].reduce((most, [run]) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${cut}\n${fence}`;
}

/** Lines until they are too long together; the rest is counted. */
function within(lines: readonly string[], maxChars: number, more: (left: number) => string): string {
  let size = 0;
  const shown = lines.filter((line) => (size += line.length + 1) <= maxChars);
  const left = lines.length - shown.length;
  return [...shown, ...(left === 0 ? [] : [more(left)])].join('\n');
}

const MARKS: Readonly<Record<CheckReport['verdict'], string>> = {
  passed: '✅ passed',
  failed: '❌ failed',
  pre_existing: '⚪ pre-existing',
  fixed: '✅ fixed',
  flaky: '⚠️ flaky',
  inconclusive: '⚠️ inconclusive',
};

function side(state: string, tests: CheckReport['head_tests']): string {
  if (tests == null) return state.replace('_', ' ');
  const failed = tests.failed === 0 ? '' : `, ${tests.failed} failed`;
  return `${state.replace('_', ' ')} (${tests.passed} passed${failed})`;
}

function gateTable(report: GateReport): string {
  if (report.checks.length === 0) return 'No checks were found: nothing is verified.';
  const rows = report.checks.map((check) => {
    const sides = `${side(check.base, check.base_tests)} | ${side(check.head, check.head_tests)}`;
    const time = `${(check.duration_ms / 1000).toFixed(1)} s`;
    return `| ${code(check.name)} | ${sides} | ${MARKS[check.verdict]} | ${time} | ${code(check.command)} |`;
  });
  const head = '| check | base | head | verdict | time | command |\n|---|---|---|---|---|---|';
  return `${head}\n${within(rows, MAX_ROWS_CHARS, (left) => `\nand ${left} more checks`)}`;
}

function failures(report: GateReport): string {
  const lines = report.checks.flatMap((check) =>
    check.new_failures.map((failure) => `${oneLine(check.name)}: ${oneLine(failure)}`),
  );
  return lines.length === 0 ? '' : `### New failures\n${block(lines.join('\n'), MAX_FAILURES_CHARS)}`;
}

function findings(report: GateReport): string {
  if (report.tamper.length === 0) return '';
  const lines = report.tamper.map((finding) => {
    const line = finding.line === null ? '' : `:${finding.line}`;
    return `- **${finding.severity}** ${code(finding.file + line)} ${code(finding.detail)}`;
  });
  return `### Changes to what judges this repository\n${within(lines, MAX_FINDINGS_CHARS, (left) => `- and ${left} more`)}`;
}

const VERDICTS: Readonly<Record<GateReport['verdict'], string>> = {
  green: '✅ **The gate is green**: nothing fails that did not fail before.',
  red: '❌ **The gate is red**: this change is a draft and not ready.',
  inconclusive: '⚠️ **The gate is inconclusive**: a check could not be judged.',
  none: '⚠️ **Nothing is verified**: no checks were found.',
};

const REASONS: Readonly<Record<string, string>> = {
  'gate-red': 'checks that passed before fail now',
  'judge-changed': 'it changes what judges this repository',
  unverified: 'it could not be verified',
};

function verdict({ verified, input }: BodyInput): string {
  const reasons = input.labels.map((label) => REASONS[label] ?? label);
  const draft = input.draft
    ? `\n\nA person must look first${reasons.length === 0 ? '' : `: ${reasons.join(', ')}`}.`
    : '';
  return VERDICTS[verified.report.verdict] + draft;
}

function changed(files: readonly ChangedFile[]): string {
  const rows = files.map(
    ({ path, insertions, deletions }) =>
      `| ${code(path)} | ${insertions === null ? 'binary' : `+${insertions} −${deletions ?? 0}`} |`,
  );
  return `### What changed\n| file | lines |\n|---|---|\n${within(rows, MAX_FILES_CHARS, (left) => `\nand ${left} more files`)}`;
}

/** Seconds as people say them. */
function spoken(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

/** What was asked: the task; of an issue its name, which closes it once a change is taken that nobody must look at first. */
function asked({ job, input, story }: BodyInput): string {
  const { task } = (story?.root ?? job).request;
  const { issue, trigger } = job.request;
  if (issue === undefined && trigger === undefined) return block(task, MAX_TASK_CHARS);
  const title = code((task.split('\n')[0] ?? '').replace(/^Implement this issue: /, ''));
  // What was asked on a pull request of somebody's stands there; it is not closed by this one.
  const link = issue === undefined || input.draft ? 'For' : 'Closes';
  return `${link} ${issue ?? trigger?.about}\n\n${title}`;
}

const STEP_MARKS: Readonly<Record<StepRow['status'], string>> = {
  completed: '✅',
  failed: '❌',
  cancelled: '⚪',
  skipped: '⚪',
};

/** What became of each step of a run. Those that did not do what they were for come first where there is no room for all. */
function steps(rows: readonly StepRow[]): string {
  if (rows.length === 0) return '';
  const line = ({ name, job_id: job, status, outcome, summary, cost_usd: cost }: StepRow): string => {
    const said = code(summary.slice(0, MAX_STEP_SAID_CHARS));
    const money = cost === null ? '–' : `$${cost.toFixed(2)}`;
    const how = `${STEP_MARKS[status]} ${outcome ?? status}`;
    return `| ${code(name)} | ${how} | ${said} | ${job === null ? '–' : code(job)} | ${money} |`;
  };
  const undone = rows.filter(({ status }) => status !== 'completed').length;
  const head = '| step | outcome | what it did | job | cost |\n|---|---|---|---|---|';
  const sorted =
    rows.map(line).join('\n').length <= MAX_STEPS_CHARS
      ? rows
      : rows.toSorted((a, b) => Number(a.status === 'completed') - Number(b.status === 'completed'));
  const table = within(sorted.map(line), MAX_STEPS_CHARS, (left) => `\nand ${left} more steps`);
  const missing = undone === 0 ? '' : `\n\n${undone} of ${rows.length} steps did not do their part.`;
  return `### Steps\n${head}\n${table}${missing}`;
}

/** Who asked for what became which commit. The newest are told where there is no room for all. */
function turns(story: PullStory | null): string {
  if (story === null) return '';
  const rows = story.turns.map(({ job_id, by, isOfChecks, outcome, commit }, at) => {
    const names = by.slice(0, MAX_NAMES).map((name) => code(name.slice(0, MAX_NAME_CHARS)));
    // Not as code, which a login is: there may be an account of that name.
    if (isOfChecks) names.push('failed checks');
    const first = story.root.request.issue === undefined ? 'the task' : 'the issue';
    const who = at === 0 ? first : names.length === 0 ? 'asked of the runner' : names.join(', ');
    const came = outcome === null ? 'this commit' : code(outcome.slice(0, MAX_NAME_CHARS));
    return `| ${code(job_id.slice(0, MAX_NAME_CHARS))} | ${who} | ${came} | ${commit === null ? '–' : `\`${commit.slice(0, 12)}\``} |`;
  });
  const shown = within(rows.toReversed(), MAX_TURNS_CHARS, (left) => `\nand ${left} more turns`);
  const earlier = story.left === 0 ? '' : `\n\nand ${story.left} between`;
  return `### Turns, the newest first\n| job | asked by | outcome | commit |\n|---|---|---|---|\n${shown}${earlier}`;
}

function footer({ job, detail, input, jobUrl }: BodyInput): string {
  const { spent } = input;
  const money = spent?.cost_usd == null ? 'unknown cost' : `$${spent.cost_usd.toFixed(2)}`;
  const tokens =
    spent?.tokens_in == null
      ? []
      : [
          `${spent.tokens_in.toLocaleString('en')} tokens read`,
          `${(spent.tokens_out ?? 0).toLocaleString('en')} written`,
        ];
  const work =
    spent === undefined
      ? []
      : [
          `${spent.turns} ${spent.turns === 1 ? 'turn' : 'turns'}`,
          `${spoken(spent.agent_ms)} of work`,
          money,
          ...tokens,
        ];
  const { pipeline, agent, model } = job.request;
  const who =
    pipeline === undefined
      ? [`agent ${code(agent)}`, ...(model === null ? [] : [`model ${code(model)}`])]
      : [`pipeline ${code(pipeline.definition.name)}, run ${code(runIdOf(job.job_id))}`];
  const name = jobUrl === null ? code(job.job_id) : `[${code(job.job_id)}](${jobUrl})`;
  const on = `on ${code(detail.base)} at \`${detail.base_sha.slice(0, 12)}\``;
  return `---\nJob ${name} ${on} · ${[...who, ...work].join(' · ')}\n\nagent-runner proposes and never accepts its own work: that is yours.`;
}

/** Steps that the provenance lists. */
const MAX_PROVENANCE_STEPS = 10;

function runProvenance({ job, steps: rows }: BodyInput): Readonly<Record<string, unknown>> {
  return {
    run_id: runIdOf(job.job_id),
    pipeline: oneLine(job.request.pipeline?.definition.name ?? '', 80),
    steps: rows.slice(0, MAX_PROVENANCE_STEPS).map(({ name, job_id, status, outcome }) => {
      return { name: oneLine(name, 80), job_id, status, outcome };
    }),
    more_steps: Math.max(0, rows.length - MAX_PROVENANCE_STEPS),
  };
}

function provenance(what: BodyInput): string {
  const { job, detail, verified, input } = what;
  const { report } = verified;
  const known = {
    job_id: job.job_id,
    base_sha: detail.base_sha,
    head_sha: verified.head_sha,
    agent: oneLine(job.request.agent),
    model: job.request.model === null ? null : oneLine(job.request.model),
    draft: input.draft,
    labels: input.labels,
    gate: {
      verdict: report.verdict,
      checks: report.checks.slice(0, MAX_PROVENANCE_CHECKS).map(({ name, base, head, verdict: said }) => {
        return { name: oneLine(name, 80), base, head, verdict: said };
      }),
    },
    tamper: report.tamper.length,
    ...(input.spent === undefined ? {} : { spent: input.spent }),
    ...(what.steps.length === 0 ? {} : { run: runProvenance(what) }),
  };
  const json = JSON.stringify(known, null, 1).replaceAll('`', "'");
  return `<details><summary>Provenance</summary>\n\n\`\`\`json\n${json}\n\`\`\`\n\n</details>`;
}

/** Renders the body of a proposal, at most 65,536 characters long. The same job renders the same text. */
export function renderBody(what: BodyInput): string {
  const { verified, summary } = what;
  const parts = [
    asked(what),
    verdict(what),
    `### Gate\n${gateTable(verified.report)}`,
    failures(verified.report),
    findings(verified.report),
    steps(what.steps),
    changed(what.files),
    turns(what.story),
    summary.trim() === '' || what.steps.length > 0
      ? ''
      : `### What the agent says\n${block(summary, MAX_SUMMARY_CHARS)}`,
    footer(what),
    provenance(what),
  ];
  return parts
    .filter((part) => part !== '')
    .join('\n\n')
    .slice(0, MAX_BODY_CHARS);
}
