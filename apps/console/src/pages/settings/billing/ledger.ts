import type { Api, Output } from '@persql/contract'
import { call } from '../../../api/client.ts'

/** A ledger entry. */
export type Entry = Output<Api['get_billing']>['ledger'][number]

/** The maximum number of entries per call. */
const MOST = 1_000

/** Fetches all ledger entries, newest first. @throws PerSQLError of the SDK */
export async function wholeLedger(ns: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for (;;) {
    const before = entries.at(-1)?.id
    const { ledger } = await call('GET /api/namespaces/{ns}/billing', { ns, limit: MOST, ...(before && { before }) })
    entries.push(...ledger)
    if (ledger.length < MOST) return entries
  }
}
