/** Lists, page by page, with the links that clients follow. */
import type { Answer } from './route.ts';

const DEFAULT_PER_PAGE = 30;
const MAX_PER_PAGE = 100;

function bounded(text: string | null, fallback: number, max: number): number {
  const value = Number(text);
  return Number.isInteger(value) && value > 0 ? Math.min(value, max) : fallback;
}

/** Cuts the page that was asked for out of a list's answer; other answers stay as they are. */
export function cutPage(answer: Answer, url: URL): Answer {
  if (answer.list === undefined) return answer;
  const size = bounded(url.searchParams.get('per_page'), DEFAULT_PER_PAGE, MAX_PER_PAGE);
  const page = bounded(url.searchParams.get('page'), 1, Number.MAX_SAFE_INTEGER);
  const last = Math.max(1, Math.ceil(answer.list.length / size));
  const link = (to: number, rel: string): string => {
    const target = new URL(url);
    target.searchParams.set('page', String(to));
    return `<${target.href}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [link(page - 1, 'prev')] : []),
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first')] : []),
  ];
  const items = answer.list.slice((page - 1) * size, page * size);
  return {
    status: answer.status,
    body: answer.wrap === undefined ? items : { total_count: answer.list.length, [answer.wrap]: items },
    headers: { ...answer.headers, ...(links.length === 0 ? {} : { link: links.join(', ') }) },
  };
}
