import { type Membership, PerSQLError } from '@persql/contract'
import type { ReservedNamespace } from '../../directory/welcome-claims.ts'
import type { Env } from '../../env.ts'
import { logUnavailable } from '../../reply.ts'
import { hashToken } from '../../token.ts'
import { directoryObject, namespaceObject } from '../objects.ts'
import type { AccountHandlers } from './handlers.ts'
import { invitationNamespace } from './members.ts'

export const accounts = {
  list_my_namespaces: async (_input, { env, account }) => {
    const slugs = await directoryObject(env).listNamespaces(account.userId)
    const found = await Promise.all(
      slugs.map((slug) =>
        namespaceObject(env, slug)
          .membership(account.userId)
          .catch((cause: unknown) => gone(slug, cause)),
      ),
    )
    return found.filter((membership) => membership !== undefined)
  },
  create_my_namespace: async ({ slug }, { env, account }) => {
    const directory = directoryObject(env)
    // The credit of an interrupted namespace would be lost if the user chose another name instead.
    for (const reserved of await directory.reserve(slug, account.userId)) {
      await create(env, reserved, account.userId).catch((cause: unknown) => {
        if (reserved.slug === slug) throw cause
        logUnavailable(reserved.slug, cause)
      })
    }
    const namespace = namespaceObject(env, slug)
    const membership = await namespace.membership(account.userId)
    return { ...membership, welcomeCredit: await namespace.welcomeCredit() }
  },
  accept_invitation: async ({ token }, { env, account }) => {
    const slug = invitationNamespace(token)
    const directory = directoryObject(env)
    if (!(await directory.has(slug))) throw new PerSQLError('invitation_not_found', { instead: 'Ask for a new one.' })
    await directory.join(account.userId, slug)
    const namespace = namespaceObject(env, slug)
    const { email } = await namespace.people.acceptInvitation(await hashToken(token), account.userId)
    await directory.uninvite(email, slug)
    return namespace.membership(account.userId)
  },
} satisfies Partial<AccountHandlers>

async function create(env: Env, { slug, credit }: ReservedNamespace, userId: string): Promise<void> {
  const { namespaceId } = await namespaceObject(env, slug).initialize(slug, userId, credit)
  await directoryObject(env).add(slug, namespaceId)
}

/** Handles a membership that only the index has: the namespace doesn't know it, or failed to respond. */
function gone(slug: string, cause: unknown): Membership | undefined {
  if (PerSQLError.from(cause).code !== 'namespace_not_found') logUnavailable(slug, cause)
  return undefined
}
