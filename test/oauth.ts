import { createHash, randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { PlatformClient } from './harness.ts'
import { speaker } from './mcp/rpc.ts'

/** The redirect URI of the test clients. */
export const REDIRECT = 'http://127.0.0.1:7777/callback'
type Session = Awaited<ReturnType<PlatformClient['signUp']>>

/** Deviations from the default in one flow. */
export interface Flow {
  session?: Session
  clientId?: string
  redirect?: string
  resource?: string
  namespace?: string
  choice?: Record<string, string>
  query?: Record<string, string | undefined>
}

/** Returns a new verifier and its challenge. */
export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** Returns the hidden fields of the form with this `action`. */
export const parseHiddenFields = (html: string, action: string) => {
  const form = html.split('<form ').find((part) => part.includes(`method="post" action="${action}"`)) ?? ''
  return Object.fromEntries(
    [...form.matchAll(/type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [
      name as string,
      (value as string).replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'"),
    ]),
  )
}

/** Returns a handwritten OAuth client with the browser of the user who authorizes it. */
export function oauthClient(platform: PlatformClient, owner: Session) {
  async function register(body: object = {}) {
    const answer = await platform.request('/oauth/register', {
      body: { client_name: 'Test agent', redirect_uris: [REDIRECT], ...body },
    })
    return answer
  }

  function createQuery(clientId: string, challenge: string, { redirect = REDIRECT, resource, query = {} }: Flow) {
    const all: Record<string, string | undefined> = {
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirect,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: 'st&te',
      resource: resource ?? `${platform.url}/mcp`,
      ...query,
    }
    return new URLSearchParams(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined))
  }

  const go = (path: string, init: RequestInit & { cookie?: string } = {}) => {
    const { cookie, headers, ...rest } = init
    return fetch(platform.url + path, {
      redirect: 'manual',
      ...rest,
      headers: { ...(cookie && { cookie }), ...(rest.method === 'POST' && { origin: platform.url }), ...headers },
    })
  }

  /** Opens the consent page and submits its form. */
  async function consent(query: URLSearchParams, { session = owner, choice = {} }: Flow, headers: HeadersInit = {}) {
    const page = await go(`/oauth/authorize?${query}`, { cookie: session.cookie })
    const fields = parseHiddenFields(await page.text(), '/oauth/authorize')
    const body = new URLSearchParams({ ...fields, which: 'all', role: 'readwrite', decision: 'allow', ...choice })
    const response = await go('/oauth/authorize', { method: 'POST', cookie: session.cookie, headers, body })
    return { page, fields, response, location: response.headers.get('location') ?? '' }
  }

  async function code(flow: Flow = {}) {
    const { verifier, challenge } = pkce()
    const clientId = flow.clientId ?? ((await register()).body.client_id as string)
    const namespace = flow.namespace ? { namespace: flow.namespace } : {}
    const query = createQuery(clientId, challenge, { ...flow, query: { ...namespace, ...flow.query } })
    const { location, response } = await consent(query, flow)
    const answer = new URL(location || 'http://none/').searchParams
    return { clientId, verifier, response, location, answer, code: answer.get('code') ?? '' }
  }

  const form = (path: string, fields: Record<string, string>) =>
    platform.request(path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })

  const exchange = (given: { clientId: string; verifier: string; code: string }, more: Record<string, string> = {}) =>
    form('/oauth/token', {
      grant_type: 'authorization_code',
      code: given.code,
      client_id: given.clientId,
      redirect_uri: REDIRECT,
      code_verifier: given.verifier,
      ...more,
    })

  const refresh = (clientId: string, refresh_token: string) =>
    form('/oauth/token', { grant_type: 'refresh_token', client_id: clientId, refresh_token })

  async function tokens(flow: Flow = {}) {
    const given = await code(flow)
    const { status, body } = await exchange(given)
    expect([status, body.error_description]).toEqual([200, undefined])
    return {
      clientId: given.clientId,
      access: body.access_token as string,
      refresh: body.refresh_token as string,
      body,
    }
  }

  const query = (token: string, sql = 'SELECT 1 AS n', database = 'main') =>
    speaker(platform, token, '/mcp?tools=all').send('tools/call', { name: 'query', arguments: { database, sql } })
  const worked = async (token: string, sql?: string, database?: string) => {
    const { status, body } = await query(token, sql, database)
    return status === 200 && body.result.isError === undefined
  }

  return { register, createQuery, go, consent, code, form, exchange, refresh, tokens, query, worked }
}
