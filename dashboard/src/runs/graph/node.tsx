/** A step in the graph: its name, how it stands, what it is, how long it took and what it cost. */
import { memo, type ReactNode } from 'react';
import { Link } from 'wouter';
import { Icon } from '../../parts/icon.tsx';
import { useNow } from '../../parts/now.ts';
import { State, type Told } from '../../parts/state.tsx';
import { money, shown, span } from '../../parts/words.ts';
import type { StepTime } from '../told.ts';

/** What a node and a row show. */
export interface Shown {
  readonly name: string;
  /** `null` in a pipeline, which is not running. */
  readonly told: Told | null;
  readonly kind: string;
  readonly time: StepTime | null;
  readonly cost: number | null;
  readonly came: string;
  /** What else is to be known: who approved it, where it was done. */
  readonly notes: readonly string[];
  readonly dependsOn: readonly string[];
  /** Where it leads; `null` where there is no job yet. */
  readonly href: string | null;
}

/** Whether nothing of a step has to be drawn anew: a run tells something many times a second, and of few steps. */
export function isSame(one: Shown, other: Shown): boolean {
  return (
    one.name === other.name &&
    one.told === other.told &&
    one.kind === other.kind &&
    one.time?.startedAt === other.time?.startedAt &&
    one.time?.ms === other.time?.ms &&
    one.cost === other.cost &&
    one.came === other.came &&
    one.href === other.href &&
    one.notes.join() === other.notes.join()
  );
}

/** How long a step took, or has taken so far. */
export function Took({ time }: { readonly time: StepTime | null }): ReactNode {
  return time === null ? <>–</> : time.ms === null ? <Going since={time.startedAt} /> : <>{span(time.ms)}</>;
}

function Going({ since }: { readonly since: string }): ReactNode {
  const nowMs = useNow();
  return <>{span(Math.floor(Math.max(0, nowMs - Date.parse(since)) / 1000) * 1000)}</>;
}

interface NodeProps {
  readonly step: Shown;
  readonly left: number;
  readonly top: number;
  readonly isAt: boolean;
  readonly onAt: (name: string) => void;
  readonly onOpen: (name: string) => void;
}

function Drawn({ step, left, top, isAt, onAt, onOpen }: NodeProps): ReactNode {
  const { name, told, kind, time, cost, href, came } = step;
  const common = {
    className: `node ${told?.tone ?? 'quiet'} n-${(told?.word ?? 'defined').toLowerCase().replace(/\W+/g, '-')}`,
    style: { left, top },
    tabIndex: isAt ? 0 : -1,
    'data-step': name,
    'aria-description': came,
    onFocus: () => onAt(name),
  };
  const inside = (
    <>
      <span className="node-name" title={name}>
        <span>{shown(name)}</span>
      </span>
      <span className="node-kind quiet">
        <Icon name={kind.startsWith('answer') ? 'say' : 'file'} />
        {kind}
      </span>
      {told === null ? null : <State told={told} />}
      {time === null && cost === null ? null : (
        <span className="node-meta quiet">
          {time === null ? null : <Took time={time} />}
          {time === null || cost === null ? '' : ' · '}
          {cost === null ? '' : money(cost)}
        </span>
      )}
    </>
  );
  if (href !== null)
    return (
      <Link href={href} {...common}>
        {inside}
      </Link>
    );
  return (
    <button type="button" {...common} onClick={() => onOpen(name)}>
      {inside}
    </button>
  );
}

/** The node. */
export const StepNode = memo(
  Drawn,
  ({ step: one, ...before }, { step: other, ...now }) =>
    isSame(one, other) &&
    before.left === now.left &&
    before.top === now.top &&
    before.isAt === now.isAt &&
    before.onAt === now.onAt &&
    before.onOpen === now.onOpen,
);
