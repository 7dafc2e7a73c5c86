import type { Role } from '@persql/contract'
import { escapeHtml, page } from '../http/pages/html-page.ts'
import { isDocumentUrl } from '../oauth-server/clients.ts'

/** The contents of the consent page. */
export interface ConsentPage {
  readonly clientId: string
  readonly clientName: string
  readonly redirectUri: string
  readonly audience: string
  readonly email: string
  readonly namespace: string
  /** All namespaces that the member can choose. */
  readonly namespaces: readonly string[]
  readonly databases: readonly string[]
  readonly roles: readonly Role[]
  readonly role: Role
  readonly query: string
  readonly state: string
}

const MEANS: Record<Role, string> = {
  readonly: 'Read rows and the schema',
  readwrite: 'Read and change rows',
  admin: 'Full access within your own role: also change the schema and delete databases',
}

/** Returns the URL of an authorization request in a form that the account library accepts as a return URL. */
export const backTo = (query: string): string =>
  `/oauth/authorize?${new URLSearchParams(query).toString().replaceAll('*', '%2A')}`

/** Returns the page on which a member authorizes an app. */
export function consentPage(consent: ConsentPage): Response {
  const { clientName, clientId, redirectUri, email, namespace, namespaces, databases, roles, role } = consent
  const { query, state, audience } = consent
  const name = escapeHtml(clientName)
  const blocks = [
    `<p><strong>${name}</strong> wants to access your databases ${audience === 'mcp' ? 'over MCP' : 'through the API'}.</p>`,
    isDocumentUrl(clientId)
      ? `<p>Published by <strong>${escapeHtml(new URL(clientId).host)}</strong>.</p>`
      : `<p class="warning">This app registered itself, and its name isn't verified. Authorize it only if you started this request.</p>`,
    `<p>After you authorize the app, you're redirected to ${destination(redirectUri)}.</p>`,
    `<form method="post" action="/logout"><p class="quiet">You're signed in as ${escapeHtml(email)}.
      ${hidden('return', backTo(query))}<button class="link">Use another account</button></p></form>`,
  ]
  if (namespaces.length > 1) {
    const fields = [...new URLSearchParams(query)].filter(([key]) => key !== 'namespace')
    blocks.push(`<form method="get" action="/oauth/authorize" class="chosen">${fields.map(([key, value]) => hidden(key, value)).join('')}
      <label>Namespace <select name="namespace">${namespaces
        .map((slug) => `<option${slug === namespace ? ' selected' : ''}>${slug}</option>`)
        .join('')}</select></label> <button class="plain">Choose</button></form>`)
  }
  blocks.push(`<form method="post" action="/oauth/authorize">
    ${hidden('query', query)}${hidden('namespace', namespace)}${hidden('state', state)}
    <fieldset><legend>Databases in <strong>${namespace}</strong></legend>
      <label><input type="radio" name="which" value="all" checked> All databases, including future ones</label>
      <label><input type="radio" name="which" value="some"> Only selected databases:</label>
      ${databases.map((slug) => `<label><input type="checkbox" name="database" value="${slug}"> ${slug}</label>`).join('')}
    </fieldset>
    <fieldset><legend>Access</legend>
      ${roles
        .map(
          (one) =>
            `<label><input type="radio" name="role" value="${one}"${one === role ? ' checked' : ''}> ${MEANS[one]}</label>`,
        )
        .join('')}
    </fieldset>
    <p>The app can never do more than you can. You can revoke access at any time.</p>
    <p class="actions"><button name="decision" value="allow">Authorize</button> <button class="plain" name="decision" value="deny">Cancel</button></p>
  </form>`)
  return page(`Authorize ${name}?`, blocks, { formAction: `'self' ${source(redirectUri)}` })
}

const hidden = (name: string, value: string) =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`

function destination(redirectUri: string): string {
  const { protocol, hostname, host } = new URL(redirectUri)
  if (protocol === 'http:') return 'an app on this computer'
  if (protocol === 'https:' && !/^(localhost|127[\d.]+|\[::1\])$/.test(hostname))
    return `<strong>${escapeHtml(host)}</strong>`
  return `the app that handles <strong>${escapeHtml(protocol)}</strong> links on this computer`
}

/** Returns the CSP source of the redirect, because browsers also apply `form-action` to redirects after a form. */
function source(redirectUri: string): string {
  const { protocol, origin } = new URL(redirectUri)
  // A policy can't contain every host, such as an IPv6 address. Only safe characters get into it.
  return /^https?:\/\/[a-z\d.-]+(:\d+)?$/.test(origin) ? origin : protocol
}
