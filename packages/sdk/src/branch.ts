import { PerSQLError } from './errors.ts'
import type { Transport } from './http.ts'
import { perform, type Target } from './perform.ts'
import type { DatabaseInfo } from './types.ts'

/** How long the database of a branch is remembered. */
const KEEP_MS = 300_000

/**
 * Opens the branch `ref` of a database: looks up its database with the first call, and again after five minutes or once
 * it is gone.
 */
export function openBranch(
  transport: Target['transport'],
  namespace: string,
  parent: string,
  ref: string,
): () => Promise<Target> {
  const lookup: Lookup = {
    get: (ref) => perform({ path: `/v1/db/${namespace}/${parent}/`, transport }, 'GET branches/*', [ref]),
    list: () => perform({ path: '/v1/', transport }, 'GET databases', []),
  }
  let found: { slug: Promise<string>; untilMs: number } | undefined
  const forget = (what: typeof found) => {
    if (found === what) found = undefined
  }
  return async () => {
    if (!found || found.untilMs < Date.now()) {
      found = { slug: slugOf(parent, ref, lookup), untilMs: Date.now() + KEEP_MS }
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

/** The same transport, which reports when the database is gone. */
const watched = (inner: Transport, onGone: () => void): Transport => ({
  close: () => inner.close(),
  async call(call) {
    try {
      return await inner.call(call)
    } catch (cause) {
      if (cause instanceof PerSQLError && cause.code === 'database_not_found') onGone()
      throw cause
    }
  },
})

/** Two ways to a branch: by its ref in its parent, and among the databases that the token opens. */
export interface Lookup {
  get(ref: string): Promise<DatabaseInfo>
  list(): Promise<DatabaseInfo[]>
}

/** Finds the slug of a branch's database. A token that opens some databases only finds it among those. */
export async function slugOf(parent: string, ref: string, { get, list }: Lookup): Promise<string> {
  try {
    return (await get(ref)).slug
  } catch (cause) {
    const isLimited = cause instanceof PerSQLError && cause.status === 403 && cause.code !== 'namespace_mismatch'
    const opened = isLimited ? await list() : []
    const branch = opened.find(({ branchRef, forkedFrom }) => branchRef === ref && forkedFrom?.slug === parent)
    if (!branch) throw cause
    return branch.slug
  }
}
