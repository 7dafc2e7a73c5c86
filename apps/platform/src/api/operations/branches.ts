import { PerSQLError, SLUG } from '@persql/contract'
import { isOpenTo } from '../../selection.ts'
import { hashToken, newSecret, randomText } from '../../token.ts'
import { directoryObject, namespaceObject } from '../objects.ts'
import { parseExpiry } from './expiry.ts'
import type { AnyoneHandlers, NamespaceHandlers } from './handlers.ts'

/** A handoff code, `phand_<namespace>_<32 characters>`. The namespace routes the request without a lookup. */
const HANDOFF = new RegExp(`^phand_(${SLUG})_[0-9A-Za-z]{32}$`)

export const branches = {
  claim_branch: async ({ db, ref, purpose, ttlSec, role, keepTokens }, { namespace, slug, minter, actor }) =>
    namespace.branches.claim(
      ...[db, ref ?? refFor(purpose), role, ttlSec],
      ...[{ keepTokens }, await newSecret(slug), minter, actor],
    ),
  list_branches: ({ db, ...paging }, { namespace }) => namespace.branches.list(db, paging),
  put_branch: ({ db, ref, name, fromRef, expiresAt, ttlDays, keepTokens }, { namespace, actor }) => {
    if (fromRef !== undefined && fromRef !== 'main' && fromRef !== db) {
      throw new PerSQLError('invalid_input', {
        problem: `"fromRef" must be "${db}": a branch is always created from the database in the URL.`,
      })
    }
    return namespace.branches.put(db, ref, name, parseExpiry({ expiresAt, ttlDays }) ?? null, { keepTokens }, actor)
  },
  update_branch: ({ db, ref, name, expiresAt, ttlDays }, { namespace, actor }) =>
    namespace.branches.update(db, ref, { name, expiresAtMs: parseExpiry({ expiresAt, ttlDays }) }, actor),
  get_branch: ({ db, ref }, { namespace }) => namespace.branches.get(db, ref),
  delete_branch: async ({ db, ref }, { namespace, actor }) => {
    await namespace.branches.delete(db, ref, actor)
    return { deleted: true }
  },
  hand_off_branch: async ({ db, ref, role, ttlSec }, { namespace, slug, minter, actor }) => {
    const token = `phand_${slug}_${randomText(32)}`
    const hash = await hashToken(token)
    const { expiresAt } = await namespace.branches.handOff(db, ref, role, ttlSec, hash, minter, actor)
    return { token, expiresAt }
  },
  fork_database: async ({ db, slug, name, ttlDays }, { namespace, actor, opens }) => {
    if (!isOpenTo(opens, slug)) throw new PerSQLError('token_pinned')
    return namespace.branches.fork(db, slug, name, parseExpiry({ ttlDays }) ?? null, actor)
  },
} satisfies Partial<NamespaceHandlers>

export const handoffs = {
  redeem_handoff: async ({ token }, { env, page }) => {
    const namespace = HANDOFF.exec(token)?.[1]
    if (!namespace || !(await directoryObject(env).has(namespace))) throw new PerSQLError('handoff_not_found')
    const [hash, secret] = [await hashToken(token), await newSecret(namespace)]
    const { claimed, origins } = await namespaceObject(env, namespace).branches.redeem(hash, secret, page?.origin)
    page?.admit(origins)
    return claimed
  },
} satisfies Partial<AnyoneHandlers>

/** Returns a unique ref for a branch, made from its purpose. */
function refFor(purpose = 'branch'): string {
  const words = purpose
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  return `${words.slice(0, 40) || 'branch'}-${randomText(6).toLowerCase()}`
}
