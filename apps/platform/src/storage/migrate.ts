/**
 * One step of a schema of our own. A released step is never edited: write a new one, and raise the data format in
 * `apps/launcher/src/data-format.ts`, for older programs cannot work with the data any more.
 */
export interface Migration {
  readonly name: string
  readonly sql: string
}

const KEY = 'migrations'

/**
 * Brings an object's own tables up to date, in one transaction.
 * @throws when a step that ran before reads differently now: the code and the data no longer belong together
 */
export function migrate(storage: DurableObjectStorage, migrations: readonly Migration[]): void {
  const applied = storage.kv.get<Migration[]>(KEY) ?? []
  applied.forEach(({ name, sql }, i) => {
    const now = migrations[i]
    if (now?.name !== name || now.sql !== sql) throw new Error(`Migration "${name}" changed after it was applied.`)
  })
  if (applied.length === migrations.length) return
  storage.transactionSync(() => {
    for (const { sql } of migrations.slice(applied.length)) storage.sql.exec(sql)
    storage.kv.put(
      KEY,
      migrations.map(({ name, sql }) => ({ name, sql })),
    )
  })
}
