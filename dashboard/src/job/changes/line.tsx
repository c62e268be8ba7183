/** A line of the change, its colours, and the remark that hangs on it. */
import { memo, type ReactNode } from 'react';
import { Icon } from '../../parts/icon.tsx';
import { shown, shownName } from '../../parts/words.ts';
import { Words } from '../actions.tsx';
import { useColours } from './colour/colours.ts';
import { whereOf, type Remark } from './remarks.ts';
import type { LineRow } from './rows.ts';
import { markOf, piecesOf } from './colour/words.ts';

/** Longest part of a line that is drawn, in characters. */
const MAX_DRAWN_CHARS = 2000;
const SIGNS = { insert: '+', delete: '−', normal: ' ' } as const;

/** What lines need to know of remarks, and which lines are chosen. */
export interface Remarking {
  readonly remarks: ReadonlyMap<string, Remark>;
  readonly openAt: string | null;
  /** Ids of the lines that the next remark will be about. */
  readonly chosen: ReadonlySet<string>;
  readonly onOpen: (row: LineRow | null, isExtending?: boolean) => void;
  readonly onSay: (text: string) => void;
  readonly onTake: (id: string) => void;
  /** Says which lines a remark that is being written is about. */
  readonly where: () => string;
  readonly canRemark: boolean;
}

/** The code of a line: coloured where its colours are known, its changed words marked. */
const Code = memo(function Code({ row }: { readonly row: LineRow }): ReactNode {
  const runs = useColours(row.language, row.hunk, row.at);
  const mark = markOf(row.hunk.changes, row.at);
  const { text } = row;
  const drawn = text.slice(0, MAX_DRAWN_CHARS);
  return (
    <code>
      {runs === undefined && mark === null
        ? shown(drawn)
        : piecesOf(drawn, runs, mark).map((piece, at) => {
            const className = `${piece.scope === '' ? '' : `x-${piece.scope}`}${piece.isMarked ? ' x-mark' : ''}`;
            return className === '' ? (
              shown(piece.text)
            ) : (
              // Pieces have no name but their place.
              // oxlint-disable-next-line react/no-array-index-key
              <span key={at} className={className.trim()}>
                {shown(piece.text)}
              </span>
            );
          })}
      {text.length > MAX_DRAWN_CHARS
        ? ` … ${(text.length - MAX_DRAWN_CHARS).toLocaleString('en')} more characters`
        : null}
    </code>
  );
});

function AddButton({ row, remarking }: { readonly row: LineRow; readonly remarking: Remarking }): ReactNode {
  if (!remarking.canRemark) return <span />;
  return (
    <button
      type="button"
      className="remark-button"
      aria-label={`Remark on line ${row.new ?? row.old}`}
      tabIndex={-1}
      onClick={(event) => remarking.onOpen(row, event.shiftKey)}
    >
      <Icon name="add" />
    </button>
  );
}

function Sign({ row }: { readonly row: LineRow }): ReactNode {
  return (
    <span
      className="sign"
      aria-label={row.type === 'insert' ? 'added' : row.type === 'delete' ? 'removed' : undefined}
    >
      {SIGNS[row.type]}
    </span>
  );
}

interface LineProps {
  readonly row: LineRow;
  readonly remarking: Remarking;
  readonly isCursor: boolean;
}

/** A line with both its numbers. */
export function Line({ row, remarking, isCursor }: LineProps): ReactNode {
  const isChosen = remarking.chosen.has(row.id);
  return (
    <div
      className={`diff-line d-${row.type}${isCursor ? ' is-cursor' : ''}${isChosen ? ' is-chosen' : ''}`}
      aria-current={isCursor ? 'true' : undefined}
    >
      <span className="number">{row.old ?? ''}</span>
      <span className="number">{row.new ?? ''}</span>
      <AddButton row={row} remarking={remarking} />
      <Sign row={row} />
      <Code row={row} />
    </div>
  );
}

/** A half of a pair: what a line was, or what it is; empty where it was or is not. */
export function Half({
  row,
  side,
  remarking,
  isCursor,
}: Omit<LineProps, 'row'> & { readonly row: LineRow | null; readonly side: 'old' | 'new' }): ReactNode {
  if (row === null) return <div className="diff-half is-none" />;
  const isChosen = remarking.chosen.has(row.id);
  return (
    <div
      className={`diff-half d-${row.type}${isCursor ? ' is-cursor' : ''}${isChosen ? ' is-chosen' : ''}`}
      aria-current={isCursor ? 'true' : undefined}
    >
      <span className="number">{side === 'old' ? row.old : row.new}</span>
      {side === 'old' && row.type === 'normal' ? <span /> : <AddButton row={row} remarking={remarking} />}
      <Sign row={row} />
      <Code row={row} />
    </div>
  );
}

/** The remark on a line: as it is written, and as it was said. */
export function RemarkOf({
  row,
  remarking,
}: {
  readonly row: LineRow;
  readonly remarking: Remarking;
}): ReactNode {
  const { remarks, openAt, onOpen, onSay, onTake, where } = remarking;
  const remark = remarks.get(row.id);
  if (openAt === row.id) {
    return (
      <div
        className="remark"
        role="group"
        aria-label="A remark"
        onKeyDown={(event) => {
          if (event.key === 'Escape') onOpen(null);
        }}
      >
        <Words
          label={`On ${where()} of ${shownName(row.path)}`}
          button="Remark"
          onSend={async (text) => onSay(text)}
          onLeave={() => onOpen(null)}
          autoFocus
        />
      </div>
    );
  }
  if (remark === undefined) return null;
  return (
    <div className="remark said">
      <Icon name="say" />
      <div>
        {remark.to === undefined ? null : <p className="quiet">On {whereOf(remark)}</p>}
        <p className="prose" dir="auto">
          {shown(remark.text)}
        </p>
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label="Take the remark back"
        onClick={() => onTake(row.id)}
      >
        <Icon name="cross" />
      </button>
    </div>
  );
}
