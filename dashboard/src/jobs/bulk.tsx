/** What can be done to several jobs at once. */
import { useState, type ReactNode } from 'react';
import type { JobView } from '../../../src/job/view/view.ts';
import { onceKey, post } from '../api/call.ts';
import { hasEnded, queries } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { Sheet } from '../parts/ask.tsx';
import { counted } from '../parts/words.ts';

type Action = 'cancel' | 'retry';

const DONE: Readonly<Record<Action, string>> = { cancel: 'cancelled', retry: 'asked for once more' };

/** Does one thing to many jobs, one after the other, and says how many of them took it. */
async function toAll(jobs: readonly JobView[], action: Action): Promise<readonly unknown[]> {
  const refused: unknown[] = [];
  for (const { job_id: jobId } of jobs) {
    const once = action === 'retry' ? onceKey() : undefined;
    await post(`/api/jobs/${jobId}/${action}`, undefined, once).catch((error: unknown) =>
      refused.push(error),
    );
  }
  await queries.invalidateQueries({ queryKey: ['jobs'] });
  return refused;
}

/** The bar that stands below the list while jobs are chosen. */
export function Bulk({
  jobs,
  onClear,
}: {
  readonly jobs: readonly JobView[];
  readonly onClear: () => void;
}): ReactNode {
  const say = useSay();
  const [asked, setAsked] = useState<Action | null>(null);
  const [isBusy, setBusy] = useState(false);
  if (jobs.length === 0) return null;
  const fit: Readonly<Record<Action, readonly JobView[]>> = {
    cancel: jobs.filter((job) => !hasEnded(job)),
    retry: jobs.filter(hasEnded),
  };
  const act = async (action: Action): Promise<void> => {
    setBusy(true);
    const refused = await toAll(fit[action], action);
    setBusy(false);
    setAsked(null);
    onClear();
    const taken = fit[action].length - refused.length;
    if (taken > 0) say.done(`${counted(taken, 'job')} ${DONE[action]}`);
    if (refused.length > 0) say.failed(refused[0]);
  };
  const button = (action: Action, word: string): ReactNode => (
    <button
      type="button"
      className="button"
      disabled={fit[action].length === 0}
      onClick={() => setAsked(action)}
    >
      {word} {fit[action].length === 0 ? '' : fit[action].length}
    </button>
  );
  return (
    <div className="bulk" role="region" aria-label="Chosen jobs">
      <span>{counted(jobs.length, 'job')} chosen</span>
      {button('cancel', 'Cancel')}
      {button('retry', 'Retry')}
      <button type="button" className="button plain" onClick={onClear}>
        Let go
      </button>
      <Sheet
        open={asked !== null}
        onClose={() => setAsked(null)}
        title={asked === 'cancel' ? 'Cancel these jobs?' : 'Ask for these once more?'}
      >
        <p>
          {asked === 'cancel'
            ? `${counted(fit.cancel.length, 'job')} will be stopped. What they did is saved.`
            : `${counted(fit.retry.length, 'new job')} will be asked what these were asked.`}
        </p>
        <footer>
          <button type="button" className="button plain" onClick={() => setAsked(null)}>
            No
          </button>
          <button
            type="button"
            className={asked === 'cancel' ? 'button danger' : 'button primary'}
            disabled={isBusy}
            onClick={() => void (asked === null ? undefined : act(asked))}
          >
            {asked === 'cancel' ? 'Cancel them' : 'Ask'}
          </button>
        </footer>
      </Sheet>
    </div>
  );
}
