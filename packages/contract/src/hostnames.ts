import * as z from 'zod'
import { operation } from './operation.ts'
import { Slug, Timestamp } from './values.ts'

/** The maximum number of hostnames per database. */
export const MAX_HOSTNAMES = 20
/** The prefix of the hostname in the name of its TXT record. */
const PREFIX = '_persql.'
/** The name of the TXT record is a DNS name, which has at most 253 characters. */
const MAX_LENGTH = 253 - PREFIX.length
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** At least two labels. The last starts with a letter, because browsers read a name that ends in a number as an IP address. */
const NAME = new RegExp(`^(?:${LABEL}\\.)+(?=[a-z])${LABEL}$`)

/** Returns whether a lowercase text is a DNS name without wildcard or port, and not an IP address. */
export const isHostname = (text: string): boolean =>
  text.length <= MAX_LENGTH && NAME.test(text) && !text.endsWith('.localhost')

/** Returns the name of the TXT record that verifies a hostname. */
export const recordName = (hostname: string): string => PREFIX + hostname

const Name = z
  .string()
  .trim()
  .toLowerCase()
  .refine(
    isHostname,
    `must be a DNS name such as api.example.com: at least 2 labels of letters, digits and hyphens (xn-- for other characters), at most ${MAX_LENGTH} characters, no wildcard or port`,
  )

export const Hostname = z.object({
  hostname: z.string(),
  /** `failed`: the last lookup didn't find the record. Refresh it again at any time. */
  status: z.enum(['pending', 'active', 'failed']),
  /** The record to set. Keep it: every refresh checks it. */
  verification: z.object({ type: z.literal('TXT'), name: z.string(), value: z.string() }),
  /** The target for the CNAME record of the hostname. */
  target: z.string(),
  /** The certificate as Cloudflare reports it; `null` before the hostname is active, and behind your own proxy. */
  certificate: z.object({ status: z.string(), hostnameStatus: z.string(), errors: z.array(z.string()) }).nullable(),
  /** The current problem, if any. An active hostname is still served. */
  error: z.string().nullable(),
  createdAt: Timestamp,
  verifiedAt: Timestamp.nullable(),
})
export type Hostname = z.infer<typeof Hostname>

/** Operations on custom hostnames. */
export const hostnames = {
  list_hostnames: operation({
    summary: 'List the custom hostnames of a database',
    route: 'GET /v1/db/{ns}/{db}/hostnames',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/hostnames', role: 'viewer' },
    input: z.strictObject({ db: Slug }),
    output: z.array(Hostname),
    errors: ['namespace_mismatch', 'database_not_found'],
  }),

  create_hostname: operation({
    summary: 'Add a custom hostname, or get an existing one; it becomes active once its TXT record is found',
    route: 'POST /v1/db/{ns}/{db}/hostnames',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/hostnames', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: Hostname,
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_taken', 'limit_reached'],
  }),

  refresh_hostname: operation({
    summary: "Check a hostname's TXT record and certificate",
    route: 'POST /v1/db/{ns}/{db}/hostnames/{hostname}/refresh',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}/refresh', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: Hostname,
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_not_found', 'hostname_taken', 'dns_unavailable'],
  }),

  delete_hostname: operation({
    summary: 'Delete a hostname; routing stops within a minute, and anyone who verifies ownership can add the hostname',
    route: 'DELETE /v1/db/{ns}/{db}/hostnames/{hostname}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_not_found'],
  }),
}
