import type { QueryMeta } from '@persql/sdk'
import { useEffect, useRef, useState } from 'react'
import { type CallOutput, call, callWithMeta } from '../../api/client.ts'
import { onError, queryClient } from '../../api/query-client.ts'
import type { Result } from '../results/values.ts'
import { forgetRows } from '../tables/use-rows.ts'

/** The output of EXPLAIN. */
export type Explained = CallOutput<'POST /api/namespaces/{ns}/databases/{db}/explain'>

/** The measurements of a run. */
export interface RunMeasurement {
  sql: string
  rows: number
  meta: QueryMeta
}

/** The state of a run. */
export type RunState =
  | { kind: 'running' }
  | { kind: 'canceled' }
  | { kind: 'failed'; error: unknown }
  | { kind: 'explained'; sql: string; explained: Explained; measured: RunMeasurement | undefined }
  | { kind: 'done'; results: readonly Result[]; meta: QueryMeta | undefined }

/** Returns functions that run statements, one at a time per tab. */
export function useRun(ns: string, db: string, onRun: (sql: string, failed: boolean) => void) {
  const [outcomes, setOutcomes] = useState<Readonly<Record<string, RunState>>>({})
  const running = useRef(new Map<string, AbortController>())
  useEffect(
    () => () => {
      for (const one of running.current.values()) one.abort()
    },
    [],
  )
  const measured = useRef(new Map<string, RunMeasurement>())
  const put = (tab: string, outcome: RunState) => setOutcomes((known) => ({ ...known, [tab]: outcome }))
  const start = async (tab: string, work: (signal: AbortSignal) => Promise<RunState>) => {
    if (running.current.has(tab)) return
    const controller = new AbortController()
    running.current.set(tab, controller)
    put(tab, { kind: 'running' })
    try {
      put(tab, await work(controller.signal))
    } catch (error) {
      onError(error)
      put(tab, controller.signal.aborted ? { kind: 'canceled' } : { kind: 'failed', error })
    } finally {
      running.current.delete(tab)
    }
  }
  const settle = (tab: string, { data, meta }: { data: Result | Result[]; meta?: QueryMeta }) => {
    const results = Array.isArray(data) ? data : [data]
    put(tab, { kind: 'done', results, meta })
    // The statement wrote rows: the cached data of other pages is stale.
    if (results.some(({ changes, rowsWritten }) => changes !== undefined || rowsWritten > 0)) {
      forgetRows()
      void queryClient.invalidateQueries()
    }
  }
  const query = async (tab: string, sql: string, signal: AbortSignal) => {
    try {
      const answer = await callWithMeta('POST /api/namespaces/{ns}/databases/{db}/query', { ns, db, sql }, signal)
      const { data, meta } = answer
      if (meta) measured.current.set(tab, { sql, rows: data.rows.length, meta })
      onRun(sql, false)
      return answer
    } catch (error) {
      onRun(sql, true)
      throw error
    }
  }
  const explained = async (tab: string, sql: string, signal: AbortSignal): Promise<RunState> => {
    const plan = await call('POST /api/namespaces/{ns}/databases/{db}/explain', { ns, db, sql }, signal)
    const known = measured.current.get(tab)
    return { kind: 'explained', sql, explained: plan, measured: known?.sql === sql ? known : undefined }
  }
  return {
    outcomes,
    settle,
    cancel: (tab: string) => running.current.get(tab)?.abort(),
    run: (tab: string, sql: string) =>
      start(tab, async (signal) => {
        const answer = await query(tab, sql, signal)
        settle(tab, answer)
        return { kind: 'done', results: [answer.data], meta: answer.meta }
      }),
    explain: (tab: string, sql: string) => start(tab, (signal) => explained(tab, sql, signal)),
    /** Runs a statement, then explains it with the rows that it read. */
    measure: (tab: string, sql: string) =>
      start(tab, async (signal) => {
        await query(tab, sql, signal)
        return explained(tab, sql, signal)
      }),
  }
}
