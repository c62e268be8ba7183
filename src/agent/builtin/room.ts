/** Room in the model's window: a conversation that nearly fills it is shortened before the next call. */
import { compact, FULL_SHARE, roughTokens } from './compact.ts';
import type { Loop } from './loop.ts';
import { wordsOf } from './words.ts';

/** Failed tries to shorten after which none is made any more in this turn: each costs a call. */
const MAX_FAILURES = 2;
/** Providers' words for a conversation that is too long. */
const OVERFLOW =
  /context[ _](?:length|size|window)|(?:prompt|input) is too long|token count .{0,80}exceeds|maximum context|too many tokens/i;

/** Whether a provider refused a conversation because it is too long. */
export function isOverflow(words: string): boolean {
  return OVERFLOW.test(words);
}

/** The room of one turn. */
export interface Room {
  /** Shortens the conversation where it fills its share of the window. */
  make(): Promise<void>;
  /**
   * Shortens a conversation that was refused as too long: the window is smaller than was said, and taken to be so from
   * now on. Whether anything could be left out.
   */
  shrink(): Promise<boolean>;
}

/** Makes the room of one turn. */
export function createRoom(
  loop: Pick<Loop, 'agent' | 'model' | 'session' | 'window' | 'signal' | 'touch' | 'save' | 'note'>,
): Room {
  const { session, signal } = loop;
  let [window, failures] = [loop.window, 0];

  const shorten = async (): Promise<boolean> => {
    const { messages, tokens: before } = session;
    try {
      const shorter = await compact(loop.model, session, window, loop.agent.maxOutputTokens, signal);
      loop.touch();
      if (shorter === null) return false;
      const left = messages.length - shorter.length + 1;
      [session.messages, session.tokens] = [shorter, roughTokens(shorter)];
      const text = `the conversation had ${before} of ${window} tokens: a summary stands in the place of its ${left} oldest messages`;
      const compacted = { tokens_before: before, tokens_after: session.tokens, messages: left };
      loop.note(text, { compacted });
      await loop.save();
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      failures++;
      // The next call may still fit; if it does not, its own words are the error.
      loop.note(`the conversation could not be shortened: ${wordsOf(thrown)}`);
      return false;
    }
  };

  return {
    async make() {
      if (session.tokens >= window * FULL_SHARE && failures < MAX_FAILURES) await shorten();
    },
    async shrink() {
      if (failures >= MAX_FAILURES) return false;
      session.tokens = roughTokens(session.messages);
      window = Math.min(window, Math.floor(session.tokens * FULL_SHARE));
      return shorten();
    },
  };
}
