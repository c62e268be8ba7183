/** What an agent is told whose turn was cut off, and who goes on in the session that it had then. */

/** The sentences before the prompt that is given again. Its files were put back: half an edit is worse than none. */
export function renderInterrupted(): string {
  return `## Your last turn was cut off

You had begun with what follows, in this session. The machine stopped in the middle, and the working copy was put back to what it was before that turn: none of that turn's edits are there any more. Use what you know already, look at the files before you rely on them, and make the edits again.`;
}
