import type { SavedQuery } from '@persql/contract'
import { useApiMutation, useApiQuery } from '../../api/hooks.ts'
import { queryClient } from '../../api/query-client.ts'

const LIST = 'GET /api/namespaces/{ns}/databases/{db}/saved-queries'

/** The saved queries of a page, with their actions. */
export type Saved = ReturnType<typeof useSaved>

/** Returns the saved queries of a database. A branch uses those of its parent. */
export function useSaved(ns: string, db: string) {
  const self = useApiQuery('GET /api/namespaces/{ns}/databases/{slug}', { ns, slug: db })
  const parent = self.data?.branchRef != null ? self.data.forkedFrom?.slug : undefined
  const place = { ns, db: parent ?? db }
  const list = useApiQuery(LIST, place, { enabled: !self.isLoading })
  const create = useApiMutation('POST /api/namespaces/{ns}/databases/{db}/saved-queries')
  const update = useApiMutation('PATCH /api/namespaces/{ns}/databases/{db}/saved-queries/{id}')
  const remove = useApiMutation('DELETE /api/namespaces/{ns}/databases/{db}/saved-queries/{id}')
  /** Updates the cache right after a call. The refetch then adds the changes of others. */
  const know = (id: string, query?: SavedQuery) => {
    const kept = (known: readonly SavedQuery[]) => known.filter((one) => one.id !== id)
    queryClient.setQueryData<readonly SavedQuery[]>(
      [LIST, place],
      (known) => known && [...kept(known), ...(query ? [query] : [])].sort((a, b) => BY_NAME.compare(a.name, b.name)),
    )
    void queryClient.invalidateQueries({ queryKey: [LIST] })
  }
  return {
    ns,
    /** The database that stores them. */
    db: place.db,
    isOfParent: parent !== undefined,
    queries: list.data,
    error: list.error,
    refetch: () => void list.refetch(),
    isBusy: create.isPending || update.isPending,
    create: async (name: string, sql: string) => {
      const query = await create.mutateAsync({ ...place, name, sql })
      know(query.id, query)
      return query
    },
    update: async (id: string, fields: { name?: string; sql?: string; ifVersion?: number }) => {
      const query = await update.mutateAsync({ ...place, id, ...fields })
      know(id, query)
      return query
    },
    remove: async (id: string) => {
      await remove.mutateAsync({ ...place, id })
      know(id)
    },
  }
}

const BY_NAME = new Intl.Collator('en', { numeric: true })
