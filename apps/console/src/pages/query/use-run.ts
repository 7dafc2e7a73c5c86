import type { QueryMeta } from '@persql/sdk'
import { useEffect, useRef, useState } from 'react'
import { type CallOutput, call, callWithMeta } from '../../api/client.ts'
import { notice, queryClient } from '../../api/query-client.ts'
import type { Result } from '../results/values.ts'
import { forgetRows } from '../tables/use-rows.ts'

/** What an explanation tells. */
export type Explained = CallOutput<'POST /api/namespaces/{ns}/databases/{db}/explain'>

/** How it stands with what was run. */
export type Outcome =
  | { kind: 'running' }
  | { kind: 'cancelled' }
  | { kind: 'failed'; error: unknown }
  | { kind: 'explained'; explained: Explained }
  | { kind: 'done'; results: readonly Result[]; meta: QueryMeta | undefined }

/** Runs statements, one for each tab at a time. */
export function useRun(ns: string, db: string, onRun: (sql: string, failed: boolean) => void) {
  const [outcomes, setOutcomes] = useState<Readonly<Record<string, Outcome>>>({})
  const running = useRef(new Map<string, AbortController>())
  useEffect(
    () => () => {
      for (const one of running.current.values()) one.abort()
    },
    [],
  )
  const put = (tab: string, outcome: Outcome) => setOutcomes((known) => ({ ...known, [tab]: outcome }))
  const start = async (tab: string, work: (signal: AbortSignal) => Promise<Outcome>) => {
    if (running.current.has(tab)) return
    const controller = new AbortController()
    running.current.set(tab, controller)
    put(tab, { kind: 'running' })
    try {
      put(tab, await work(controller.signal))
    } catch (error) {
      notice(error)
      put(tab, controller.signal.aborted ? { kind: 'cancelled' } : { kind: 'failed', error })
    } finally {
      running.current.delete(tab)
    }
  }
  const settle = (tab: string, { data, meta }: { data: Result | Result[]; meta?: QueryMeta }) => {
    const results = Array.isArray(data) ? data : [data]
    put(tab, { kind: 'done', results, meta })
    // Whatever it wrote, other pages have to look anew.
    if (results.some(({ changes, rowsWritten }) => changes !== undefined || rowsWritten > 0)) {
      forgetRows()
      void queryClient.invalidateQueries()
    }
  }
  return {
    outcomes,
    settle,
    cancel: (tab: string) => running.current.get(tab)?.abort(),
    run: (tab: string, sql: string) =>
      start(tab, async (signal) => {
        try {
          const path = 'POST /api/namespaces/{ns}/databases/{db}/query'
          const answer = await callWithMeta(path, { ns, db, sql }, signal)
          onRun(sql, false)
          settle(tab, answer)
          return { kind: 'done', results: [answer.data], meta: answer.meta }
        } catch (error) {
          onRun(sql, true)
          throw error
        }
      }),
    explain: (tab: string, sql: string) =>
      start(tab, async (signal) => ({
        kind: 'explained',
        explained: await call('POST /api/namespaces/{ns}/databases/{db}/explain', { ns, db, sql }, signal),
      })),
  }
}
