import {
  Client as ClientOf2026,
  type OAuthClientProvider as ProviderOf2026,
  StreamableHTTPClientTransport as TransportOf2026,
} from '@modelcontextprotocol/client'
import type { OAuthClientProvider as ProviderOf2025 } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client as ClientOf2025 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportOf2025 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { oauthClient, REDIRECT } from '../oauth.ts'
import { type SharedPlatform, sharedPlatform, uniqueName } from '../shared-platform.ts'

let platform: SharedPlatform
let client: ReturnType<typeof oauthClient>
const us = { name: 'test', version: '1' }

beforeAll(async () => {
  platform = await sharedPlatform()
  client = oauthClient(platform, await platform.signUp(`${uniqueName('owner')}@example.com`))
})
afterAll(() => platform.stop())

/** Returns the state of a program with an official client, and the URL it would open in a browser. */
function program() {
  // biome-ignore lint/suspicious/noExplicitAny: the clients get their own values back
  const kept: Record<string, any> = {}
  const keep = (name: string) => (value: unknown) => {
    kept[name] = value
  }
  const provider = {
    redirectUrl: REDIRECT,
    clientMetadata: { client_name: 'Official', redirect_uris: [REDIRECT] },
    clientInformation: () => kept.client,
    saveClientInformation: keep('client'),
    tokens: () => kept.tokens,
    saveTokens: keep('tokens'),
    redirectToAuthorization: keep('opened'),
    saveCodeVerifier: keep('verifier'),
    codeVerifier: () => kept.verifier as string,
    saveDiscoveryState: keep('discovery'),
    discoveryState: () => kept.discovery,
    state: () => 'from the program',
  }
  return { kept, provider }
}

/** Authorizes the program and returns the parameters of the redirect. */
async function letIn(opened: URL): Promise<URLSearchParams> {
  expect(opened.href.startsWith(`${platform.url}/oauth/authorize?`)).toBe(true)
  const { location } = await client.consent(opened.searchParams, {})
  const answer = new URL(location).searchParams
  expect(answer.get('state')).toBe('from the program')
  return answer
}

test.each(['/mcp', '/'])('the official client of 2025 finds its way in at %s, and renews its token', async (path) => {
  const { kept, provider } = program()
  const connect = async () => {
    const agent = new ClientOf2025(us)
    const transport = new TransportOf2025(new URL(path, platform.url), { authProvider: provider as ProviderOf2025 })
    return { agent, transport, connected: agent.connect(transport) }
  }
  const first = await connect()
  await expect(first.connected).rejects.toThrow('Unauthorized')
  const answer = await letIn(kept.opened)
  await first.transport.finishAuth(answer.get('code') ?? '')
  const second = await connect()
  await second.connected
  expect((await second.agent.listTools()).tools).toHaveLength(5)
  await second.agent.close()
  const old = kept.tokens
  await client.form('/oauth/revoke', { token: old.access_token, client_id: kept.client.client_id })
  const third = await connect()
  await third.connected
  expect(kept.tokens.refresh_token).not.toBe(old.refresh_token)
  expect((await third.agent.listTools()).tools).toHaveLength(5)
  await third.agent.close()
})

test('the official client of 2026 finds its way in', async () => {
  const { kept, provider } = program()
  const connect = () => {
    const agent = new ClientOf2026(us, { versionNegotiation: { mode: 'auto' } })
    const authProvider = provider as unknown as ProviderOf2026
    const transport = new TransportOf2026(new URL('/mcp', platform.url), { authProvider })
    return { agent, transport, connected: agent.connect(transport) }
  }
  const first = connect()
  await expect(first.connected).rejects.toThrow()
  await first.transport.finishAuth(await letIn(kept.opened))
  const second = connect()
  await second.connected
  expect((await second.agent.listTools()).tools).toHaveLength(5)
  await second.agent.close()
})
