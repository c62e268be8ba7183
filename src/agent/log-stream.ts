/** What an agent prints, as events: bounded in line length, rate and total, however much comes. */

/** Longest line that is shown, in characters; the rest of the line is left out. */
const MAX_LINE_CHARS = 4096;
/** Characters shown per second; a person can't read more, and every event is stored. */
const MAX_CHARS_PER_SECOND = 64 * 1024;
/** Events per second: pieces that come faster are left out of the events, never out of the log file. */
const MAX_EVENTS_PER_SECOND = 50;
/** Characters shown in one turn. */
const MAX_CHARS = 4 * 1024 * 1024;

export type StreamName = 'stdout' | 'stderr';

/** One piece of output that is shown: whole lines, joined by newlines. */
export interface LogPiece {
  readonly stream: StreamName;
  readonly text: string;
  /** Characters left out before this piece. */
  readonly dropped: number;
}

interface Line {
  /** Start of the line that has not ended yet. */
  held: string;
  /** Whether the rest of the current line is left out. */
  skipping: boolean;
}

/** Takes output as it comes and shows what the bounds admit. */
export interface LogStream {
  push(stream: StreamName, text: string): void;
  /** Shows what is held of unfinished lines, and says how much was left out. */
  end(): void;
}

/**
 * Makes a stream of lines from pieces of output.
 *
 * @param emit called with whole lines; must not throw
 * @param now milliseconds of a clock, for the rate
 */
export function createLogStream(emit: (piece: LogPiece) => void, now: () => number = Date.now): LogStream {
  const lines: Record<StreamName, Line> = {
    stdout: { held: '', skipping: false },
    stderr: { held: '', skipping: false },
  };
  let [total, dropped, windowStart, windowChars, windowEvents] = [0, 0, 0, 0, 0];

  function room(): number {
    const time = now();
    // A clock set back opens a new window too, instead of none for long.
    if (time - windowStart >= 1000 || time < windowStart)
      [windowStart, windowChars, windowEvents] = [time, 0, 0];
    if (windowEvents >= MAX_EVENTS_PER_SECOND) return 0;
    return Math.min(MAX_CHARS_PER_SECOND - windowChars, MAX_CHARS - total);
  }

  function show(stream: StreamName, text: string): void {
    windowEvents++;
    windowChars += text.length;
    total += text.length;
    emit({ stream, text, dropped });
    dropped = 0;
  }

  /** Completed lines of `text`, each within its bound; the unfinished last one is held. */
  function complete(line: Line, text: string): string[] {
    const parts = text.split('\n');
    const done: string[] = [];
    for (const [at, part] of parts.entries()) {
      const ends = at < parts.length - 1;
      const before = line.held.length;
      if (line.skipping) dropped += part.length;
      else line.held += part.slice(0, MAX_LINE_CHARS - before);
      const cut = before + part.length - MAX_LINE_CHARS;
      if (!line.skipping && cut > 0) {
        done.push(`${line.held}…`);
        dropped += cut;
        [line.held, line.skipping] = ['', true];
      } else if (ends && !line.skipping) {
        done.push(line.held);
        line.held = '';
      }
      if (ends) line.skipping = false;
    }
    return done;
  }

  return {
    push(stream, text) {
      const line = lines[stream];
      const left = room();
      if (left <= 0) {
        // Not even split: a flood must cost no more than counting it.
        dropped += text.length + line.held.length;
        [line.held, line.skipping] = ['', !text.endsWith('\n')];
        return;
      }
      const taken = text.slice(0, left);
      const done = complete(line, taken);
      if (done.length > 0) show(stream, done.join('\n'));
      if (taken.length < text.length) {
        dropped += text.length - taken.length + line.held.length;
        [line.held, line.skipping] = ['', !text.endsWith('\n')];
      }
    },
    end() {
      for (const stream of ['stdout', 'stderr'] as const) {
        const { held } = lines[stream];
        if (held !== '') show(stream, held);
        lines[stream].held = '';
      }
      if (dropped > 0) emit({ stream: 'stdout', text: '', dropped });
      dropped = 0;
    },
  };
}
