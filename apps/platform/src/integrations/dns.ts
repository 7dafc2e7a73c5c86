import { PerSQLError } from '@persql/contract'
import type { Env } from '../env.ts'
import { txtRecords } from './txt-records.ts'

/** Looks up TXT records. */
export interface TxtResolver {
  /** Returns the values at a name, or an empty list if the name doesn't exist. @throws PerSQLError `dns_unavailable` */
  txt(name: string): Promise<string[]>
}

const TIMEOUT_MS = 5_000

/** Returns a resolver for DNS over HTTPS in JSON: Cloudflare's, or the one in `DNS_RESOLVER_URL`. */
export function createTxtResolver(env: Env): TxtResolver {
  const url = env.DNS_RESOLVER_URL ?? 'https://cloudflare-dns.com/dns-query'
  return {
    async txt(name) {
      try {
        const response = await fetch(`${url}?${new URLSearchParams({ name, type: 'TXT' })}`, {
          headers: { Accept: 'application/dns-json' },
          signal: AbortSignal.timeout(TIMEOUT_MS),
        })
        const text = await response.text()
        if (!response.ok) throw new Error(`The DNS resolver responded with ${response.status}.`)
        return txtRecords(text)
      } catch (cause) {
        console.error(JSON.stringify({ level: 'warn', event: 'dns_failed', name, cause: String(cause) }))
        throw new PerSQLError('dns_unavailable', { name }, { cause })
      }
    },
  }
}
