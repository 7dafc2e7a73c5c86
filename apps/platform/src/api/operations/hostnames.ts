import { type Hostname, PerSQLError, recordName } from '@persql/contract'
import { toIso } from '../../clock.ts'
import type { Context } from '../../context.ts'
import type { Claim, Finding } from '../../directory/hostnames.ts'
import { createCustomHostnames } from '../../integrations/custom-hostnames.ts'
import { createTxtResolver } from '../../integrations/dns.ts'
import type { Namespace } from '../../namespace/object.ts'
import type { Remote } from '../../remote.ts'
import { randomText } from '../../token.ts'
import { forgetHostname, isOwnHost } from '../hostname-cache.ts'
import type { NamespaceHandlers } from './handlers.ts'

export const hostnames = {
  list_hostnames: async ({ db }, ctx) => (await ctx.namespace.hostnames.list(db)).map((claim) => shown(claim, ctx)),

  create_hostname: async ({ db, hostname }, ctx) => {
    if (isOwnHost(hostname, ownHost(ctx))) {
      throw new PerSQLError('invalid_input', {
        problem: `"hostname" must not be ${hostname}, which belongs to this instance.`,
      })
    }
    const proof = `persql-verify=${randomText(32)}`
    return shown(await ctx.namespace.hostnames.claim(db, hostname, proof, ctx.actor), ctx)
  },

  /**
   * An active hostname whose DNS record is gone stays active, with an `error`: people edit zones by accident, and
   * deleting a hostname has its own operation.
   */
  refresh_hostname: async ({ db, hostname }, ctx) => {
    const { hostnames: claims } = ctx.namespace
    const claim = await claims.open(db, hostname)
    const finding = judge(claim, await createTxtResolver(ctx.env).txt(recordName(hostname)))
    const isProved = claim.status !== 'active' && finding.status === 'active'
    const known = isProved
      ? await claims.verify(db, hostname, finding, ctx.actor)
      : await claims.record(db, hostname, finding)
    forgetHostname(hostname)
    // Not earlier: a certificate is requested only for a hostname that is verified.
    return shown(known.status === 'active' ? await withCertificate(db, known, ctx) : known, ctx)
  },

  delete_hostname: async ({ db, hostname }, { namespace, actor }) => {
    await namespace.hostnames.remove(db, hostname, actor)
    forgetHostname(hostname)
    return { deleted: true }
  },
} satisfies Partial<NamespaceHandlers>

function judge({ hostname, proof, status, certificate }: Claim, records: readonly string[]): Finding {
  if (records.includes(proof)) return { status: 'active', certificate, error: null }
  const name = recordName(hostname)
  const error =
    records.length > 0
      ? `The TXT record "${name}" doesn't contain "${proof}".`
      : `TXT record "${name}" not found. New records can take a few minutes to appear.`
  return { status: status === 'active' ? 'active' : 'failed', certificate, error }
}

/**
 * Returns the claim with the state of its certificate, which is requested first if necessary. If Cloudflare fails, the
 * hostname is served, and the claim has the error.
 */
async function withCertificate(
  db: string,
  { hostname, certificate, error }: Claim,
  { env, namespace }: Context & { readonly namespace: Remote<Namespace> },
): Promise<Claim> {
  const cloudflare = createCustomHostnames(env)
  const finding = await cloudflare?.ensure(hostname).then(
    (latest): Finding => ({ status: 'active', certificate: latest, error }),
    (cause: unknown): Finding => {
      console.error(JSON.stringify({ level: 'warn', event: 'certificate_failed', hostname, cause: String(cause) }))
      return {
        status: 'active',
        certificate,
        error: error ?? 'Cloudflare rejected the certificate request. Refresh to try again.',
      }
    },
  )
  try {
    return await namespace.hostnames.record(db, hostname, finding ?? { status: 'active', certificate: null, error })
  } catch (cause) {
    // The hostname was deleted during the call to Cloudflare, so its certificate has to go too.
    await namespace.hostnames.cancel(hostname)
    throw cause
  }
}

function shown(claim: Claim, ctx: Context): Hostname {
  const { hostname, status, proof, certificate, error, createdAtMs, verifiedAtMs } = claim
  return {
    hostname,
    status,
    verification: { type: 'TXT', name: recordName(hostname), value: proof },
    target: ownHost(ctx),
    certificate,
    error,
    createdAt: toIso(createdAtMs),
    verifiedAt: toIso(verifiedAtMs),
  }
}

const ownHost = ({ settings, baseUrl }: Context): string => settings.host ?? new URL(baseUrl).hostname
