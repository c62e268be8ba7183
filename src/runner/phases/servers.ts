/** The tool servers of a job: those that `.mcp.json` of its base names, as far as its agents can reach them. */
import { MCP_FILE, readMcpServers, type McpServer, type McpServers } from '../../agent/mcp/servers.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';
import { trustedSha } from '../steps/rules.ts';

/** Refusals that are told one by one; the rest is counted. */
const MAX_TOLD = 10;
/** Where a sandbox without network reaches what runs in it, like services of the repository. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Never from the working copy: what the agent wrote there starts nothing in a later turn. */
async function read(
  context: JobContext,
  bench: Bench,
  { base_sha: base, rules }: Pick<PreparedDetail, 'base_sha' | 'rules'>,
): Promise<McpServers> {
  const trusted = await bench.copy.files(trustedSha(context.job.request, base));
  const text = await trusted.read(MCP_FILE);
  if (text === null) return { servers: [], refused: [] };
  const { servers, refused } = readMcpServers(text, { ...rules.gate_env, ...context.config.agentEnv });
  if (context.job.request.network) return { servers, refused };
  const isReached = (one: McpServer): boolean =>
    one.kind === 'stdio' || LOOPBACK.test(new URL(one.url).hostname);
  const unreached = servers.filter((one) => !isReached(one));
  return {
    servers: servers.filter(isReached),
    refused: [
      ...refused,
      ...unreached.map(({ name }) => `mcpServers.${name}.url: the agent has no network (--network)`),
    ],
  };
}

/** The tool servers for an agent's turn. */
export async function toolServers(
  context: JobContext,
  bench: Bench,
  detail: Pick<PreparedDetail, 'base_sha' | 'rules'>,
): Promise<readonly McpServer[]> {
  return (await read(context, bench, detail)).servers;
}

/** Says once which tool servers the agents of a job get, and why others are left out. */
export async function tellServers(
  context: JobContext,
  bench: Bench,
  detail: Pick<PreparedDetail, 'base_sha' | 'rules'>,
): Promise<void> {
  const { journal, agent, looking } = context;
  const agents = [agent, looking.explore.agent, looking.plan.agent].filter((one) => one.modelless !== true);
  if (agents.length === 0 || context.models === null) return;
  const { servers, refused } = await read(context, bench, detail);
  const deaf = agents.find((one) => one.takesMcp !== true);
  if (servers.length > 0) {
    const names = servers.map(({ name }) => name);
    journal.emit('message', 'prepare', {
      mcp_servers: names,
      text:
        deaf === undefined
          ? `${MCP_FILE} of the base names tool servers: ${names.join(', ')}`
          : `${MCP_FILE} of the base names tool servers, which ${deaf.name} is not told of: ${names.join(', ')}`,
    });
  }
  for (const why of refused.slice(0, MAX_TOLD))
    journal.emit('message', 'prepare', { notice: `${MCP_FILE}: ${why}` });
  if (refused.length > MAX_TOLD) {
    const notice = `${MCP_FILE}: ${refused.length - MAX_TOLD} more are refused`;
    journal.emit('message', 'prepare', { notice });
  }
}
