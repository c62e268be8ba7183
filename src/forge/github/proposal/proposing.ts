/** What every part of a proposal works with. */
import type { ProposalRequest } from '../../forge.ts';
import type { Ask } from '../client.ts';
import type { Route } from '../names.ts';

/** One proposal, as it is made. */
export interface Proposing {
  readonly ask: Ask;
  readonly route: Route;
  readonly request: ProposalRequest;
  /** What did not go as wished, for whoever reads the result. */
  readonly notices: string[];
  readonly signal: AbortSignal;
}
