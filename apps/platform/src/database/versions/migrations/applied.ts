import type { AppliedMigrations, StoredMigration } from '../../../sqlite/stored-migration.ts'

/** The prefix of the keys of migrations. */
export const PREFIX = 'migration/'
const PAGE_ROWS = 50
/** The key of the last applied migration; absent if it has to be read from all migrations. */
const APPLIED = 'applied-migration'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [APPLIED]

interface Kept {
  readonly last?: AppliedMigrations
}

/** Yields all migrations, page by page, because all of them might not fit into memory. */
export function* listStored(kv: SyncKvStorage): Generator<StoredMigration> {
  let start = PREFIX
  for (;;) {
    const page = [...kv.list<StoredMigration>({ prefix: PREFIX, start, limit: PAGE_ROWS })]
    for (const [, stored] of page) yield stored
    const last = page.at(-1)
    if (!last || page.length < PAGE_ROWS) return
    start = `${last[0]}\0`
  }
}

/** Returns the last applied migration; `null` without one, `undefined` if it has to be read from all migrations. */
export function findApplied(kv: SyncKvStorage): AppliedMigrations | null | undefined {
  const kept = kv.get<Kept>(APPLIED)
  return kept && (kept.last ?? null)
}

/** Returns the last applied migration, `null` without one, and saves it. */
export function readApplied(kv: SyncKvStorage): AppliedMigrations | null {
  const known = findApplied(kv)
  if (known !== undefined) return known
  const counted = countAll(kv)
  kv.put(APPLIED, counted)
  return counted.last ?? null
}

/** Records that a migration was applied. Call it in the transaction of the migration, before it is stored as applied. */
export function addApplied(kv: SyncKvStorage, { name, applied }: StoredMigration): void {
  const count = (readApplied(kv)?.count ?? 0) + 1
  kv.put(APPLIED, { last: { name, atMs: applied?.atMs ?? 0, count } } satisfies Kept)
}

/** Makes the next `readApplied` read all migrations. Call it after others were stored as applied or as drafts. */
export function forgetApplied(kv: SyncKvStorage): void {
  kv.delete(APPLIED)
}

function countAll(kv: SyncKvStorage): Kept {
  let last: Omit<AppliedMigrations, 'count'> | undefined
  let count = 0
  for (const { name, applied } of listStored(kv)) {
    if (!applied) continue
    count++
    if (!last || applied.atMs >= last.atMs) last = { name, atMs: applied.atMs }
  }
  return last ? { last: { ...last, count } } : {}
}
