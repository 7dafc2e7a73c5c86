import { useInfiniteQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import { call } from '../../api/client.ts'
import { queryClient } from '../../api/query-client.ts'
import { type Look, pageOf, type Row, rowsOf } from './reading.ts'
import type { Shape } from './shape.ts'
import { toStatement } from './sql.ts'

const PAGE = 1000

const ROWS = 'rows of a table'

/** Rows that are not in sight are read anew when somebody comes back to them. */
export const forgetRows = (): void => queryClient.removeQueries({ queryKey: [ROWS], type: 'inactive' })

/** Reads the rows in sight anew after they were changed. */
export function rereadRows(ns: string, db: string): void {
  forgetRows()
  void queryClient.invalidateQueries({ queryKey: [ROWS, ns, db] })
}

/** The rows of a table, as many as were looked at so far. */
export function useRows(ns: string, db: string, shape: Shape, look: Look) {
  const query = useInfiniteQuery({
    queryKey: [ROWS, ns, db, shape, look],
    // Comparing all rows there are with each page that comes would take longer and longer.
    structuralSharing: false,
    // Every page read costs: so only when asked to, and not whenever somebody comes back to the window.
    staleTime: Number.POSITIVE_INFINITY,
    initialPageParam: undefined as Row | undefined,
    queryFn: async ({ pageParam, signal }) => {
      const statement = toStatement(pageOf(shape, look, pageParam, PAGE))
      const result = await call('POST /api/namespaces/{ns}/databases/{db}/query', { ns, db, ...statement }, signal)
      return rowsOf(shape, look, result)
    },
    getNextPageParam: (page) => (page.length === PAGE && shape.key.length > 0 ? page.at(-1) : undefined),
  })
  const { data, hasNextPage, isFetching, error, fetchNextPage, refetch } = query
  const rows = useMemo(() => data?.pages.flat(), [data])
  const more = useCallback(() => {
    if (hasNextPage && !isFetching && !error) void fetchNextPage()
  }, [hasNextPage, isFetching, error, fetchNextPage])
  return { rows, error, refetch, more, isWhole: data !== undefined && !hasNextPage, isFetching }
}
