import { useEffect } from 'react'
import { useApiQuery } from '../../api/hooks.ts'
import { queryClient } from '../../api/query-client.ts'

/** What was used in the last 30 days. Asking brings counters up to date, so what is listed of databases is read anew then. */
export function useUsage(ns: string) {
  const usage = useApiQuery('GET /api/namespaces/{ns}/usage', { ns })
  const atMs = usage.dataUpdatedAt
  useEffect(() => {
    if (atMs === 0) return
    void queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/databases'] })
    void queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/databases/{slug}'] })
  }, [atMs])
  return usage
}
