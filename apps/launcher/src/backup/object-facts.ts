import type Sqlite from 'libsql'
import { rates } from '../../../../packages/contract/src/billing.ts'
import { isInitialized, readKeys, readValue } from '../object-files.ts'
import type { DatabaseFacts } from './manifest.ts'

type Totals = DatabaseFacts['totals']

/** The keys of complete snapshots. */
const snapshotPrefix = 'snapshot/'
const nothing: Totals = { requests: 0, rowsRead: 0, rowsWritten: 0, aiTokens: 0 }

/** A database in the records of its namespace, with the usage that the namespace knows. */
export interface KnownDatabase {
  readonly id: string
  readonly slug: string
  readonly status: 'healthy' | 'deleting'
  readonly generation: number
  readonly requests: number
  readonly seen: Totals
}

/** The content of a namespace's file that has counterparts in other files. */
export interface NamespaceFacts {
  readonly isDeleted: boolean
  /** The databases, parents before their branches. */
  readonly databases: readonly KnownDatabase[]
  /** The transfers that other namespaces sent. */
  readonly received: readonly { readonly id: string; readonly from: string }[]
  /** The IDs of the transfers that this namespace sent. */
  readonly sent: ReadonlySet<string>
  /** The difference between the balance and the tables, in nano-dollars. */
  readonly driftNano: number
}

/** A slug in the Directory. */
export interface DirectoryEntry {
  readonly slug: string
  readonly isDeleted: boolean
}

/** Reads what the file of a database, or of a snapshot, says about itself. */
export function readDatabaseFacts(sqlite: Sqlite.Database): DatabaseFacts {
  const { id } = (readValue(sqlite, 'identity') ?? {}) as { id?: string }
  const { generation = 0, ...totals } = (readValue(sqlite, 'totals') ?? {}) as Partial<Totals & { generation: number }>
  const snapshots = readKeys(sqlite, snapshotPrefix).map((key) => key.slice(snapshotPrefix.length))
  return { ...(id !== undefined && { id }), generation, totals: { ...nothing, ...totals }, snapshots }
}

/** Returns why the file of a database doesn't fit the record of its namespace. `facts` is undefined for a missing file. */
export function findMismatch(known: KnownDatabase, facts: DatabaseFacts | undefined): string | undefined {
  if (!isInitialized(known)) return undefined
  if (facts === undefined) return 'missing'
  if (facts.id === undefined) return 'empty, although the database was in use'
  if (facts.id !== known.id) return `the file of another database (${facts.id})`
  if (facts.generation >= known.generation) return undefined
  return `outdated: generation ${facts.generation}, but ${known.generation} on record`
}

/** Reads the file of a namespace. One that wasn't created completely has no databases. */
export function readNamespaceFacts(sqlite: Sqlite.Database): NamespaceFacts {
  const identity = readValue(sqlite, 'identity') as { deletedAtMs?: number } | undefined
  if (identity === undefined) {
    return { isDeleted: false, databases: [], received: [], sent: new Set(), driftNano: 0 }
  }
  const rows = sqlite
    .prepare(
      `SELECT id, slug, status, generation, requests, rows_read AS rowsRead, rows_written AS rowsWritten,
         ai_tokens AS aiTokens FROM database ORDER BY created_at, rowid`,
    )
    .all() as (Omit<KnownDatabase, 'seen'> & Totals)[]
  const received = sqlite
    .prepare(
      `SELECT substr(ref, 10) AS id, detail ->> 'from' AS sender FROM ledger
       WHERE kind = 'transfer' AND amount_nano > 0 AND detail ->> 'from' IS NOT NULL`,
    )
    .all() as { id: string; sender: string }[]
  const sent = sqlite.prepare('SELECT id FROM transfer').all() as { id: string }[]
  return {
    isDeleted: identity.deletedAtMs !== undefined,
    databases: rows.map(({ id, slug, status, generation, requests, rowsRead, rowsWritten, aiTokens }) => {
      return { id, slug, status, generation, requests, seen: { requests, rowsRead, rowsWritten, aiTokens } }
    }),
    received: received.map(({ id, sender }) => ({ id, from: sender })),
    sent: new Set(sent.map(({ id }) => id)),
    driftNano: readDrift(sqlite),
  }
}

/** A transfer that the copy of its recipient contains, but not the copy of its sender, because that one is older. */
export interface UnsentTransfer {
  readonly from: string
  readonly to: string
}

/** Lists the transfers whose amounts the namespaces would have twice. */
export function findUnsent(namespaces: ReadonlyMap<string, NamespaceFacts>): UnsentTransfer[] {
  const found: UnsentTransfer[] = []
  for (const [to, { received }] of namespaces) {
    for (const { id, from } of received) {
      const sender = namespaces.get(from)
      if (sender !== undefined && !sender.sent.has(id)) found.push({ from, to })
    }
  }
  return found
}

/** Reads the slugs whose namespaces were created. */
export function readDirectory(sqlite: Sqlite.Database): DirectoryEntry[] {
  const rows = sqlite.prepare("SELECT slug, deleted_at AS deletedAt FROM namespace WHERE id <> '' ORDER BY slug").all()
  return (rows as { slug: string; deletedAt: number | null }[]).map(({ slug, deletedAt }) => {
    return { slug, isDeleted: deletedAt !== null }
  })
}

/** Compares the running sums of a namespace with its ledger and the usage of the open day. */
function readDrift(sqlite: Sqlite.Database): number {
  const money = readValue(sqlite, 'money') as { ledgerNano: number; unpostedNano: number; day: string } | undefined
  if (money === undefined) return 0
  const { entered } = sqlite.prepare('SELECT total(amount_nano) AS entered FROM ledger').get() as { entered: number }
  const { open } = sqlite
    .prepare(
      `SELECT total(requests * ${rates.requests} + rows_read * ${rates.rowsRead} + rows_written * ${rates.rowsWritten}
         + ai_tokens * ${rates.aiTokens} + storage_nano) AS open FROM usage WHERE day = ?`,
    )
    .get(money.day) as { open: number }
  return money.ledgerNano - money.unpostedNano - (entered - open)
}
