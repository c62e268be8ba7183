/** What the SDK throws, in words for people. */

const MAX_CHARS = 2000;

/** The words of an error: of the last try where there were several, with the status of the provider's answer. */
export function wordsOf(error: unknown): string {
  const last: unknown = error instanceof Error && 'lastError' in error ? error.lastError : error;
  const message =
    last instanceof Error ? last.message : typeof last === 'string' ? last : JSON.stringify(last);
  const status = last instanceof Error && 'statusCode' in last ? last.statusCode : undefined;
  return (typeof status === 'number' ? `${status}: ${message}` : message).slice(0, MAX_CHARS).toWellFormed();
}
