import { directoryObject, namespaceObject } from '../api/objects.ts'
import { suggestSlug } from '../directory/memberships.ts'
import { disk } from '../disk-space.ts'
import type { Env } from '../env.ts'

/**
 * Creates the first namespace of a new user, named after the user, with a database `main`. On an instance that only its
 * own machine can reach, the first user also becomes owner of the bootstrap namespace. Each step can be repeated: the
 * next sign-in continues after an interruption.
 */
export async function onboardAccount(env: Env, userId: string): Promise<void> {
  // A sign-in while the disk has room creates it.
  if (disk.level > 0) return
  const directory = directoryObject(env)
  const [person] = await directory.people([userId])
  if (!person) return
  const plan = await directory.beginWelcome(userId, suggestSlug(person.email))
  if (!plan) return
  const owned = env.PERSQL_FIRST_OWNS
  if (plan.first && owned && (await directory.has(owned))) {
    await directory.join(userId, owned)
    await namespaceObject(env, owned).claimForFirstAccount(userId)
  }
  const { namespaceId } = await namespaceObject(env, plan.slug).initialize(plan.slug, userId, plan.credit, 'main')
  await directory.add(plan.slug, namespaceId)
  await directory.endWelcome(userId)
}
