import { PerSQLError } from '@persql/contract'
import type { Env } from '../env.ts'
import { txtRecords } from './txt-records.ts'

/** Looks TXT records up. */
export interface TxtResolver {
  /** The values at a name, none when there is no such name. @throws PerSQLError `dns_unavailable` */
  txt(name: string): Promise<string[]>
}

const TIMEOUT_MS = 5_000

/** DNS over HTTPS, answered in JSON: Cloudflare's resolver, or the one in `DNS_RESOLVER_URL`. */
export function resolverOf(env: Env): TxtResolver {
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
