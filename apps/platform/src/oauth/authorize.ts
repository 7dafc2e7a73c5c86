import { AuthorizationError, type AuthRequest, authorizationErrorRedirect } from '@cloudflare/workers-oauth-provider'
import { PerSQLError, type Role } from '@persql/contract'
import { Hono } from 'hono'
import type { Account } from '../accounts/auth.ts'
import { authenticateAccount, getMemberAccess } from '../api/authenticate.ts'
import { assertRoomForRoute } from '../api/disk-rules.ts'
import { directoryObject, namespaceObject } from '../api/objects.ts'
import { accounts } from '../api/operations/accounts.ts'
import { type Context, getContext } from '../context.ts'
import type { Env } from '../env.ts'
import { isSigned, signForm } from '../http/pages/form-state.ts'
import { escapeHtml, page } from '../http/pages/html-page.ts'
import { getSignedInAccount } from '../http/pages/sign-in-blocks.ts'
import { readBody } from '../http/rest/body.ts'
import { clientStore, isDocumentUrl } from '../oauth-server/clients.ts'
import { authorizationServer, getAudience, REGISTRATION_S, scopes } from '../oauth-server/server.ts'
import { toRequestError } from '../reply.ts'
import { explainFailure } from '../storage/sqlite-failures.ts'
import { backTo, consentPage } from './consent-page.ts'

const MAX_QUERY = 6_000
const MAX_BODY = 64 * 1024

/** Returns the routes of the consent page and its form. */
export function authorize(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/oauth/authorize', (c) => {
    const ctx = getContext(c.req.raw, c.env)
    return shown(ctx.requestId, () => ask(ctx, new URL(c.req.raw.url).search.slice(1)))
  })
  app.post('/oauth/authorize', (c) => {
    const ctx = getContext(c.req.raw, c.env)
    return shown(ctx.requestId, () => decide(ctx, c.req.raw))
  })
  return app
}

/** Shows the consent page, after signing in if necessary. */
async function ask(ctx: Context, query: string): Promise<Response> {
  const account = await getSignedInAccount(ctx)
  const params = new URLSearchParams(query)
  // A metadata URL is fetched for signed-in users only.
  if (!account && isDocumentUrl(params.get('client_id') ?? '')) return toLogin(query)
  const request = await parsed(ctx, query)
  if (!account) return toLogin(query)
  const memberships = await accounts.list_my_namespaces({}, { ...ctx, account })
  const namespaces = memberships.map(({ slug }) => slug)
  const wanted = params.get('namespace')
  const namespace = wanted !== null && namespaces.includes(wanted) ? wanted : namespaces[0]
  if (namespace === undefined) {
    return page('No namespace', [
      "You're not a member of any namespace yet. Create one in the console, or ask a teammate to invite you. Then go back to the app and start again.",
      '<p><a href="/">Go to the console</a></p>',
    ])
  }
  const object = namespaceObject(ctx.env, namespace)
  const [databases, highest, client] = await Promise.all([
    object.listDatabases(),
    object.apps.highestRole(account.userId, null),
    api(ctx).lookupClient(request.clientId),
  ])
  const roles = scopes.slice(0, scopes.indexOf(highest) + 1)
  // Clients tend to request every scope they find, so the smallest is preselected: the member can choose more.
  const asked = roles.find((role) => request.scope.includes(role))
  return consentPage({
    clientId: request.clientId,
    clientName: client?.clientName ?? 'Unnamed app',
    redirectUri: request.redirectUri,
    audience: getAudience(request.resource),
    email: account.email,
    namespace,
    namespaces,
    databases: databases.items.map(({ slug }) => slug),
    roles,
    role: asked ?? roles.findLast((role) => role !== 'admin') ?? 'readonly',
    query,
    state: await signForm(ctx.env, { userId: account.userId, query, namespace }),
  })
}

/** Handles the form. Only the account that it was signed for can submit it. */
async function decide(ctx: Context, raw: Request): Promise<Response> {
  assertRoomForRoute('POST /oauth/authorize')
  const form = new URLSearchParams(await readBody(raw, MAX_BODY, ctx.settings))
  const account = await authenticateAccount(ctx)
  const given = (name: string) => form.get(name) ?? ''
  const [query, namespace] = [given('query'), given('namespace')]
  const subject = { userId: account.userId, query, namespace }
  if (!(await isSigned(ctx.env, subject, given('state'))))
    throw new PerSQLError('oauth_form_expired', { instead: 'Go back to the app and start again.' })
  const request = await parsed(ctx, query)
  if (given('decision') !== 'allow') return redirect(authorizationErrorRedirect(request, 'access_denied'))
  await getMemberAccess(ctx, account, namespace)
  const role = scopes.find((one) => one === given('role'))
  const databases = form.getAll('database')
  if (!role || (given('which') === 'some' && databases.length === 0)) {
    throw new PerSQLError('invalid_input', { problem: 'Choose the access and at least one database.' })
  }
  const chosen = given('which') === 'all' ? null : databases
  return redirect(await allow(ctx, request, account, namespace, role, chosen))
}

async function allow(
  ctx: Context,
  request: AuthRequest,
  { userId }: Account,
  namespace: string,
  role: Role,
  databases: readonly string[] | null,
): Promise<string> {
  const client = await api(ctx).lookupClient(request.clientId)
  const clientName = client?.clientName ?? 'Unnamed app'
  // Extend the registration first, so that it lives as long as the grant.
  await directoryObject(ctx.env).oauthClients.markUsed(request.clientId, REGISTRATION_S * 1000)
  return namespaceObject(ctx.env, namespace).apps.approve(ctx.baseUrl, request, { userId, role, databases, clientName })
}

const api = (ctx: Context) => authorizationServer(ctx.baseUrl).getOAuthApi({ OAUTH_KV: clientStore(ctx.env) })

async function parsed(ctx: Context, query: string): Promise<AuthRequest> {
  if (query.length > MAX_QUERY) throw new PerSQLError('invalid_input', { problem: 'The request is too long.' })
  return api(ctx).parseAuthRequest(new Request(`${ctx.baseUrl}/oauth/authorize?${query}`))
}

/** Reports an error to the app if it has a valid redirect URI, and to the user otherwise. */
async function shown(requestId: string, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof AuthorizationError) {
      const { redirectTo } = cause
      return redirectTo ? redirect(redirectTo) : problem(400, cause.description ?? cause.code)
    }
    const error = toRequestError(await explainFailure(cause), requestId)
    return problem(error.status, error.message)
  }
}

const problem = (status: number, text: string) => page('Something went wrong', [escapeHtml(text)], { status })

const toLogin = (query: string) => redirect(`/login?${new URLSearchParams({ return: backTo(query) })}`)

const redirect = (location: string) =>
  new Response(null, {
    status: 303,
    headers: { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  })
