import type { MemberRole, Membership } from '@persql/contract'
import { useApiQuery } from '../api/hooks.ts'
import { useDatabase, useNamespace } from './paths.ts'

const RANKS: readonly MemberRole[] = ['viewer', 'editor', 'admin', 'owner']
const LAST = 'persql.namespace'

/** Returns a query for the signed-in user's namespaces. */
export const useMemberships = () => useApiQuery('GET /api/namespaces', {})

/** Returns the signed-in user's membership in the current namespace, or `undefined` while it loads. */
export function useMembership(): Membership | undefined {
  const ns = useNamespace()
  return useMemberships().data?.find(({ slug }) => slug === ns)
}

/**
 * Returns whether the user has at least this role in the current database, or in the namespace outside of databases.
 */
export function useCan(role: MemberRole): boolean {
  const db = useDatabase()
  const isShared = useMembership()?.edits.includes(db) === true
  return useCanInNamespace(role) || (isShared && RANKS.indexOf('editor') >= RANKS.indexOf(role))
}

/** Returns whether the user has at least this role in the namespace, for actions such as creating a database. */
export function useCanInNamespace(role: MemberRole): boolean {
  const mine = useMembership()?.role
  return mine !== undefined && RANKS.indexOf(mine) >= RANKS.indexOf(role)
}

/** Returns the namespace that was last open in this browser. */
export const lastNamespace = (): string | null => localStorage.getItem(LAST)

/** Stores the namespace as the last one that was open in this browser. */
export const rememberNamespace = (slug: string): void => localStorage.setItem(LAST, slug)
