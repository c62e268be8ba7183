/** Progress on stderr: one line an event that matters, and a sign of life while something runs long. */
import type { TamperFinding } from '../job/gate.ts';
import type { JobEvent } from '../job/job.ts';
import type { Io } from './command.ts';
import { verdictText } from './judgement.ts';
import { cleanLine, duration, paint, type Colour } from './text.ts';

const MARKS: Readonly<Record<string, readonly [string, Colour]>> = {
  done: ['✓', 'green'],
  failed: ['✗', 'red'],
  started: ['●', 'cyan'],
  replayed: ['↺', 'dim'],
};

function text(value: unknown): string {
  return typeof value === 'string' ? cleanLine(value) : typeof value === 'number' ? String(value) : '';
}

/** How a step of a run stands, in the run's log; `null` for what every job does. */
function stepLine({ data }: JobEvent, colour: boolean): string | null {
  const { step, state, status, outcome, job_id: job, reason, message } = data;
  if (state === 'running') return `${paint('●', 'cyan', colour)} ${text(step)}: begins`;
  if (state !== 'ended') return null;
  const [mark, paintAs] =
    status === 'completed'
      ? (['✓', 'green'] as const)
      : status === 'skipped'
        ? (['⊘', 'dim'] as const)
        : (['✗', 'red'] as const);
  const why = text(reason) || text(message);
  const known = [text(outcome) || text(status), why, text(job)].filter((one) => one !== '');
  return `${paint(mark, paintAs, colour)} ${text(step)}: ${known.join(': ')}`;
}

function phaseLine(event: JobEvent, colour: boolean): string | null {
  const { step, state, duration_ms: took, message } = event.data;
  const ofStep = stepLine(event, colour);
  if (ofStep !== null) return ofStep;
  const [mark, paintAs] = MARKS[text(state)] ?? ['·', 'dim'];
  const name = text(step)
    .replace(/-1$/, '')
    .replace(/-(\d+)$/, ' $1');
  if (state === 'started')
    return event.data['try'] === 1
      ? null
      : paint(`● ${name} again (try ${text(event.data['try'])})`, 'yellow', colour);
  const time = typeof took === 'number' ? duration(took) : '';
  const detail = state === 'replayed' ? 'already done' : text(message);
  return `${paint(mark, paintAs, colour)} ${name.padEnd(10)} ${time.padStart(7)}  ${detail}`.trimEnd();
}

function gateLine(event: JobEvent, colour: boolean): string | null {
  const { side, check, state, verdict, checks, sources, run, tamper } = event.data;
  if (Array.isArray(sources)) {
    const names = Array.isArray(checks)
      ? checks.map((one: { name?: unknown }) => text(one.name)).join(', ')
      : '';
    return `  checks: ${names === '' ? 'none found' : names} (${sources.map((one) => text(one)).join('; ')})`;
  }
  if ((side === 'head' || side === 'restored') && state !== 'running') {
    const [mark, paintAs] = state === 'passed' ? (['✓', 'green'] as const) : (['✗', 'red'] as const);
    return `  ${paint(mark, paintAs, colour)} ${text(check).padEnd(12)} ${side === 'restored' ? "(with base's tests) " : ''}${duration(Number(event.data['duration_ms'] ?? 0))}`;
  }
  if (verdict === undefined) return null;
  const findings = Array.isArray(tamper) ? (tamper as readonly TamperFinding[]) : [];
  const said = text(verdictText(text(verdict), findings));
  const isGreen = verdict === 'green' && said === verdict;
  const lines = [
    `  gate ${text(run)}: ${paint(said, isGreen ? 'green' : verdict === 'red' ? 'red' : 'yellow', colour)}`,
  ];
  for (const one of Array.isArray(checks)
    ? (checks as { name?: unknown; verdict?: unknown; reason?: unknown }[])
    : []) {
    if (one.verdict !== 'passed')
      lines.push(`    ${text(one.name)}: ${text(one.verdict)} — ${text(one.reason)}`);
  }
  for (const one of findings) {
    const where = one.line === null ? text(one.file) : `${text(one.file)}:${one.line}`;
    lines.push(`    ${text(one.severity)}: ${where} ${text(one.detail)}`);
  }
  return lines.join('\n');
}

function messageLine(event: JobEvent, colour: boolean): string | null {
  const { text: said, turn, ref, notice, role, estimate } = event.data;
  // What an agent says while it works is in the log; what it says at its end comes once more.
  if (typeof role === 'string') return null;
  if (typeof notice === 'string') return paint(`  note: ${text(notice)}`, 'yellow', colour);
  if (estimate !== undefined) return `  ${text(said)}`;
  if (typeof turn === 'string') return `  agent: ${text(event.data['agent'])} (${turn})`;
  if (typeof ref === 'string') return paint(`  ${text(said)}`, 'yellow', colour);
  if (typeof said !== 'string' || said.trim() === '') return null;
  const first = said.split('\n').find((line) => line.trim() !== '') ?? '';
  return paint(`  “${cleanLine(first).slice(0, 120)}”`, 'dim', colour);
}

/** The pieces of a plan; what agents plan for themselves while they build is their own matter. */
function planLine(event: JobEvent): string | null {
  const { subtasks, problem } = event.data;
  if (!Array.isArray(subtasks)) return null;
  if (typeof problem === 'string') return `  plan: one piece, because ${text(problem)}`;
  const names = (subtasks as { name?: unknown }[]).map((one, at) => `${at + 1}. ${text(one.name)}`);
  return `  plan: ${names.join('; ')}`;
}

