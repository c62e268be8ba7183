/** What pages are looked at for, whatever is on them. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What is looked for in a page; of one that was looked at before and changed no more than its colours, those alone. */
const RULES = {
  all: "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']",
  colours: "{ type: 'rule', values: ['color-contrast'] }",
} as const;

/** What axe finds that is serious, in a few words each. */
export async function faultsOf(page: Page, rules: keyof typeof RULES = 'all'): Promise<readonly string[]> {
  // By the debugger's own way: the policy of the page lets no script in.
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
  const found = await page.evaluate(
    `axe.run(document, { runOnly: ${RULES[rules]} }).then(({ violations }) => violations)`,
  );
  return (found as readonly Violation[])
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

/** The same in both themes, by the theme. */
export async function faultsInThemes(page: Page): Promise<Readonly<Record<string, readonly string[]>>> {
  await page.emulateMedia({ colorScheme: 'light' });
  const light = await faultsOf(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await faultsOf(page, 'colours');
  return Object.fromEntries(Object.entries({ light, dark }).filter(([, found]) => found.length > 0));
}

/** How far a page can be scrolled aside, in pixels: what one reads on a telephone must not. */
export function aside(page: Page): Promise<number> {
  return page.evaluate(
    "Math.max(...['html', 'main'].map((name) => document.querySelector(name)).map((one) => one.scrollWidth - one.clientWidth))",
  );
}
