import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repoConfigJsonSchema } from '../../src/gate/config.ts';

it('the published JSON Schema is the one in force (npm run schema)', () => {
  const published: unknown = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../docs/agent-runner.schema.json'), 'utf8'),
  );
  expect(published).toEqual(repoConfigJsonSchema());
});
