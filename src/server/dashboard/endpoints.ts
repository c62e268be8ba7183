/** Endpoints that the dashboard asks besides those of jobs. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ROLES } from '../../job/access/access.ts';
import { agentNames, defaultAgent } from '../../runner/agents.ts';
import { createDemoRepository, demoTask } from '../../runner/demo.ts';
import { examine, listAgents } from '../../runner/look/doctor.ts';
import { json, type Endpoint } from '../endpoint.ts';
import type { Define, Parts } from '../parts.ts';
import * as samples from '../jobs/samples.ts';
import { limits } from '../jobs/budget.ts';
import { gateEndpoints } from './gate.ts';
import { limitsEndpoint } from './limits.ts';
import { remembered } from './remembered.ts';
import type { AgentsView, DemoView, FindingView, WhoView } from './view.ts';

/** How long what was found of this machine holds, in milliseconds: to look starts programmes. */
const FOUND_MS = 2000;
const READY_MS = 10_000;

const who = z
  .object({
    id: z.string().meta({ description: 'Id of the key; `local` where nobody is asked for one' }),
    name: z.string(),
    role: z.enum(ROLES),
    auth: z.boolean().meta({ description: 'Whether requests need a key' }),
    version: z.string(),
    most: limits.meta({ description: 'The most that a request may ask to spend; `null` is no limit' }),
  })
  .meta({ id: 'Who' }) satisfies z.ZodType<WhoView>;
const findings = z
  .object({
    findings: z.array(
      z.object({
        name: z.string(),
        state: z.enum(['ok', 'warning', 'failed']),
        detail: z.string(),
        fix: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Findings' }) satisfies z.ZodType<{ findings: FindingView[] }>;
const agents = z
  .object({
    default: z.string().nullable().meta({ description: 'Who edits unless a request says otherwise' }),
    agents: z.array(
      z.object({
        name: z.string(),
        ready: z.boolean(),
        detail: z.string(),
        fix: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Agents' });
const demo = z
  .object({ repo: z.string(), task: z.string(), agent: z.string() })
  .meta({ id: 'Demo' }) satisfies z.ZodType<DemoView>;

function whoEndpoint({ runner, auth, version }: Parts, define: Define): Endpoint {
  return define({
    method: 'get',
    path: '/api/who',
    id: 'getWho',
    tag: 'server',
    summary: 'Who is asking, and what may be done by them',
    role: 'read',
    answers: {
      200: {
        description: 'Who',
        content: {
          'application/json': {
            schema: who,
            example: {
              id: '0123456789ab',
              name: 'ada',
              role: 'submit',
              auth: true,
              version: '1.0.0',
              most: samples.job.budget,
            },
          },
        },
      },
    },
    async handle({ principal: { id, role } }) {
      const key = id === 'local' ? null : await runner.store.getKey(id);
      const answer: WhoView = {
        id,
        name: key?.name ?? 'this machine',
        role,
        auth,
        version,
        most: runner.config.budget,
      };
      return json(answer);
    },
  });
}

function machineEndpoints({ config }: Parts, define: Define): readonly Endpoint[] {
  const found = remembered(FOUND_MS, async () => ({ findings: await examine(config) }));
  const editors = remembered(READY_MS, async (): Promise<AgentsView> => {
    const all = await listAgents(config);
    const usable = all.filter(({ name }) => name !== 'command' || config.agentCmd !== null);
    return {
      default: await defaultAgent(config),
      // Only what a request may name.
      agents: usable
        .filter(({ name }) => agentNames.includes(name))
        .map(({ name, ready, detail, fix }) => ({ name, ready, detail, fix })),
    };
  });
  return [
    define({
      method: 'get',
      path: '/api/doctor',
      id: 'getFindings',
      tag: 'server',
      summary: 'What works on the machine of the server, and how to mend what does not',
      role: 'admin',
      answers: {
        200: {
          description: 'What was found, at most two seconds ago',
          content: {
            'application/json': {
              schema: findings,
              example: { findings: [{ name: 'git', state: 'ok', detail: 'git version 2.39.5', fix: null }] },
            },
          },
        },
      },
      handle: async () => json(await found()),
    }),
    define({
      method: 'get',
      path: '/api/agents',
      id: 'listAgents',
      tag: 'server',
      summary: 'Agents that a request may name, and whether each is ready',
      role: 'read',
      answers: {
        200: {
          description: 'The agents',
          content: {
            'application/json': {
              schema: agents,
              example: {
                default: 'codex',
                agents: [{ name: 'codex', ready: true, detail: 'codex is installed', fix: null }],
              },
            },
          },
        },
      },
      handle: async () => json(await editors()),
    }),
  ];
}

function demoEndpoint({ config }: Parts, define: Define): Endpoint {
  const folder = join(config.home, 'demo', 'slug');
  let making: Promise<void> = Promise.resolve();
  const make = async (): Promise<void> => {
    const isThere = await stat(join(folder, '.git', 'refs', 'heads', 'main')).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await mkdir(folder, { recursive: true });
    await createDemoRepository(config, folder);
  };
  return define({
    method: 'post',
    path: '/api/demo',
    id: 'makeDemo',
    tag: 'server',
    summary:
      'A small repository on the machine of the server to try a job on; made where it is not there yet',
    role: 'admin',
    answers: {
      200: {
        description: 'Where it is, and what to ask for there',
        content: {
          'application/json': {
            schema: demo,
            example: {
              repo: '/home/ada/.local/share/agent-runner/demo/slug',
              task: 'Add a maxLength option to slugify',
              agent: 'simulated:bad',
            },
          },
        },
      },
    },
    async handle({ about }) {
      // One at a time: two that ask at once get the same repository.
      making = making.catch(() => {}).then(make);
      await making;
      about('demo');
      const answer: DemoView = { repo: folder, task: demoTask, agent: 'simulated:bad' };
      return json(answer);
    },
  });
}

/** Endpoints about who looks, what works here, and what to try. */
export function dashboardEndpoints(parts: Parts, define: Define): readonly Endpoint[] {
  return [
    ...gateEndpoints(parts, define),
    whoEndpoint(parts, define),
    ...machineEndpoints(parts, define),
    limitsEndpoint(parts, define),
    demoEndpoint(parts, define),
  ];
}
