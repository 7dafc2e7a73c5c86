import type { Hostname } from '@persql/contract'
import * as z from 'zod'
import type { Env } from '../env.ts'

type Certificate = NonNullable<Hostname['certificate']>

/** Manages certificates for tenants' hostnames. Every call can be repeated, because each begins with a lookup. */
export interface CustomHostnames {
  /**
   * Returns the state of a hostname's certificate, which is requested first if necessary. @throws Error if Cloudflare
   * fails
   */
  ensure(hostname: string): Promise<Certificate>
  /** Removes a hostname, if Cloudflare knows it. @throws Error if Cloudflare fails */
  remove(hostname: string): Promise<void>
}

const TIMEOUT_MS = 10_000

const Problems = z.array(z.unknown()).nullish()
const Known = z.object({
  id: z.string().min(1),
  hostname: z.string(),
  status: z.string().default('unknown'),
  verification_errors: Problems,
  ssl: z.object({ status: z.string().default('unknown'), validation_errors: Problems }).nullish(),
})
type Known = z.output<typeof Known>
const Found = z.object({ result: z.array(Known) })
const Created = z.object({ result: Known })

/** Returns a client for Cloudflare for SaaS, if it is set up. Otherwise, the operator's proxy manages certificates. */
export function createCustomHostnames(env: Env): CustomHostnames | undefined {
  const { CLOUDFLARE_API_TOKEN: token, CLOUDFLARE_ZONE_ID: zone } = env
  if (!token && !zone) return undefined
  if (!token || !zone) throw new Error('Set both CLOUDFLARE_API_TOKEN and CLOUDFLARE_ZONE_ID.')
  const base = `${env.CLOUDFLARE_API_URL ?? 'https://api.cloudflare.com/client/v4'}/zones/${zone}/custom_hostnames`
  const call = (method: string, path: string, body?: object) => ask(base + path, token, method, body)
  const find = async (hostname: string): Promise<Known | undefined> => {
    const { result } = Found.parse(await call('GET', `?${new URLSearchParams({ hostname, per_page: '50' })}`))
    // Cloudflare also returns hostnames that contain the requested one.
    return result.find((known) => known.hostname === hostname)
  }
  return {
    async ensure(hostname) {
      const known = await find(hostname)
      if (known) return toCertificate(known)
      const body = { hostname, ssl: { method: 'http', type: 'dv' } }
      return toCertificate(Created.parse(await call('POST', '', body)).result)
    },
    async remove(hostname) {
      const known = await find(hostname)
      if (known) await call('DELETE', `/${encodeURIComponent(known.id)}`)
    },
  }
}

async function ask(url: string, token: string, method: string, body: object | undefined): Promise<unknown> {
  const response = await fetch(url, {
    method,
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  })
  const text = await response.text()
  const isGone = method === 'DELETE' && response.status === 404
  if (!response.ok && !isGone) throw new Error(`Cloudflare responded with ${response.status}: ${text.slice(0, 300)}`)
  return isGone ? undefined : JSON.parse(text)
}

function toCertificate({ status, ssl, verification_errors }: Known): Certificate {
  const problems = [...(ssl?.validation_errors ?? []), ...(verification_errors ?? [])]
  return {
    status: ssl?.status ?? 'unknown',
    hostnameStatus: status,
    errors: problems.map(getMessage).filter((text) => text !== ''),
  }
}

/** Returns the message of a problem. Cloudflare sends strings in one field, and `{ message }` in the other. */
function getMessage(problem: unknown): string {
  const { message = problem } = Object(problem) as { message?: unknown }
  return typeof message === 'string' ? message.slice(0, 500) : ''
}
