import { useEffect } from 'react'
import { useApiQuery } from '../../api/hooks.ts'
import { queryClient } from '../../api/query-client.ts'

/**
 * Returns the usage of the last 30 days. The route also updates the counters, so the databases are refetched
 * afterwards.
 */
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
