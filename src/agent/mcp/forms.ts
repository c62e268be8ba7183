/** Tool servers in the words of those who take them: the Agent Client Protocol, and files of the form of `.mcp.json`. */
import type { McpServer as AcpServer } from '@agentclientprotocol/sdk';
import { at, type Fields } from '../../job/text/json.ts';
import type { McpServer } from './servers.ts';

/**
 * A programme by its absolute path, as the protocol wants it: what is looked up on the PATH, or from the workspace,
 * is looked up by the shell.
 */
function started(command: string, args: readonly string[]): { command: string; args: string[] } {
  if (command.startsWith('/')) return { command, args: [...args] };
  return { command: '/bin/sh', args: ['-c', 'exec "$@"', 'sh', command, ...args] };
}

function pairs(table: Readonly<Record<string, string>>): { name: string; value: string }[] {
  return Object.entries(table).map(([name, value]) => ({ name, value }));
}

/**
 * The servers that an agent takes by the protocol, and the names of those that it can't reach.
 *
 * @param capabilities what the agent said of itself
 */
export function forProtocol(
  servers: readonly McpServer[],
  capabilities: Fields,
): { readonly servers: AcpServer[]; readonly left: readonly string[] } {
  const isTaken = ({ kind }: McpServer): boolean =>
    kind === 'stdio' || at(capabilities, 'mcpCapabilities', kind) === true;
  return {
    servers: servers.filter(isTaken).map((server): AcpServer => {
      const { name } = server;
      if (server.kind === 'stdio')
        return { name, ...started(server.command, server.args), env: pairs(server.env) };
      return { type: server.kind, name, url: server.url, headers: pairs(server.headers) };
    }),
    left: servers.filter((one) => !isTaken(one)).map(({ name, kind }) => `${name} (${kind})`),
  };
}

/** The servers as a file that programmes take beside their command line, like `claude --mcp-config`. */
export function asFile(servers: readonly McpServer[]): string {
  const entries = servers.map(({ name, kind, ...rest }) => [name, { type: kind, ...rest }]);
  return JSON.stringify({ mcpServers: Object.fromEntries(entries) });
}
