import type { MemberRole, Membership } from '@persql/contract'
import { useApiQuery } from '../api/hooks.ts'
import { useDatabase, useNamespace } from './paths.ts'

const RANKS: readonly MemberRole[] = ['viewer', 'editor', 'admin', 'owner']
const LAST = 'persql.namespace'

/** The namespaces of whoever is signed in. */
export const useMemberships = () => useApiQuery('GET /api/namespaces', {})

/** What somebody is in the namespace of the page, once that is known. */
export function useMembership(): Membership | undefined {
  const ns = useNamespace()
  return useMemberships().data?.find(({ slug }) => slug === ns)
}

/** Whether somebody may do here what needs this role: in the database of the page, if it is the page of one. */
export function useCan(role: MemberRole): boolean {
  const db = useDatabase()
  const isShared = useMembership()?.edits.includes(db) === true
  return useCanInNamespace(role) || (isShared && RANKS.indexOf('editor') >= RANKS.indexOf(role))
}

/** The same for what is done to the namespace, such as making a database, wherever one is. */
export function useCanInNamespace(role: MemberRole): boolean {
  const mine = useMembership()?.role
  return mine !== undefined && RANKS.indexOf(mine) >= RANKS.indexOf(role)
}

/** The namespace one was in last, in this browser. */
export const lastNamespace = (): string | null => localStorage.getItem(LAST)

/** Remembers where one is. */
export const rememberNamespace = (slug: string): void => localStorage.setItem(LAST, slug)
