/** Every endpoint there is, in the order of the document. */
import type { Endpoint } from './endpoint.ts';
import { inboundEndpoints } from './inbound/github.ts';
import { triggerEndpoints } from './inbound/triggers.ts';
import { actEndpoints } from './jobs/act.ts';
import { changeEndpoint } from './live/changes.ts';
import { deliveryEndpoints } from './jobs/deliveries.ts';
import { readEndpoints } from './jobs/read.ts';
import { sessionEndpoints } from './jobs/sessions.ts';
import { traceEndpoint } from './jobs/trace.ts';
import { callbackEndpoint } from './inbound/callback.ts';
import type { Counters } from './figures/metrics.ts';
import type { Define, Parts } from './parts.ts';
import { dashboardEndpoints } from './dashboard/endpoints.ts';
import { documentEndpoints } from './document/endpoints.ts';
import { dialectEndpoints } from './dialect.ts';
import { systemEndpoints } from './system.ts';
import { keptEndpoints } from './pipelines/keep.ts';
import { runEndpoints } from './pipelines/runs.ts';
import { usageEndpoints } from './figures/usage.ts';

/** Makes them all; the last describe the others. */
export function allEndpoints(parts: Parts, counters: Counters, define: Define): readonly Endpoint[] {
  const endpoints = [
    ...actEndpoints(parts, define),
    ...readEndpoints(parts, define),
    changeEndpoint(parts, define),
    traceEndpoint(parts, define),
    ...sessionEndpoints(parts, define),
    ...deliveryEndpoints(parts, define),
    ...keptEndpoints(parts, define),
    ...runEndpoints(parts, define),
    ...usageEndpoints(parts, define),
    ...triggerEndpoints(parts, define),
    ...inboundEndpoints(parts, define),
    ...systemEndpoints(parts, counters, define),
    ...dashboardEndpoints(parts, define),
    callbackEndpoint(parts, define),
    ...dialectEndpoints(parts, define),
  ];
  return [...endpoints, ...documentEndpoints(parts, endpoints, define)];
}
