import { callRoute, type Target } from './bind-routes.ts'
import { PerSQLError } from './errors.ts'
import type { Transport } from './http.ts'
import type { DatabaseFilter, DatabaseInfo } from './types.ts'

/** The time for which the database of a branch is cached. */
const KEEP_MS = 300_000

/**
 * Opens the branch `ref` of a database. Looks up its database on the first call, and again after 5 minutes or once it is
 * deleted.
 */
export function openBranch(
  transport: Target['transport'],
  namespace: string,
  parent: string,
  ref: string,
): () => Promise<Target> {
  const lookup: Lookup = {
    get: (ref) => callRoute({ path: `/v1/db/${namespace}/${parent}/`, transport }, 'GET branches/*', [ref]),
    list: (filter) => callRoute({ path: '/v1/', transport }, 'GET databases', [filter]),
  }
  let found: { slug: Promise<string>; untilMs: number } | undefined
  const forget = (what: typeof found) => {
    if (found === what) found = undefined
  }
  return async () => {
    if (!found || found.untilMs < Date.now()) {
      found = { slug: findSlug(parent, ref, lookup), untilMs: Date.now() + KEEP_MS }
    }
    const known = found
    try {
      const path = `/v1/db/${namespace}/${await known.slug}/`
      return { path, transport: async () => watched(await transport(), () => forget(known)) }
    } catch (cause) {
      forget(known)
      throw cause
    }
  }
}

/** Wraps a transport and reports when the database is deleted. */
const watched = (inner: Transport, onGone: () => void): Transport => ({
  ...inner,
  async call(call) {
    try {
      return await inner.call(call)
    } catch (cause) {
      if (cause instanceof PerSQLError && cause.code === 'database_not_found') onGone()
      throw cause
    }
  },
})

/** Finds a branch by its ref in the parent, or among the databases the token has access to. */
export interface Lookup {
  get(ref: string): Promise<DatabaseInfo>
  list(filter: DatabaseFilter): Promise<DatabaseInfo[]>
}

/** Returns the slug of a branch's database. A token that is limited to some databases finds it only among those. */
export async function findSlug(parent: string, ref: string, { get, list }: Lookup): Promise<string> {
  try {
    return (await get(ref)).slug
  } catch (cause) {
    const isLimited = cause instanceof PerSQLError && cause.status === 403 && cause.code !== 'namespace_mismatch'
    const opened = isLimited ? await list({ forkedFrom: parent, branches: 'only', pageSize: 1_000 }) : []
    const branch = opened.find(({ branchRef }) => branchRef === ref)
    if (!branch) throw cause
    return branch.slug
  }
}
