const ENTITIES: { readonly [character: string]: string } = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text as it stands in HTML, in an attribute too. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string)

/** What a page may do beyond being read. */
export interface PageOptions {
  readonly status?: number
  /** Where its forms may lead, redirects included: sources of a Content-Security-Policy. */
  readonly formAction?: string
}

/** A page that runs no script, loads nothing and stands in no frame. `blocks` are HTML. */
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
  :root { color-scheme: light dark }
  body { font: 1rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem }
  code { overflow-wrap: anywhere }
  label, fieldset { display: block; margin: 0.5rem 0 }
  input:not([type=radio], [type=checkbox]), select, button { font: inherit; padding: 0.4rem 0.6rem; max-width: 100% }
  .warning { border-left: 4px solid #c60; padding-left: 0.75rem }
</style>
<h1>${title}</h1>
${blocks.map((text) => (text.startsWith('<') ? text : `<p>${text}</p>`)).join('\n')}
</html>
`
  return new Response(html, {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action ${formAction ?? "'none'"}; frame-ancestors 'none'`,
      'X-Frame-Options': 'DENY',
      // With "no-referrer" browsers would call the origin of a form "null", and it is what forms are known by.
      'Referrer-Policy': formAction ? 'same-origin' : 'no-referrer',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    },
  })
}
