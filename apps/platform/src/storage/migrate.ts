/**
 * One step of an internal schema. Never edit a released step: add a new one, and raise the data format in
 * `apps/launcher/src/data-format.ts`, because older versions can't read the new data.
 */
export interface Migration {
  readonly name: string
  readonly sql: string
}

const KEY = 'migrations'

/** Returns whether a step has been applied. On a full disk, an object can run before its steps are. */
export const isApplied = (storage: DurableObjectStorage, { name }: Migration): boolean =>
  (storage.kv.get<Migration[]>(KEY) ?? []).some((applied) => applied.name === name)

/**
 * Migrates an object's own tables in one transaction.
 * @throws Error if an applied step has changed: code and data don't match
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
