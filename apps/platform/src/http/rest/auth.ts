import { PerSQLError } from '@persql/contract'
import { ADDRESS_HEADER, getAuth } from '../../accounts/auth.ts'
import { callerNetwork } from '../../accounts/passwords.ts'
import { assertRoomForAuth } from '../../api/disk-rules.ts'
import { getContext } from '../../context.ts'
import type { Env } from '../../env.ts'
import { toNetwork } from '../../ip-address.ts'
import { assertShallow } from '../../json-object.ts'
import { getSettings } from '../../settings.ts'
import { readBody } from './body.ts'
import { clientAddress } from './client-address.ts'

const MAX_BODY = 64 * 1024
const LOCAL = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Responds on Better Auth's routes: sign-up, sign-in, sign-out, verification, password reset, GitHub and Google.
 * @throws PerSQLError `origin_refused`, `body_too_large`, `storage_full`, or `invalid_input` for JSON with too many levels of nesting
 */
export async function answerAuth(request: Request, env: Env): Promise<Response> {
  const body = request.method === 'POST' ? await readBody(request, MAX_BODY, getSettings(env)) : undefined
  if (body && /\bjson\b/i.test(request.headers.get('Content-Type') ?? '')) assertShallow(body)
  return ask(request, request.url, request.method, body, env)
}

/** Calls a route of Better Auth for a server-rendered form. @throws PerSQLError `origin_refused` or `storage_full` */
export function callAuth(request: Request, path: string, body: object, env: Env): Promise<Response> {
  return ask(request, getContext(request, env).baseUrl + path, 'POST', JSON.stringify(body), env)
}

async function ask(
  request: Request,
  url: string,
  method: string,
  body: string | undefined,
  env: Env,
): Promise<Response> {
  const { baseUrl, settings } = getContext(request, env)
  assertRoomForAuth(method, new URL(url).pathname)
  const { hostname, origin } = new URL(baseUrl)
  // If the first account owns the instance, an attacker's page could claim it through a hostname that resolves to this
  // machine.
  if (env.PERSQL_FIRST_OWNS && !LOCAL.test(hostname))
    throw new PerSQLError('origin_refused', { origin, instead: 'Open the console at localhost or 127.0.0.1.' })
  const headers = new Headers(request.headers)
  const address = clientAddress(request, settings)
  headers.set(ADDRESS_HEADER, address)
  headers.delete('Content-Length')
  if (url !== request.url) headers.set('Content-Type', 'application/json')
  // Not a browser, which would send at least one of these headers. Better Auth would treat the request as a browser
  // that hides its origin.
  if (!headers.has('Origin') && !headers.has('Sec-Fetch-Site')) headers.set('Origin', origin)
  const response = await callerNetwork.run(toNetwork(address), () =>
    getAuth(env, baseUrl).handler(new Request(url, { method, headers, body })),
  )
  const seconds = response.headers.get('X-Retry-After')
  return seconds === null ? response : rateLimited(seconds)
}

/** Returns the response to a rate-limited request. It also has the fields of the account library's errors. */
function rateLimited(seconds: string): Response {
  const error = new PerSQLError('rate_limited', { seconds })
  const headers = { 'Retry-After': seconds }
  return Response.json({ ...error.toJSON(), message: error.message }, { status: error.status, headers })
}