function deliveryLine({ data }: JobEvent): string {
  const { try: number, status, due_at: due, error } = data;
  if (status === 'delivered') return `  callback delivered (try ${text(number)})`;
  const next = typeof due === 'string' ? `; next try at ${due}` : '';
  return `  callback: ${text(status)} after try ${text(number)}: ${text(error)}${next}`;
}

/** Where a job is executed that is executed elsewhere: everything else of a status shows itself. */
function statusLine({ data: { status, runner_repo: repo, run_url: url } }: JobEvent): string | null {
  if (status !== 'triggered') return null;
  return `  triggered: ${typeof url === 'string' ? text(url) : `a workflow of ${text(repo)}`} executes it`;
}

/** What a person reads of an event, or `null` where there is nothing to say. */
export function lineOf(event: JobEvent, colour: boolean): string | null {
  switch (event.type) {
    case 'phase':
      return phaseLine(event, colour);
    case 'gate':
      return gateLine(event, colour);
    case 'message':
      return messageLine(event, colour);
    case 'error':
      return paint(`  ! ${text(event.data['message'])}`, 'red', colour);
    case 'sandbox': {
      const { adapter, isolation, setup, duration_ms: took } = event.data;
      if (typeof adapter === 'string') return `  sandbox: ${adapter} (${text(isolation)})`;
      if (setup === 'started') return '  setup: preparing dependencies';
      return `  setup: ${text(setup)} ${typeof took === 'number' ? duration(took) : ''}`;
    }
    case 'plan':
      return planLine(event);
    case 'status':
      return statusLine(event);
    case 'tool_call':
    case 'usage':
    case 'log':
      return null;
    case 'delivery':
      return deliveryLine(event);
  }
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Redraws a second: smooth enough to see that something runs. */
const FRAME_MS = 100;
/** How often it is looked whether a line is due where nothing moves. */
const BEAT_MS = 1000;
const ERASE_LINE = '\u001b[2K\r';

/** Shows a job's events as they come. */
export interface Progress {
  show(event: JobEvent): void;
  stop(): void;
}

/** Silence after which a line says what runs, in milliseconds: soon at first, then less often. The last one repeats. */
const HEARTBEATS_MS = [10_000, 20_000, 30_000, 60_000] as const;
/** Longest part of what was printed last that a line shows, in characters. */
const MAX_SAID_CHARS = 80;

/** What runs now, since when, and what it printed last. */
interface Doing {
  readonly what: string;
  readonly since: number;
  said: string;
}

/** What an event says has begun, `''` when something has ended, `null` when it says nothing of that. */
function begun(event: JobEvent): string | null {
  const { state, step, check, side, setup } = event.data;
  if (event.type === 'phase') return state === 'started' ? text(step).replace(/-1$/, '') : '';
  if (event.type === 'sandbox' && setup === 'started') return 'setup';
  if (event.type !== 'gate' || check === undefined) return null;
  const on = side === 'restored' ? "head, with base's tests" : text(side);
  return state === 'running' ? `check ${text(check)} on ${on}` : 'verify';
}

/** The last line of what an agent printed, short and harmless. */
function lastLine(said: unknown): string {
  if (typeof said !== 'string') return '';
  const line = said.split('\n').findLast((one) => one.trim() !== '') ?? '';
  return Array.from(cleanLine(line).trim()).slice(0, MAX_SAID_CHARS).join('');
}

/**
 * Shows progress on stderr. What runs, and for how long, is a last line that moves on a terminal, and elsewhere
 * a line now and then, so that nobody takes a long turn or a long check for a hang.
 */
export function createProgress(io: Pick<Io, 'err' | 'isLive' | 'colour' | 'columns'>): Progress {
  let doing: Doing = { what: '', since: performance.now(), said: '' };
  let [frame, beats, quietSince] = [0, 0, performance.now()];
  const now = (): string => {
    const { what, since, said } = doing;
    return `${what} ${duration(performance.now() - since)}${said === '' ? '' : `  ${said}`}`;
  };
  const draw = (): void => {
    if (doing.what === '') return;
    const mark = FRAMES[frame++ % FRAMES.length] ?? '';
    // A line that wraps could not be erased.
    const line = Array.from(now())
      .slice(0, Math.max(10, io.columns() - 3))
      .join('');
    io.err(`${ERASE_LINE}${paint(mark, 'cyan', io.colour)} ${line}`);
  };
  const beat = (): void => {
    const waitMs = HEARTBEATS_MS[Math.min(beats, HEARTBEATS_MS.length - 1)] ?? 0;
    if (doing.what === '' || performance.now() - quietSince < waitMs) return;
    beats++;
    quietSince = performance.now();
    io.err(paint(`  … ${now()}\n`, 'dim', io.colour));
  };
  const timer = setInterval(io.isLive ? draw : beat, io.isLive ? FRAME_MS : BEAT_MS);
  timer.unref();
  return {
    show(event) {
      const what = begun(event);
      if (what !== null) {
        doing = { what, since: performance.now(), said: '' };
        beats = 0;
        quietSince = performance.now();
      }
      if (event.type === 'log' || event.type === 'tool_call') {
        const said = lastLine(event.data['text'] ?? event.data['title']);
        if (said !== '') doing.said = said;
      }
      const line = lineOf(event, io.colour);
      if (line === null) return;
      quietSince = performance.now();
      io.err(`${io.isLive ? ERASE_LINE : ''}${line}\n`);
    },
    stop() {
      clearInterval(timer);
      if (io.isLive) io.err(ERASE_LINE);
    },
  };
}
