/** `trace`: what took how long in a job, as a timeline. */
import type { Span, TraceView } from '../../job/trace/span.ts';
import { printJson, type CliCommand, type Io } from '../command.ts';
import { defineReachCommand } from '../reach.ts';
import { cleanLine, duration, paint } from '../text.ts';

const BAR_CHARS = 32;
const NAME_CHARS = 44;
/** Spans below a hundredth of the job are drawn only with `--all`, unless they are steps. */
const SMALL = 0.01;
const MAX_LINES = 2000;

interface Drawn {
  readonly span: Span;
  readonly depth: number;
}

function msOf(nano: string): number {
  return Number(BigInt(nano) / 1_000_000n);
}

function tookMs({ start_time_unix_nano: start, end_time_unix_nano: end }: Span): number {
  return msOf(end) - msOf(start);
}

/** Spans below their parents, in the order of their beginnings. */
function ordered({ spans }: TraceView): readonly Drawn[] {
  const children = new Map<string | null, Span[]>();
  for (const span of spans)
    children.set(span.parent_span_id, [...(children.get(span.parent_span_id) ?? []), span]);
  const drawn: Drawn[] = [];
  // A trace is three levels deep: the job, its steps and turns, and what is in those.
  const visit = (parent: string | null, depth: number): void => {
    const inside = (children.get(parent) ?? []).toSorted(
      (a, b) => msOf(a.start_time_unix_nano) - msOf(b.start_time_unix_nano),
    );
    for (const span of inside) {
      drawn.push({ span, depth });
      visit(span.span_id, depth + 1);
    }
  };
  visit(null, 0);
  return drawn;
}

/** Where a span lies in the job, drawn to scale; one that is shorter than a character still has one. */
function bar(span: Span, fromMs: number, wholeMs: number): string {
  const scale = (ms: number): number =>
    wholeMs <= 0 ? 0 : Math.min(BAR_CHARS, Math.max(0, Math.round((ms / wholeMs) * BAR_CHARS)));
  const from = Math.min(BAR_CHARS - 1, scale(msOf(span.start_time_unix_nano) - fromMs));
  const to = Math.max(from + 1, scale(msOf(span.end_time_unix_nano) - fromMs));
  return `${' '.repeat(from)}${'━'.repeat(to - from)}${' '.repeat(BAR_CHARS - to)}`;
}

function draw(io: Io, trace: TraceView, all: boolean): void {
  const [root] = trace.spans;
  if (root === undefined) return;
  const [fromMs, wholeMs] = [msOf(root.start_time_unix_nano), tookMs(root)];
  const isShown = ({ span, depth }: Drawn): boolean => all || depth < 2 || tookMs(span) >= wholeMs * SMALL;
  const drawn = ordered(trace);
  const shown = drawn.filter(isShown).slice(0, MAX_LINES);
  for (const { span, depth } of shown) {
    const name = `${'  '.repeat(depth)}${cleanLine(span.name)}`.slice(0, NAME_CHARS).padEnd(NAME_CHARS);
    const isError = span.status.code === 'error';
    const line = bar(span, fromMs, wholeMs);
    const why = isError && span.status.message !== null ? `  ${cleanLine(span.status.message)}` : '';
    io.out(
      `${name} ${paint(line, isError ? 'red' : 'cyan', io.colour)} ${duration(tookMs(span)).padStart(7)}${why}\n`,
    );
  }
  const hidden = drawn.length - shown.length + trace.left_out;
  if (hidden > 0) io.err(`${hidden} shorter parts are not shown${all ? '' : '; --all shows them'}\n`);
}

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      const trace = await client.trace(jobId);
      if (options.json === true) printJson(io, trace);
      else draw(io, trace, options['all'] === true);
      return 0;
    }).option('--all', 'show parts below a hundredth of the job, too');
  },
  examples: ['trace job-0123456789ab', 'trace job-0123456789ab --json'],
};
