/** The files of a change by folder. */
import type { ReactNode } from 'react';
import { Icon } from '../../parts/icon.tsx';
import { shownName } from '../../parts/words.ts';
import type { ChangedFile, Folder } from './rows.ts';

const LETTERS: Readonly<Record<ChangedFile['type'], readonly [letter: string, word: string]>> = {
  add: ['A', 'new'],
  delete: ['D', 'deleted'],
  modify: ['M', 'changed'],
  rename: ['R', 'moved'],
  copy: ['C', 'copied'],
};

/** What became of a file, as a letter with its word. */
export function Became({ file }: { readonly file: ChangedFile }): ReactNode {
  const [letter, word] = LETTERS[file.type];
  return (
    <abbr className={`became b-${file.type}`} title={word}>
      {letter}
    </abbr>
  );
}

/** Lines that came and went. */
export function Counts({ file }: { readonly file: ChangedFile }): ReactNode {
  return (
    <span className="counts">
      {file.added === 0 ? null : <span className="ok">+{file.added}</span>}{' '}
      {file.removed === 0 ? null : <span className="bad">−{file.removed}</span>}
    </span>
  );
}

/** The tree. */
export function Tree({
  folder,
  onOpen,
  viewed,
}: {
  readonly folder: Folder;
  readonly onOpen: (file: ChangedFile) => void;
  readonly viewed: ReadonlySet<string>;
}): ReactNode {
  return (
    <ul className="tree">
      {folder.folders.map((one) => (
        <li key={`folder ${one.name}`}>
          <details open>
            <summary>
              <Icon name="down" /> {shownName(one.name)}
            </summary>
            <Tree folder={one} onOpen={onOpen} viewed={viewed} />
          </details>
        </li>
      ))}
      {folder.files.map(({ name, file }) => (
        <li key={`${name} ${file.type}`}>
          <button type="button" onClick={() => onOpen(file)} title={shownName(file.path)}>
            <Became file={file} />
            <span dir="auto">{shownName(name)}</span>
            {viewed.has(file.path) ? (
              <>
                <Icon name="tick" />
                <span className="unseen">viewed</span>
              </>
            ) : null}
            <Counts file={file} />
          </button>
        </li>
      ))}
    </ul>
  );
}
