/** What a person sees while something runs long, by a clock of the test's own. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createProgress } from '../../src/cli/progress.ts';
import type { EventType, JobEvent } from '../../src/job/job.ts';

let shown = '';
beforeEach(() => {
  shown = '';
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const io = (isLive: boolean, columns = 80) => ({
  err: (text: string) => void (shown += text),
  isLive,
  colour: false,
  columns: () => columns,
});

function event(type: EventType, data: Readonly<Record<string, unknown>>): JobEvent {
  return { type, data, phase: null, attempt: 1, time: '2026-01-01T00:00:00.000Z', seq: 1, job_id: 'job-1' };
}

describe('without a terminal', () => {
  it('says now and then what runs, how long already, and what it printed last', () => {
    const progress = createProgress(io(false));
    progress.show(event('phase', { step: 'build-1', state: 'started', try: 1 }));
    progress.show(event('log', { stream: 'stdout', text: 'reading\n\u001b[2Jediting src/a.ts\n\n' }));
    vi.advanceTimersByTime(9_000);
    expect(shown).toBe('');
    vi.advanceTimersByTime(2_000);
    expect(shown).toBe('  … build 10.0s  editing src/a.ts\n');
    vi.advanceTimersByTime(600_000);
    const lines = shown.trim().split('\n');
    expect(lines.at(-1)).toMatch(/… build 10m\d\ds  editing/);
    expect(lines.length).toBeLessThan(15);
    progress.stop();
    vi.advanceTimersByTime(600_000);
    expect(shown.trim().split('\n')).toHaveLength(lines.length);
  });

  it('names the check that runs, and the side', () => {
    const progress = createProgress(io(false));
    progress.show(event('gate', { side: 'head', check: 'test', state: 'running' }));
    vi.advanceTimersByTime(70_000);
    expect(shown).toContain('  … check test on head 1m00s\n');
    progress.show(event('gate', { side: 'head', check: 'test', state: 'passed', duration_ms: 70_000 }));
    progress.show(event('gate', { side: 'restored', check: 'test', state: 'running' }));
    vi.advanceTimersByTime(11_000);
    expect(shown).toContain("… check test on head, with base's tests 10.0s");
    progress.stop();
  });

  it('is silent between steps', () => {
    const progress = createProgress(io(false));
    progress.show(event('phase', { step: 'build-1', state: 'started', try: 1 }));
    progress.show(event('phase', { step: 'build-1', state: 'done', duration_ms: 5 }));
    const before = shown;
    vi.advanceTimersByTime(600_000);
    expect(shown).toBe(before);
    progress.stop();
  });
});

describe('on a terminal', () => {
  it('draws one line that never wraps', () => {
    const progress = createProgress(io(true, 30));
    progress.show(event('phase', { step: 'build-1', state: 'started', try: 1 }));
    progress.show(event('log', { stream: 'stdout', text: 'x'.repeat(500) }));
    vi.advanceTimersByTime(1_000);
    const lines = shown.split('\u001b[2K\r').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(3);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(30);
    expect(lines.at(-1)).toMatch(/^. build 1\.0s  xx/);
    expect(shown).not.toContain('\n');
    progress.stop();
  });
});
