import type { Role } from '@persql/contract'
import { escapeHtml, page } from '../http/page.ts'
import { isDocumentUrl } from './clients.ts'

/** What the page of consent shows and asks. */
export interface ConsentPage {
  readonly clientId: string
  readonly clientName: string
  readonly redirectUri: string
  readonly audience: string
  readonly email: string
  readonly namespace: string
  /** All that may be chosen instead. */
  readonly namespaces: readonly string[]
  readonly databases: readonly string[]
  readonly roles: readonly Role[]
  readonly role: Role
  readonly query: string
  readonly state: string
}

const MEANS: Record<Role, string> = {
  readonly: 'read',
  readwrite: 'read, and change rows',
  admin: 'do everything you may do in them: change tables and delete',
}

/** The address of a request, written as the account library takes addresses to go on to. */
export const backTo = (query: string): string =>
  `/oauth/authorize?${new URLSearchParams(query).toString().replaceAll('*', '%2A')}`

/** The page on which a member lets an app in, or does not. */
export function consentPage(consent: ConsentPage): Response {
  const { clientName, clientId, redirectUri, email, namespace, namespaces, databases, roles, role } = consent
  const { query, state, audience } = consent
  const name = escapeHtml(clientName)
  const blocks = [
    `<p><strong>${name}</strong> asks to use databases of yours ${audience === 'mcp' ? 'through MCP' : 'through the API'}.</p>`,
    isDocumentUrl(clientId)
      ? `<p>It is described at <strong>${escapeHtml(new URL(clientId).host)}</strong>.</p>`
      : '<p class="warning">It registered itself, and anyone can register under any name. Go on only if you started this.</p>',
    `<p>Afterwards your browser is sent to ${destination(redirectUri)}.</p>`,
    `<form method="post" action="/logout"><p class="quiet">You are signed in as ${escapeHtml(email)}.
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
    <fieldset><legend>In the namespace <strong>${namespace}</strong>, it gets to use</legend>
      <label><input type="radio" name="which" value="all" checked> all databases, those to come too</label>
      <label><input type="radio" name="which" value="some"> only these:</label>
      ${databases.map((slug) => `<label><input type="checkbox" name="database" value="${slug}"> ${slug}</label>`).join('')}
    </fieldset>
    <fieldset><legend>In them it may</legend>
      ${roles
        .map(
          (one) =>
            `<label><input type="radio" name="role" value="${one}"${one === role ? ' checked' : ''}> ${MEANS[one]}</label>`,
        )
        .join('')}
    </fieldset>
    <p>It never may do more than you may, and you can show it out at any time.</p>
    <p class="actions"><button name="decision" value="allow">Allow</button> <button class="plain" name="decision" value="deny">Deny</button></p>
  </form>`)
  return page(`Let ${name} in?`, blocks, { formAction: `'self' ${source(redirectUri)}` })
}

const hidden = (name: string, value: string) =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`

function destination(redirectUri: string): string {
  const { protocol, hostname, host } = new URL(redirectUri)
  if (protocol === 'http:') return 'a program on this computer'
  if (protocol === 'https:' && !/^(localhost|127[\d.]+|\[::1\])$/.test(hostname))
    return `<strong>${escapeHtml(host)}</strong>`
  return `the app that opens <strong>${escapeHtml(protocol)}</strong> on this computer`
}

/** Browsers apply the rule for forms to where a form's answer redirects to. */
function source(redirectUri: string): string {
  const { protocol, origin } = new URL(redirectUri)
  // A policy cannot name every address there is, IPv6 for one; and nothing else gets into it.
  return /^https?:\/\/[a-z\d.-]+(:\d+)?$/.test(origin) ? origin : protocol
}
