/**
 * What an agent leaves for the runner while its server goes on: the notes of one turn are asked for over the standard
 * input of the shell that holds the server, since the working copy may belong to that one command.
 */
import { randomUUID } from 'node:crypto';
import type { LiveInput } from '../../sandbox/sandbox.ts';
import { asText } from '../../job/text/json.ts';
import {
  MAX_NOTE_BYTES,
  MAX_OUTPUT_BYTES,
  NO_NOTES,
  notesOf,
  NOT_MADE,
  NOT_MADE_LINE,
  type Notes,
} from '../handover.ts';

/** How long the notes may take. */
const NOTES_MS = 10_000;
/** Begins the line on standard output with the notes. */
const MARK = 'agent-runner notes:';

/**
 * Runs the server in the foreground and beside it, for every line of its own input, tells the notes and takes them
 * away. Only plain files: a FIFO would hang, and a link is not what was asked for.
 */
const SCRIPT = `old=$(umask); umask 077
if ! mkdir "$1" "$1/out"; then echo '${NOT_MADE_LINE}' >&2; exit ${NOT_MADE}; fi
umask "$old"
exec 3<&0
while read -r word; do
  line='${MARK}'
  for name in summary.md question.md output.json; do
    text=
    most=$2
    if [ "$name" = output.json ]; then most=$4; fi
    if [ -f "$1/out/$name" ] && [ ! -L "$1/out/$name" ]; then
      text=$(head -c "$most" -- "$1/out/$name" | base64 | tr -d '\\n')
    fi
    line="$line.$text"
  done
  rm -rf -- "$1/out"
  if [ "$word" = last ]; then rmdir -- "$1"; else mkdir -m 700 "$1/out"; fi
  echo "$line"
done <&3 2>/dev/null &
exec 3<&-
(exec sh -c "$3") </dev/null
code=$?
rm -rf -- "$1"
exit "$code"`;

/** Asks for the notes of a turn; after `last`, there is no directory any more. */
export type NoteWord = 'more' | 'last';

/** The directory of one server's notes. */
export interface NotePlace {
  /** `AGENT_RUNNER_OUT`. */
  readonly outDir: string;
  /** The line that makes the directory and runs `command`; one word on a line of its input asks for the notes. */
  begin(command: string): readonly [string, ...string[]];
}

/** Names a directory below HOME that nobody can guess. */
export function planNotes(homePath: string): NotePlace {
  const dir = `${homePath}/.agent-runner-${randomUUID()}`;
  return {
    outDir: `${dir}/out`,
    begin: (command) => [
      'sh',
      '-c',
      SCRIPT,
      'sh',
      dir,
      String(MAX_NOTE_BYTES),
      command,
      String(MAX_OUTPUT_BYTES),
    ],
  };
}

/** The notes in a line of output; `null` where it holds none. */
function readNotes(line: string): Notes | null {
  if (!line.startsWith(`${MARK}.`)) return null;
  const [, summary, question, output] = line.split('.');
  return notesOf(asText(summary) ?? '', asText(question) ?? '', asText(output) ?? '');
}

/** Asks for notes, one turn after another. */
export interface NoteBox {
  /** Takes a line of output, if it holds notes. */
  take(line: string): void;
  /** The notes of a turn; none where they do not come. */
  ask(input: LiveInput | null, word: NoteWord): Promise<Notes>;
  /** Nothing will come any more. */
  end(): void;
}

/** Makes the box of one server. */
export function createNoteBox(): NoteBox {
  let [isOver, resolve]: [boolean, (notes: Notes) => void] = [false, () => {}];
  return {
    take(line) {
      const notes = readNotes(line);
      if (notes !== null) resolve(notes);
    },
    async ask(input, word) {
      const answer = Promise.withResolvers<Notes>();
      const timer = setTimeout(() => answer.resolve(NO_NOTES), NOTES_MS);
      ({ resolve } = answer);
      if (isOver || input?.write(`${word}\n`) !== true) resolve(NO_NOTES);
      try {
        return await answer.promise;
      } finally {
        clearTimeout(timer);
      }
    },
    end() {
      isOver = true;
      resolve(NO_NOTES);
    },
  };
}
