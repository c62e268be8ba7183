/** Callbacks of a job: every try, what was answered, and another one. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import type { Delivery, DeliveryStatus } from '../../../src/job/delivery/delivery.ts';
import { post } from '../api/call.ts';
import { deliveriesQuery, queries } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { State, type Told } from '../parts/state.tsx';
import { moment, shown, span } from '../parts/words.ts';

const TOLD: Readonly<Record<DeliveryStatus, Told>> = {
  pending: { icon: 'clock', word: 'Pending', tone: 'warn' },
  delivered: { icon: 'ok', word: 'Delivered', tone: 'ok' },
  failed: { icon: 'bad', word: 'Failed', tone: 'bad' },
  disabled: { icon: 'stop', word: 'Turned off', tone: 'quiet' },
};

function One({ delivery }: { readonly delivery: Delivery }): ReactNode {
  return (
    <section className="card delivery">
      <header>
        <State told={TOLD[delivery.status]} boxed />
        <code className="address">{shown(delivery.url)}</code>
        {delivery.due_at === null ? null : <span className="quiet">next try {moment(delivery.due_at)}</span>}
      </header>
      <div className="table-scroll" tabIndex={0} role="region" aria-label="Tries">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Try</th>
              <th scope="col">When</th>
              <th scope="col">Answer</th>
              <th scope="col" className="end">
                Time
              </th>
              <th scope="col">What went wrong</th>
            </tr>
          </thead>
          <tbody>
            {delivery.tries.toReversed().map((one) => (
              <tr key={one.number}>
                <th scope="row">{one.number}</th>
                <td>{moment(one.started_at)}</td>
                <td>{one.http_status ?? 'none'}</td>
                <td className="end quiet">{span(one.duration_ms)}</td>
                <td>{one.error === null ? '' : shown(one.error)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details>
        <summary>What is sent</summary>
        <pre tabIndex={0} aria-label="Body of the callback">
          {shown(delivery.body.slice(0, 20_000))}
        </pre>
      </details>
    </section>
  );
}

/** The callbacks. */
export function Deliveries({
  jobId,
  hasEnded,
}: {
  readonly jobId: string;
  readonly hasEnded: boolean;
}): ReactNode {
  const say = useSay();
  const { data, error, refetch } = useQuery(deliveriesQuery(jobId));
  const [isBusy, setBusy] = useState(false);
  const again = async (): Promise<void> => {
    setBusy(true);
    try {
      await post(`/api/jobs/${jobId}/redeliver`);
      say.done('Sent again');
    } catch (refusal) {
      say.failed(refusal);
    }
    await queries.invalidateQueries(deliveriesQuery(jobId));
    setBusy(false);
  };
  if (error !== null) return <Failure error={error} onAgain={() => void refetch()} />;
  if (data === undefined) return <Loading what="deliveries" />;
  if (data.length === 0) {
    return (
      <Empty icon="out" title="No callback">
        <p>
          {hasEnded
            ? 'The job named nobody to tell of its end.'
            : 'A job that names a callback tells it of its end, signed; every try is shown here.'}
        </p>
      </Empty>
    );
  }
  return (
    <div className="runs">
      {data.map((delivery) => (
        <One key={delivery.delivery_id} delivery={delivery} />
      ))}
      <div>
        <button type="button" className="button" disabled={isBusy} onClick={() => void again()}>
          Send again now
        </button>
      </div>
    </div>
  );
}
