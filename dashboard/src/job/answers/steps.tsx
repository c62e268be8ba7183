/** What now, as buttons, links and lines to be taken along. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Budget } from '../../../../src/job/request.ts';
import { queuedQuery } from '../../api/queries.ts';
import { useSay } from '../../frame/notices.tsx';
import { Line } from '../../parts/copy.tsx';
import { Icon, type IconName } from '../../parts/icon.tsx';
import { shown } from '../../parts/words.ts';
import { useRetry } from '../actions.tsx';
import type { SummaryProps } from '../summary.tsx';
import { Larger } from './larger.tsx';
import { nextOf, placeOf, type NextAct } from './next.ts';

/** Where the buttons of the answers lead on the page they are on. */
export interface Leads {
  readonly onShow: (tab: 'gate' | 'activity' | 'log' | 'changes') => void;
  readonly onCheck: (check: string) => void;
  readonly onFollow: () => void;
  readonly onAnswer: () => void;
}

const SIGNS: Readonly<Record<NextAct['does'], IconName>> = {
  open: 'out',
  show: 'file',
  check: 'board',
  follow: 'say',
  retry: 'again',
  larger: 'coin',
  answer: 'ask',
  visit: 'right',
};

interface ActProps {
  readonly act: NextAct;
  readonly isFirst: boolean;
  readonly onAct: (act: NextAct) => void;
}

function Act({ act, isFirst, onAct }: ActProps): ReactNode {
  const className = isFirst ? 'button primary' : 'button';
  const inside = (
    <>
      <Icon name={SIGNS[act.does]} /> {shown(act.label)}
    </>
  );
  if (act.does === 'open')
    return (
      <a className={className} href={act.href} rel="noreferrer">
        {inside}
      </a>
    );
  if (act.does === 'visit')
    return (
      <Link className={className} href={act.href}>
        {inside}
      </Link>
    );
  return (
    <button type="button" className={className} onClick={() => onAct(act)}>
      {inside}
    </button>
  );
}

/** How many jobs are before one in the queue; asked for while it waits. */
function useBefore({ job }: SummaryProps): number | null {
  const { data } = useQuery({ ...queuedQuery, enabled: job.status === 'queued' });
  return data === undefined ? null : placeOf(job, data.jobs, data.next_cursor !== null);
}

/** What now. */
export function NextSteps(props: SummaryProps & Leads & { readonly most: Budget | null }): ReactNode {
  const { job, onShow, onCheck, onFollow, onAnswer } = props;
  const say = useSay();
  const retry = useRetry(job);
  const [isMore, setMore] = useState(false);
  const before = useBefore(props);
  const next = nextOf({ ...props, origin: location.origin, before });
  const act = (one: NextAct): void => {
    if (one.does === 'show') onShow(one.tab);
    if (one.does === 'check') onCheck(one.check);
    if (one.does === 'follow') onFollow();
    if (one.does === 'answer') onAnswer();
    if (one.does === 'larger') setMore(true);
    if (one.does === 'retry') retry().catch(say.failed);
  };
  return (
    <>
      {next.says === null ? null : <p>{shown(next.says)}</p>}
      {next.acts.length === 0 ? null : (
        <div className="next-acts">
          {next.acts.map((one, at) => (
            <Act key={`${one.label} ${at}`} act={one} isFirst={at === 0} onAct={act} />
          ))}
        </div>
      )}
      {next.lines.map(({ says, text, what }) => (
        <div key={text}>
          <p className="quiet">{says}:</p>
          <Line text={text} what={what} />
        </div>
      ))}
      {props.most === null ? null : (
        <Larger job={job} most={props.most} open={isMore} onClose={() => setMore(false)} onAsk={retry} />
      )}
    </>
  );
}
