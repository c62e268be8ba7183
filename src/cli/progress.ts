/** Progress on stderr: one line an event that matters, and on a terminal a last line that moves. */
import type { JobEvent } from '../job/job.ts';
import type { Io } from './command.ts';
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

function phaseLine(event: JobEvent, colour: boolean): string | null {
  const { step, state, duration_ms: took, message } = event.data;
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
  const lines = [
    `  gate ${text(run)}: ${paint(text(verdict), verdict === 'green' ? 'green' : verdict === 'red' ? 'red' : 'yellow', colour)}`,
  ];
  for (const one of Array.isArray(checks)
    ? (checks as { name?: unknown; verdict?: unknown; reason?: unknown }[])
    : []) {
    if (one.verdict !== 'passed')
      lines.push(`    ${text(one.name)}: ${text(one.verdict)} — ${text(one.reason)}`);
  }
  for (const one of Array.isArray(tamper) ? (tamper as Record<string, unknown>[]) : []) {
    lines.push(`    ${text(one['severity'])}: ${text(one['file'])}: ${text(one['detail'])}`);
  }
  return lines.join('\n');
}

function messageLine(event: JobEvent, colour: boolean): string | null {
  const { text: said, turn, ref, notice } = event.data;
  if (typeof notice === 'string') return paint(`  note: ${text(notice)}`, 'yellow', colour);
  if (typeof turn === 'string') return `  agent: ${text(event.data['agent'])} (${turn})`;
  if (typeof ref === 'string') return paint(`  ${text(said)}`, 'yellow', colour);
  if (typeof said !== 'string' || said.trim() === '') return null;
  const first = said.split('\n').find((line) => line.trim() !== '') ?? '';
  return paint(`  “${cleanLine(first).slice(0, 120)}”`, 'dim', colour);
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
    case 'status':
    case 'tool_call':
    case 'plan':
    case 'usage':
    case 'log':
    case 'delivery':
      return null;
  }
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/** Redraws a second: smooth enough to see that something runs. */
const FRAME_MS = 100;
const ERASE_LINE = '\u001b[2K\r';

/** Shows a job's events as they come. */
export interface Progress {
  show(event: JobEvent): void;
  stop(): void;
}

/** Shows progress on stderr; the moving line only on a terminal. */
export function createProgress(io: Io): Progress {
  let doing = '';
  let since = performance.now();
  let frame = 0;
  const draw = (): void => {
    if (doing === '') return;
    const mark = FRAMES[frame++ % FRAMES.length] ?? '';
    io.err(`${ERASE_LINE}${paint(mark, 'cyan', io.colour)} ${doing} ${duration(performance.now() - since)}`);
  };
  const timer = io.isLive ? setInterval(draw, FRAME_MS) : null;
  timer?.unref();
  return {
    show(event) {
      if (event.type === 'phase') {
        doing = event.data['state'] === 'started' ? text(event.data['step']).replace(/-1$/, '') : '';
        since = performance.now();
      }
      if (event.type === 'gate' && event.data['state'] === 'running')
        doing = `${text(event.data['check'])} (${text(event.data['side'])})`;
      const line = lineOf(event, io.colour);
      if (line !== null) io.err(`${io.isLive ? ERASE_LINE : ''}${line}\n`);
    },
    stop() {
      if (timer === null) return;
      clearInterval(timer);
      io.err(ERASE_LINE);
    },
  };
}
