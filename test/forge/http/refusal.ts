/** The ways in which GitHub says no. */

const DOCS = 'https://docs.github.com/rest';

export interface FieldError {
  readonly resource: string;
  readonly field?: string;
  readonly code: string;
  readonly message?: string;
}

/** Thrown by a handler: becomes the answer. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: readonly (FieldError | string)[] | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    errors: readonly (FieldError | string)[] | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.errors = errors;
    this.headers = headers;
  }
}

export function refusalBody(refusal: Refusal): Record<string, unknown> {
  return {
    message: refusal.message,
    ...(refusal.errors === null ? {} : { errors: refusal.errors }),
    documentation_url: DOCS,
    status: String(refusal.status),
  };
}

export const notFound = (): Refusal => new Refusal(404, 'Not Found');
export const badCredentials = (): Refusal => new Refusal(401, 'Bad credentials');
export const needsLogin = (): Refusal => new Refusal(401, 'Requires authentication');

/** 422 with a reason that is a sentence. */
export function custom(resource: string, message: string): Refusal {
  return new Refusal(422, 'Validation Failed', [{ resource, code: 'custom', message }]);
}

/** 422 as some operations have it: the reason as bare text. */
export function plain(message: string): Refusal {
  return new Refusal(422, 'Unprocessable Entity', [message]);
}

/** 422 that names a field: missing, invalid, too long. */
export function invalid(resource: string, field: string, code: string, message?: string): Refusal {
  return new Refusal(422, 'Validation Failed', [
    { resource, field, code, ...(message === undefined ? {} : { message }) },
  ]);
}
