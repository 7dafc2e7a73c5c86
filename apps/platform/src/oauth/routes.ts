import { PerSQLError } from '@persql/contract'
import { describeIssue, toSentence } from '@persql/endpoint-spec'
import { Hono } from 'hono'
import type * as z from 'zod'
import { isNamespace } from '../api/authenticate.ts'
import { assertRoomForRoute } from '../api/disk-rules.ts'
import { namespaceObject } from '../api/objects.ts'
import { type Context, getContext } from '../context.ts'
import type { Env } from '../env.ts'
import { readBody } from '../http/rest/body.ts'
import { clientAddress } from '../http/rest/client-address.ts'
import { FixedWindowCounter } from '../http/rest/flood-control.ts'
import { formatAllow, optionsReply } from '../http/rest/methods.ts'
import { toNetwork } from '../ip-address.ts'
import { parseObject } from '../json-object.ts'
import { ClientMetadata } from '../oauth-server/client-metadata.ts'
import { clientStore } from '../oauth-server/clients.ts'
import { createOAuthError } from '../oauth-server/error-response.ts'
import { answerAs, listResources } from '../oauth-server/server.ts'
import { parseNamespace } from '../token.ts'

const MAX_BODY = 64 * 1024
const REGISTRATIONS_PER_HOUR = 60
const registrations = new FixedWindowCounter(60 * 60 * 1000)

/** These routes ignore cookies, so pages of all sites can call them. */
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET, POST, OPTIONS',
  'Access-Control-Allow-Headers': 'Content-Type, MCP-Protocol-Version',
  'Access-Control-Max-Age': '86400',
}

/** Returns the OAuth routes that clients call without a browser: metadata, registration, tokens, revocation. */
export function oauthRoutes(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  const resource = (name: keyof ReturnType<typeof listResources>) => (request: Request, env: Env) => {
    const { baseUrl } = getContext(request, env)
    return json({
      resource: listResources(baseUrl)[name],
      authorization_servers: [baseUrl],
      // Clients request the scopes listed here. The member makes the final choice.
      scopes_supported: ['readwrite'],
      bearer_methods_supported: ['header'],
      resource_name: 'PerSQL',
    })
  }
  const doors: Record<string, (request: Request, env: Env) => Promise<Response> | Response> = {
    'GET /.well-known/oauth-protected-resource': resource('root'),
    'GET /.well-known/oauth-protected-resource/mcp': resource('mcp'),
    'GET /.well-known/oauth-protected-resource/v1': resource('v1'),
    'GET /.well-known/oauth-authorization-server': metadata,
    'POST /oauth/register': register,
    'POST /oauth/token': (request, env) => answerToken(request, env, false),
    'POST /oauth/revoke': (request, env) => answerToken(request, env, true),
  }
  for (const [door, answer] of Object.entries(doors)) {
    const [method = '', path = ''] = door.split(' ')
    app.options(path, () => optionsReply(formatAllow([method]), CORS))
    app.on(method, path, async (c) => {
      const response = await Promise.resolve(answer(c.req.raw, c.env)).catch((cause: unknown) =>
        refused(cause, getContext(c.req.raw, c.env).requestId),
      )
      const headers = new Headers(response.headers)
      for (const [name, value] of Object.entries(CORS)) headers.set(name, value)
      return new Response(response.body, { status: response.status, headers })
    })
  }
  return app
}

async function metadata(request: Request, env: Env): Promise<Response> {
  const { baseUrl } = getContext(request, env)
  const response = await answerAs(baseUrl, '/.well-known/oauth-authorization-server', {}, clientStore(env))
  return json({
    ...((await response.json()) as object),
    grant_types_supported: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint: `${baseUrl}/oauth/revoke`,
    revocation_endpoint_auth_methods_supported: ['none'],
    client_id_metadata_document_supported: true,
  })
}

/** Registers a public client, even if it requests a secret: a secret that every installation shares isn't one. */
async function register(request: Request, env: Env): Promise<Response> {
  assertRoomForRoute('POST /oauth/register')
  const ctx = getContext(request, env)
  const waitS = registrations.waitS(toNetwork(clientAddress(request, ctx.settings)), REGISTRATIONS_PER_HOUR, Date.now())
  if (waitS > 0) {
    const response = failure(429, 'temporarily_unavailable', 'Too many registrations. Try again later.')
    response.headers.set('Retry-After', String(waitS))
    return response
  }
  const sent = parseObject(await readBody(request, MAX_BODY, ctx.settings))
  const given = ClientMetadata.safeParse(sent, { error: describeIssue(ClientMetadata) })
  if (!given.success) {
    const issue = given.error.issues[0] as z.core.$ZodIssue
    const code = issue.path[0] === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata'
    return failure(400, code, toSentence(issue))
  }
  const body = JSON.stringify({
    ...given.data,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  })
  const headers = { 'Content-Type': 'application/json' }
  return answerAs(ctx.baseUrl, '/oauth/register', { method: 'POST', headers, body }, clientStore(env))
}

/** Responds to the token endpoint. Codes and tokens contain their namespace, which stores their records. */
async function answerToken(request: Request, env: Env, revokes: boolean): Promise<Response> {
  const ctx = getContext(request, env)
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers.get('Content-Type') ?? '')) {
    return failure(400, 'invalid_request', 'Send application/x-www-form-urlencoded.')
  }
  const form = new URLSearchParams(await readBody(request, MAX_BODY, ctx.settings))
  // The library recognizes a revocation by its missing parameters.
  if (revokes) for (const name of ['grant_type', 'code', 'refresh_token']) form.delete(name)
  else form.delete('token')
  const namespace = await namespaceFor(form, ctx)
  const { status, headers, body } =
    namespace === undefined
      ? createOAuthError(form)
      : await namespaceObject(env, namespace).apps.answer(ctx.baseUrl, form.toString())
  return new Response(body, { status, headers })
}

async function namespaceFor(form: URLSearchParams, ctx: Context): Promise<string | undefined> {
  const namespace = parseNamespace(form.get('code') ?? form.get('refresh_token') ?? form.get('token') ?? '')
  return namespace !== null && (await isNamespace(ctx, namespace)) ? namespace : undefined
}

function refused(cause: unknown, requestId: string): Response {
  const error = PerSQLError.from(cause)
  if (error.code === 'oauth_client_invalid') return failure(401, 'invalid_client', error.message)
  if (error.code === 'token_unknown') return failure(400, 'invalid_grant', error.message)
  if (error.code === 'storage_full') return failure(error.status, 'temporarily_unavailable', error.message)
  if (error.status < 500) return failure(error.status, 'invalid_request', error.message)
  console.error(JSON.stringify({ level: 'error', event: 'oauth_failed', requestId, cause: String(cause) }))
  return failure(503, 'temporarily_unavailable', `Something went wrong. Try again. Request ID: ${requestId}.`)
}

const json = (body: object, status = 200): Response =>
  Response.json(body, { status, headers: { 'Cache-Control': status === 200 ? 'max-age=300' : 'no-store' } })

const failure = (status: number, error: string, description: string): Response =>
  json({ error, error_description: description }, status)
