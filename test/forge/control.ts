/** What a test in another process asks the forge, and tells it, under `/_forge/`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text as textOfStream } from 'node:stream/consumers';
import type { TestForge } from './options.ts';
import type { ForkDelays } from './state/core.ts';
import type { FaultRuleJson } from './http/faults.ts';

/** Answers one request; `name` is what follows `/_forge/`. */
export async function serveControl(
  forge: Pick<
    TestForge,
    'state' | 'requests' | 'violations' | 'load' | 'deliveries' | 'setFault' | 'clearFaults' | 'setForkDelays'
  >,
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
): Promise<void> {
  const body: unknown = request.method === 'POST' ? JSON.parse(await textOfStream(request)) : null;
  const answer = async (): Promise<unknown> => {
    switch (`${request.method} ${name}`) {
      case 'GET state':
        return forge.state();
      case 'GET requests':
        return forge.requests();
      case 'GET deliveries':
        return forge.deliveries();
      case 'GET violations':
        return forge.violations();
      case 'GET load':
        return forge.load();
      case 'POST faults': {
        const { path, ...rule } = body as FaultRuleJson;
        forge.setFault(path === undefined ? rule : { ...rule, path: new RegExp(path) });
        return {};
      }
      case 'DELETE faults':
        forge.clearFaults();
        return {};
      case 'POST fork-delays':
        forge.setForkDelays(body as ForkDelays);
        return {};
      default:
        return undefined;
    }
  };
  const found = await answer();
  response.writeHead(found === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(found ?? { message: 'Not Found' }));
}
