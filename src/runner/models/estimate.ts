/** The estimate of a job's cost: its price, and its history in the store. */
import { estimateCost, estimateText, type CostEstimate } from '../../job/model/estimate.ts';
import { JobError } from '../../job/error.ts';
import type { JobContext } from '../context.ts';
import { usesModels, type Models } from './resolve.ts';

/** Jobs on the repository that are looked at; the rule counts fewer of them. */
const MAX_PAST = 200;

/** The name of a model whose price nobody knows; `null` where it is known, or the model is the agent's own. */
function unpricedOf(models: Models, model: string | null): string | null {
  try {
    const ref = models.find(model);
    if (ref === null || models.prices.priceOf(ref.provider.name, ref.model) !== null) return null;
    return `${ref.provider.name}/${ref.model}`;
  } catch (error) {
    // A name that may be several providers': the turn says so, with what is allowed.
    if (error instanceof JobError) return null;
    throw error;
  }
}

/** Estimates what a job will cost and says so in its events; `null` where no model is asked. */
export async function tellEstimate(context: JobContext): Promise<CostEstimate | null> {
  const { job, agent, models, store, journal } = context;
  if (agent.modelless === true || models === null) return null;
  const { repo, model } = job.request;
  const past = await store.listCosts(repo, MAX_PAST);
  const unpriced = usesModels(agent) ? unpricedOf(models.models, model) : null;
  const estimate = estimateCost(job.request, past, unpriced);
  journal.emit('message', 'prepare', { estimate, text: estimateText(estimate) });
  return estimate;
}
