/** The documentation as a page: the document's own words, escaped, with nothing loaded from anywhere. */
import type { Endpoint } from '../endpoint.ts';

/** Text as HTML shows it. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Escaped text with the parts between backticks as code. */
function prose(text: string): string {
  return escapeHtml(text).replace(/`([^`]+)`/g, '<code>$1</code>');
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:56rem;margin:2rem auto;padding:0 1rem}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid #8885;border-radius:.4rem}
details{border-top:1px solid #8885;padding:.5rem 0}
summary{cursor:pointer}summary code{font-weight:600}
.role{float:right;opacity:.7}`;

function exampleOf(endpoint: Endpoint): string {
  const [[name, value] = ['', undefined]] = Object.entries(endpoint.body?.examples ?? {});
  if (value === undefined || endpoint.body === null) return '';
  return `<p>Body, for example <i>${escapeHtml(name)}</i> (<code>${endpoint.body.type}</code>):</p><pre>${escapeHtml(JSON.stringify(value, null, 2))}</pre>`;
}

function answersOf(endpoint: Endpoint): string {
  return Object.entries(endpoint.answers)
    .map(([status, { description, content = {} }]) => {
      const bodies = Object.entries(content).map(([type, { example }]) => {
        const text = typeof example === 'string' ? example : JSON.stringify(example, null, 2);
        return `<p><code>${escapeHtml(type)}</code></p>${example === undefined ? '' : `<pre>${escapeHtml(text)}</pre>`}`;
      });
      return `<p><b>${status}</b> ${prose(description)}</p>${bodies.join('')}`;
    })
    .join('');
}

function section(endpoint: Endpoint): string {
  const { method, path, summary, description, role } = endpoint;
  const said = description === undefined ? '' : `<p>${prose(description)}</p>`;
  return `<details id="${endpoint.id}"><summary><code>${method.toUpperCase()} ${escapeHtml(path)}</code> ${prose(summary)} <span class="role">${role ?? 'no key'}</span></summary>
${said}${exampleOf(endpoint)}${answersOf(endpoint)}</details>`;
}

/** The page, and the policy that lets it show its own style and nothing else. */
export function renderPage(
  endpoints: readonly Endpoint[],
  version: string,
  styleHash: (style: string) => string,
): { readonly html: string; readonly policy: string } {
  const html = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>agent-runner API</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>agent-runner ${escapeHtml(version)}</h1>
<p>Send <code>Authorization: Bearer &lt;key&gt;</code>. The whole of it as a document: <a href="/openapi.json">openapi.json</a>.
A job's log is a WebSocket too: <code>/ws/{job_id}</code>.</p>
${endpoints.map(section).join('\n')}
</body></html>
`;
  const policy = `default-src 'none'; style-src 'sha256-${styleHash(STYLE)}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
  return { html, policy };
}
