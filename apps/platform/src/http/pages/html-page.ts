const ENTITIES: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes a text for HTML, including attributes. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string)

/** The options of a page. */
export interface PageOptions {
  readonly status?: number
  /** The CSP sources for its forms and their redirects. */
  readonly formAction?: string
}

/** The logo, inline because the page can't load anything. */
const MARK = `<svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b7a6f"/><g
 fill="none" stroke="#fff" stroke-width="2.5"><ellipse cx="16" cy="10" rx="8" ry="3.2"/><path
 d="M8 10v12c0 1.8 3.6 3.2 8 3.2s8-1.4 8-3.2V10M8 16c0 1.8 3.6 3.2 8 3.2s8-1.4 8-3.2"/></g></svg>`

/** Returns a page that runs no script, loads nothing and can't be framed. `blocks` are HTML. */
export function page(
  title: string,
  blocks: readonly string[],
  { status = 200, formAction }: PageOptions = {},
): Response {
  const nonce = crypto.randomUUID()
  const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style nonce="${nonce}">
  :root { color-scheme: light dark; --line: light-dark(#dde1e6, #2a313a); --strong: light-dark(#858d97, #6b7682);
    --muted: light-dark(#56606b, #9ca7b3); --accent: light-dark(#0b7a6f, #3ed1bd); --warning: light-dark(#854700, #f5b661);
    --surface: light-dark(#fff, #14181d); --sunken: light-dark(#eef0f2, #090b0e) }
  * { box-sizing: border-box }
  body { font: 0.9375rem/1.6 ui-sans-serif, system-ui, sans-serif; margin: 0; padding: 8vh 1rem; min-height: 100vh;
    background: light-dark(#f6f7f8, #0c0f12); color: light-dark(#14181d, #e8ebef) }
  main { max-width: 34rem; margin: 0 auto; padding: 2rem; background: var(--surface); border: 1px solid var(--line);
    border-radius: 0.75rem; overflow-wrap: anywhere }
  .brand { max-width: 34rem; margin: 0 auto 1rem; font-weight: 600; display: flex; align-items: center; gap: 0.5rem }
  h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 1rem; text-wrap: balance }
  a { color: var(--accent) }
  input[type=radio], input[type=checkbox] { margin: 0 0.35rem 0 0 }
  pre { padding: 0.75rem; background: var(--sunken); border: 1px solid var(--line); border-radius: 0.5rem;
    white-space: pre-wrap; overflow-wrap: anywhere }
  code { font: 0.875rem ui-monospace, monospace }
  label { display: block; margin: 0.75rem 0 }
  fieldset { margin: 1rem 0; border: 1px solid var(--line); border-radius: 0.5rem }
  input:not([type=radio], [type=checkbox]), select { display: block; width: 100%; font: inherit; min-height: 2.5rem;
    padding: 0.4rem 0.75rem; color: inherit; background: var(--surface); border: 1px solid var(--strong); border-radius: 0.5rem }
  input[type=radio], input[type=checkbox] { accent-color: var(--accent) }
  button, .button { display: inline-block; font: inherit; font-weight: 500; min-height: 2.5rem; padding: 0.4rem 1rem; cursor: pointer;
    color: light-dark(#fff, #04211d); background: var(--accent); border: 1px solid transparent; border-radius: 0.5rem;
    text-decoration: none }
  button.plain, .button.plain { color: inherit; background: none; border-color: var(--strong) }
  button.link { min-height: 0; padding: 0; color: var(--accent); background: none; text-decoration: underline }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
  fieldset { padding: 0.25rem 1rem 0.5rem }
  legend { padding: 0 0.35rem; margin-left: -0.35rem }
  .chosen { display: flex; align-items: end; gap: 0.5rem; margin: 1rem 0 }
  .chosen label { flex: 1; margin: 0 }
  .actions { margin: 1.25rem 0 }
  .quiet { color: var(--muted); font-size: 0.875rem }
  .warning { border-left: 4px solid var(--warning); padding-left: 0.75rem }
</style>
<header class="brand">${MARK} PerSQL</header>
<main>
<h1>${title}</h1>
${blocks.map((text) => (/^<(?!strong)/.test(text) ? text : `<p>${text}</p>`)).join('\n')}
</main>
</html>
`
  return new Response(html, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action ${formAction ?? "'none'"}; frame-ancestors 'none'`,
      'X-Frame-Options': 'DENY',
      // With "no-referrer", browsers would send the origin "null" with a form, and forms are verified by their origin.
      'Referrer-Policy': formAction ? 'same-origin' : 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    },
  })
}
