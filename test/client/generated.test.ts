/** The generated client is what the server says today. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf, openedServer } from '../server/opened.ts';
import { generate } from './generate.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'src', 'client', 'generated');

test('generating the client again changes nothing (else: npm run client)', async () => {
  const opened = await openedServer();
  const document = await documentOf(opened);
  await opened.close();
  const files = generate(document);
  expect((await readdir(FOLDER)).toSorted()).toEqual([...files.keys()].toSorted());
  for (const [name, text] of files) expect(await readFile(join(FOLDER, name), 'utf8')).toBe(text);
  // What is compared follows the document.
  const changed = JSON.parse(
    JSON.stringify(document).replaceAll('fork_repo', 'other_repo'),
  ) as typeof document;
  expect(generate(changed).get('types.ts')).not.toBe(files.get('types.ts'));
});
