import type { Api, Output } from '@persql/contract'
import { call } from '../../../api/client.ts'

/** An entry of the ledger. */
export type Entry = Output<Api['get_billing']>['ledger'][number]

/** As many as one call answers. */
const MOST = 1_000

/** Every entry there is, the newest first. @throws PerSQLError of the SDK */
export async function wholeLedger(ns: string): Promise<Entry[]> {
  const entries: Entry[] = []
  for (;;) {
    const before = entries.at(-1)?.id
    const { ledger } = await call('GET /api/namespaces/{ns}/billing', { ns, limit: MOST, ...(before && { before }) })
    entries.push(...ledger)
    if (ledger.length < MOST) return entries
  }
}
