/** What the change was made of and where all of it is: for who wants to check it, or to get it back. */
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { JobEvent } from '../../../src/job/job.ts';
import type { JobResult } from '../../../src/job/result.ts';
import { Copy } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { shown } from '../parts/words.ts';

type Fact = readonly [name: string, value: string | null];

function sandboxOf(events: readonly JobEvent[]): string | null {
  const told = events.findLast(({ type, data }) => type === 'sandbox' && typeof data['adapter'] === 'string');
  return told === undefined ? null : `${String(told.data['adapter'])}: ${String(told.data['isolation'])}`;
}

function factsOf(result: JobResult, events: readonly JobEvent[]): readonly Fact[] {
  const { attempts } = result;
  return [
    ['Repository', result.repo],
    [
      'Base',
      result.base_sha === null
        ? null
        : `${result.base_sha}${result.base === null ? '' : ` (${result.base})`}`,
    ],
    ['Change', result.head_sha],
    ['Branch', result.branch],
    ['Fork', result.fork_repo],
    ['Patch', result.patch_path],
    ['Work saved as', result.wip_ref],
    ['Sandbox', sandboxOf(events)],
    ['Agent', result.model === null ? result.agent : `${result.agent}, ${result.model}`],
    [
      'Tries',
      attempts === 1 && !result.resumed_from_checkpoint
        ? null
        : `${attempts}${result.resumed_from_checkpoint ? ', gone on with after an interruption' : ''}`,
    ],
  ];
}

/** The facts, on request. */
export function Provenance({
  result,
  events,
}: {
  readonly result: JobResult | undefined;
  readonly events: readonly JobEvent[];
}): ReactNode {
  if (result === undefined) return null;
  const session = result.session_id?.startsWith('job-') === true ? result.session_id : null;
  return (
    <details className="claim card">
      <summary>
        <Icon name="flag" /> <b>Provenance:</b> what it was made of, and where it lies
      </summary>
      <dl className="facts">
        {factsOf(result, events).map(([name, value]) =>
          value === null ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <code>{shown(value)}</code>
                <Copy text={value} what={name.toLowerCase()} />
              </dd>
            </div>
          ),
        )}
        {session === null ? null : (
          <div>
            <dt>Goes on from</dt>
            <dd>
              <Link href={`/job/${session}`}>{session}</Link>
            </dd>
          </div>
        )}
      </dl>
    </details>
  );
}
