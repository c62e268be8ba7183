/** Splits a stream of server-sent events, cut anywhere, into its events as they are, byte for byte. */

/** One event. */
export interface SseEvent {
  /** Everything of it, the empty line at its end included. */
  readonly bytes: Buffer;
  /** Its `data:` lines, joined by line breaks. */
  readonly data: string;
}

/** A splitter of one stream. */
export interface SseSplitter {
  /** Takes a piece; returns the events that are whole with it. */
  push(chunk: Buffer): readonly SseEvent[];
  /** What is left: an event without its end, or nothing. */
  end(): SseEvent | null;
}

/** An event that is longer than this is given out in pieces that say no data. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
const [LF, CR] = [10, 13];

function toEvent(bytes: Buffer): SseEvent {
  const text = bytes.toString('utf8');
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
  return { bytes, data: lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n') };
}

/** Makes a splitter. Events end at an empty line: LF, CRLF or CR, as the standard of server-sent events allows. */
export function createSseSplitter(): SseSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  // Whether the line that is being read is empty so far, and whether the byte before was a CR that ended one.
  let lineIsEmpty = true;
  let afterCr = false;
  // Whether an event has ended, if no LF follows that belongs to its CR.
  let endsUnlessLf = false;

  /** Position behind the end of the event that ends in `chunk` at or after `from`; -1 when none does. */
  const endIn = (chunk: Buffer, from: number): number => {
    if (endsUnlessLf && from < chunk.length) {
      endsUnlessLf = false;
      afterCr = false;
      return chunk[from] === LF ? from + 1 : from;
    }
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF && afterCr) {
        afterCr = false;
        continue;
      }
      afterCr = byte === CR;
      if (byte !== LF && byte !== CR) {
        lineIsEmpty = false;
        continue;
      }
      if (!lineIsEmpty) {
        lineIsEmpty = true;
        continue;
      }
      if (byte === CR && at + 1 === chunk.length) {
        endsUnlessLf = true;
        return -1;
      }
      if (byte === CR && chunk[at + 1] === LF) {
        afterCr = false;
        return at + 2;
      }
      return at + 1;
    }
    return -1;
  };

  const take = (last: Buffer): Buffer => {
    const bytes = held.length === 0 ? last : Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    return bytes;
  };

  return {
    push(chunk) {
      const events: SseEvent[] = [];
      let from = 0;
      for (let end = endIn(chunk, from); end >= 0; end = endIn(chunk, from)) {
        events.push(toEvent(take(chunk.subarray(from, end))));
        from = end;
      }
      if (from < chunk.length) {
        held.push(chunk.subarray(from));
        heldBytes += chunk.length - from;
      }
      if (heldBytes > MAX_EVENT_BYTES) events.push({ bytes: take(Buffer.alloc(0)), data: '' });
      return events;
    },
    end() {
      return heldBytes === 0 ? null : toEvent(take(Buffer.alloc(0)));
    },
  };
}
