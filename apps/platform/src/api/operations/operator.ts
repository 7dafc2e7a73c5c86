import { type Api, type Output, PerSQLError } from '@persql/contract'
import { toIso } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { usd } from '../../money.ts'
import { logUnavailable } from '../../reply.ts'
import { newSecret } from '../../token.ts'
import { directoryObject, namespaceObject } from '../objects.ts'
import type { AnyoneHandlers, OperatorHandlers } from './handlers.ts'
import { invite } from './members.ts'

export const operator = {
  create_namespace: async ({ slug, database, tokenName }, { env }) => {
    if (!(await directoryObject(env).isOpenToOperator(slug))) throw new PerSQLError('slug_taken', { slug })
    const made = await namespaceObject(env, slug).ensure(slug, database, tokenName, await newSecret(slug))
    await directoryObject(env).add(slug, made.namespace.id)
    return made
  },
  list_namespaces: async (_input, { env }) => {
    const standings: Output<Api['list_namespaces']> = []
    const all = await directoryObject(env).list()
    for (let i = 0; i < all.length; i += AT_ONCE) {
      const some = all.slice(i, i + AT_ONCE).map(async (known) => {
        try {
          const { status, balanceNano, driftNano } = await namespaceObject(env, known.slug).standing()
          return { ...known, status, balanceUsd: usd(balanceNano), driftUsd: usd(driftNano) }
        } catch (cause) {
          logUnavailable(known.slug, cause)
          return { ...known, status: 'unavailable' as const, balanceUsd: null, driftUsd: null }
        }
      })
      standings.push(...(await Promise.all(some)))
    }
    return standings
  },
  credit_namespace: async ({ ns, amountUsd, note, ref = crypto.randomUUID() }, { env }) => {
    const amountNano = Math.round(amountUsd * 1e9)
    const namespace = await existing(env, ns)
    const { balanceNano } = await namespace.payments.credit(
      'adjustment',
      amountNano,
      `operator:${ref}`,
      { note },
      'operator',
    )
    return { balanceUsd: usd(balanceNano) }
  },
  suspend_namespace: async ({ ns, note }, { env }) => {
    await (await existing(env, ns)).suspend(note)
    return { status: 'suspended' }
  },
  resume_namespace: async ({ ns, note }, { env }) => {
    await (await existing(env, ns)).resume(note)
    return { status: 'active' }
  },
  list_namespace_quotas: async ({ ns }, { env }) => (await existing(env, ns)).quotas.list(),
  set_namespace_quota: async ({ ns, quota, limit }, { env }) => (await existing(env, ns)).quotas.set(quota, limit),
  invite_to_namespace: async ({ ns, ...invited }, { env, baseUrl }) => {
    await existing(env, ns)
    return invite(invited, ns, 'operator', env, baseUrl)
  },
  make_namespace_owner: async ({ ns, email: given, note }, { env }) => {
    const { people } = await existing(env, ns)
    const directory = directoryObject(env)
    const email = given.toLowerCase()
    const person = await directory.personByEmail(email)
    if (!person) throw new PerSQLError('account_not_found', { email })
    const isMember = (await people.list()).some(({ userId }) => userId === person.id)
    // Anyone can sign up with the address of someone else. A member had an invitation.
    if (!isMember && !person.isVerified) throw new PerSQLError('email_not_verified', { email })
    await directory.join(person.id, ns)
    const { role, joinedAtMs } = await people.makeOwner(person.id, note)
    return { userId: person.id, email, name: person.name, role, joinedAt: toIso(joinedAtMs) }
  },
} satisfies OperatorHandlers

const AT_ONCE = 50

async function existing(env: Env, slug: string) {
  if (!(await directoryObject(env).has(slug))) throw new PerSQLError('namespace_not_found', { namespace: slug })
  return namespaceObject(env, slug)
}

export const anyone = {
  get_status: (_input, { env }) => directoryObject(env).status(),
} satisfies Partial<AnyoneHandlers>
