import { useQuery } from '@tanstack/react-query'
import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { call } from '../../api/client.ts'
import { onError, queryClient } from '../../api/query-client.ts'
import { quoteName } from '../results/values.ts'
import type { RowIdentity } from './row-identity.ts'
import { buildPageQuery, parseRows, type TableView } from './row-queries.ts'
import { type Reader, RowSource } from './row-source.ts'
import { toStatement } from './sql-builder.ts'

const ROWS = 'rows of a table'

/** Drops the cached rows that aren't shown, so that they are read again when needed. */
export const forgetRows = (): void => queryClient.removeQueries({ queryKey: [ROWS], type: 'inactive' })

/** Reads the shown rows again after a change. */
export function rereadRows(ns: string, db: string): void {
  forgetRows()
  void queryClient.invalidateQueries({ queryKey: [ROWS, ns, db] })
}

/** Returns the rows of a table by position. `total` is their number, if known. */
export function useRows(ns: string, db: string, shape: RowIdentity, look: TableView, total: number | undefined) {
  const queryKey = [ROWS, ns, db, shape, look]
  const query = useQuery({
    queryKey,
    structuralSharing: false,
    // Every read is billed, so the rows don't refresh when the window regains the focus.
    staleTime: Number.POSITIVE_INFINITY,
    // After a change of order or filters, the previous rows stay until the new ones arrive.
    placeholderData: (before: RowSource | undefined, query) => (isSame(query?.queryKey[3], shape) ? before : undefined),
    queryFn: ({ signal }) => {
      const before = queryClient.getQueryData<RowSource>(queryKey)
      return new RowSource(shape, look, createReader(ns, db, shape, look), before).begin(signal, shape.key.length === 0)
    },
  })
  const { data: source, error, refetch, isPlaceholderData: isComing } = query
  useEffect(() => {
    if (!isComing) void source?.expect(total)
  }, [source, total, isComing])
  return { source, error, refetch, isComing }
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

/** Returns a property of a source and updates it with every change. */
export function useSource<T>(source: RowSource | undefined, about: (source: RowSource) => T): T | undefined {
  const subscribe = useCallback((listener: () => void) => source?.subscribe(listener) ?? (() => {}), [source])
  return useSyncExternalStore(subscribe, () => source && about(source))
}

function createReader(ns: string, db: string, shape: RowIdentity, look: TableView): Reader {
  const run = (statement: ReturnType<typeof toStatement>, signal?: AbortSignal) =>
    call('POST /api/namespaces/{ns}/databases/{db}/query', { ns, db, ...statement }, signal)
  return {
    rows: async (from, signal) =>
      parseRows(shape, look, await run(toStatement(buildPageQuery(shape, look, from)), signal)),
    lastKey: async () => {
      const sql = `SELECT CAST(max(${shape.key[0]}) AS TEXT) FROM ${quoteName(shape.name)}`
      const [row] = (await run({ sql, params: [] })).rows
      return /^-?\d+$/.test(String(row?.[0])) ? String(row?.[0]) : undefined
    },
    onStale: () => {
      void queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/databases/{db}/tables'] })
      rereadRows(ns, db)
    },
    onError: onError,
  }
}
