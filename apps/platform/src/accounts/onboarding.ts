import { directoryObject, namespaceObject } from '../api/objects.ts'
import { handleOf } from '../directory/memberships.ts'
import type { Env } from '../env.ts'

/**
 * Makes what somebody new needs: a namespace named after them with a database `main`; and the first one on an instance
 * that only its own machine reaches becomes owner of the namespace made at its start. Each step may be repeated: what
 * was cut off goes on at the next sign-in.
 */
export async function onboardAccount(env: Env, userId: string): Promise<void> {
  const directory = directoryObject(env)
  const [person] = await directory.people([userId])
  if (!person) return
  const plan = await directory.beginWelcome(userId, handleOf(person.email))
  if (!plan) return
  const owned = env.PERSQL_FIRST_OWNS
  if (plan.first && owned && (await directory.has(owned))) {
    await directory.join(userId, owned)
    await namespaceObject(env, owned).claimForFirstAccount(userId)
  }
  const { namespaceId } = await namespaceObject(env, plan.slug).initialize(plan.slug, userId, 'main')
  await directory.add(plan.slug, namespaceId)
  await directory.endWelcome(userId)
}
