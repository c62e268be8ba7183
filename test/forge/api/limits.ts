/** How much text GitHub takes. */
import { invalid } from '../http/refusal.ts';

const MAX_BODY_CHARACTERS = 65_536;
const MAX_TITLE_CHARACTERS = 256;

/** 422 for a body that is longer than GitHub stores. */
export function checkBody(resource: string, body: unknown): void {
  if (typeof body !== 'string' || Array.from(body).length <= MAX_BODY_CHARACTERS) return;
  throw invalid(
    resource,
    'body',
    'custom',
    `body is too long (maximum is ${MAX_BODY_CHARACTERS} characters)`,
  );
}

/** The same for a title. */
export function checkTitle(resource: string, title: string): void {
  if (Array.from(title).length <= MAX_TITLE_CHARACTERS) return;
  throw invalid(
    resource,
    'title',
    'custom',
    `title is too long (maximum is ${MAX_TITLE_CHARACTERS} characters)`,
  );
}
