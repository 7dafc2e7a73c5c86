import * as z from 'zod'
import { operation } from './operation.ts'
import { Moment, Slug } from './values.ts'

/** How many hostnames may lead to one database. */
export const MAX_HOSTNAMES = 20
/** Where the TXT record of a hostname is looked for: this, then the hostname. */
const PREFIX = '_persql.'
/** A DNS name has at most 253 characters, and that of the TXT record is one too. */
const MAX_LENGTH = 253 - PREFIX.length
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
/** Two labels at least. The last starts with a letter: a name that ends in a number is read as an address by browsers. */
const NAME = new RegExp(`^(?:${LABEL}\\.)+(?=[a-z])${LABEL}$`)

/** Whether a text, in lower case already, is a name that may be mapped to a database: no address, wildcard or port. */
export const isHostname = (text: string): boolean =>
  text.length <= MAX_LENGTH && NAME.test(text) && !text.endsWith('.localhost')

/** The name of the TXT record that proves whose a hostname is. */
export const recordName = (hostname: string): string => PREFIX + hostname

const Name = z
  .string()
  .trim()
  .toLowerCase()
  .refine(
    isHostname,
    `must be a DNS name such as api.example.com: at least two labels of letters, digits and hyphens (xn-- for other characters), at most ${MAX_LENGTH} characters, no wildcard or port`,
  )

export const Hostname = z.object({
  hostname: z.string(),
  /** `failed`: the last look-up did not find the record. It may be refreshed again, as often as it takes. */
  status: z.enum(['pending', 'active', 'failed']),
  /** The record to set, which stays there: it is looked for on each refresh. */
  verification: z.object({ type: z.literal('TXT'), name: z.string(), value: z.string() }),
  /** What the hostname's CNAME record is to point to. */
  target: z.string(),
  /** The certificate as Cloudflare tells; `null` before the hostname is active, and where a proxy of one's own has it. */
  certificate: z.object({ status: z.string(), hostnameStatus: z.string(), errors: z.array(z.string()) }).nullable(),
  /** What is wrong, if something is. An active hostname is served none the less. */
  error: z.string().nullable(),
  createdAt: Moment,
  verifiedAt: Moment.nullable(),
})
export type Hostname = z.infer<typeof Hostname>

/** Operations on custom hostnames. */
export const hostnames = {
  list_hostnames: operation({
    summary: 'List the hostnames that lead to a database',
    route: 'GET /v1/db/{ns}/{db}/hostnames',
    scope: 'readonly',
    console: { route: 'GET /api/namespaces/{ns}/databases/{db}/hostnames', role: 'viewer' },
    input: z.strictObject({ db: Slug }),
    output: z.array(Hostname),
    errors: ['namespace_mismatch', 'database_not_found'],
  }),

  create_hostname: operation({
    summary: 'Claim a hostname for a database, or read the claim again; it counts once its TXT record was found',
    route: 'POST /v1/db/{ns}/{db}/hostnames',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/hostnames', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: Hostname,
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_taken', 'limit_reached'],
  }),

  refresh_hostname: operation({
    summary: 'Look the TXT record of a hostname up, and ask how its certificate stands',
    route: 'POST /v1/db/{ns}/{db}/hostnames/{hostname}/refresh',
    scope: 'admin',
    console: { route: 'POST /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}/refresh', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: Hostname,
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_not_found', 'hostname_taken', 'dns_unavailable'],
  }),

  delete_hostname: operation({
    summary: 'Let go of a hostname: from the answer on it leads nowhere, and is free for whoever proves it theirs',
    route: 'DELETE /v1/db/{ns}/{db}/hostnames/{hostname}',
    scope: 'admin',
    console: { route: 'DELETE /api/namespaces/{ns}/databases/{db}/hostnames/{hostname}', role: 'editor' },
    input: z.strictObject({ db: Slug, hostname: Name }),
    output: z.object({ deleted: z.literal(true) }),
    errors: ['namespace_mismatch', 'database_not_found', 'hostname_not_found'],
  }),
}
