import { PerSQLError } from '@persql/contract'
import { readObjects } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { newViolation, violations } from '../../transfer/foreign-keys.ts'
import type { ScriptStatement } from './script.ts'

/** Foreign key checks around the statements of a migration. */
interface Checks {
  /** Runs before a statement; the returned function runs after it. */
  compare(statement: ScriptStatement): () => void
  /** Runs at the end. */
  end(): void
}

/**
 * Reads the foreign keys before a migration and finds those that it violates.
 * @param off whether foreign keys are off while it runs
 */
export function checkForeignKeys(run: RunSql, statements: readonly ScriptStatement[], off: boolean): Checks {
  const renames = statements.some(({ text }) => /\brename\b/i.test(text))
  const references = renames ? readReferences(run) : []
  const enforced = off ? checkAtEnd(run) : checkDeferred(run, statements)
  return {
    compare: enforced.compare,
    end() {
      if (renames) refuseLostReferences(references, readReferences(run))
      enforced.end()
    },
  }
}

function checkAtEnd(run: RunSql): Checks {
  const before = violations(run)
  const existing = new Set(run("SELECT name FROM sqlite_master WHERE type = 'table'").map(([name]) => name))
  return {
    compare: () => () => {},
    end() {
      const after = violations(run)
      const violated = newViolation(before, after)
      if (violated) throw refused(violated.reason, violated.extra.errorDetail.table, OFF_UNTIL_END)
      const mismatched = [...after.mismatched].find((table) => existing.has(table) && !before.mismatched.has(table))
      if (mismatched === undefined) return
      const message = `A foreign key of "${mismatched}" references columns that are no longer unique or no longer exist.`
      throw refused(message, mismatched, 'Recreate the primary key or the unique index of the parent table.')
    },
  }
}

// SQLite counts violations of deferred foreign keys while statements run, and checks the count at the commit. The
// runtime commits, and a failed commit would end the object without an error message, so rows without a parent are
// found before. SQLite reduces the count when rows are inserted, but not when a new table takes the name of the old
// one.
function checkDeferred(run: RunSql, statements: readonly ScriptStatement[]): Checks {
  const deferred = mayDefer(run, statements)
  const orphans = () => (deferred ? run('PRAGMA foreign_key_check') : [])
  const before = orphans().length
  return {
    compare({ text }) {
      const known = deferred && TAKES_PLACE.test(text) ? orphans() : []
      return () => {
        if (known.length > before && orphans().length < known.length) throw orphaned(known, REPLACED)
      }
    },
    end() {
      const after = orphans()
      if (after.length > before)
        throw orphaned(after, 'After the migration, rows of this table would have missing references.')
    },
  }
}

const TAKES_PLACE = /\b(alter[\s\S]*rename|create[\s\S]*as)\b/i
const REPLACED =
  "Rows reference a dropped table, and a new table with the same name doesn't replace it. Start the migration with PRAGMA foreign_keys=OFF."
const OFF_UNTIL_END = 'Foreign keys are off during this migration and are checked at the end.'

function mayDefer(run: RunSql, statements: readonly ScriptStatement[]): boolean {
  if (statements.some(({ text }) => /defer/i.test(text))) return true
  return readObjects(run).some((object) => /deferred/i.test(object.sql ?? ''))
}

type Reference = readonly [child: string, id: number, parent: string, exists: number]

const readReferences = (run: RunSql) =>
  run(
    `SELECT DISTINCT m.name, f.id, f."table", EXISTS (SELECT 1 FROM sqlite_master p WHERE p.type = 'table' AND p.name = f."table" COLLATE NOCASE)
     FROM sqlite_master m, pragma_foreign_key_list(m.name) f
     WHERE m.type = 'table' AND lower(m.name) NOT GLOB '_cf_*' AND lower(m.name) NOT GLOB '_persql_*'`,
  ) as unknown as Reference[]

/**
 * Refuses a migration that loses references: ALTER TABLE … RENAME also renames references, so dropping the renamed
 * table leaves them without a parent.
 */
function refuseLostReferences(before: readonly Reference[], after: readonly Reference[]): void {
  for (const [child, id, parent, exists] of after) {
    if (exists) continue
    const was = before.find(([name, key]) => name === child && key === id)
    if (!was || was[2] === parent || !was[3]) continue
    const message = `"${child}" references "${was[2]}". After this migration it would reference "${parent}", which is dropped.`
    const hint = `Don't rename "${was[2]}" first. Create the new table under another name, copy the rows, drop "${was[2]}", and rename the new table to "${was[2]}".`
    throw refused(message, child, hint)
  }
}

function orphaned(rows: readonly unknown[][], hint: string): PerSQLError {
  return refused('FOREIGN KEY constraint failed', String(rows.at(-1)?.[0]), hint)
}

function refused(message: string, table: string, hint: string): PerSQLError {
  const errorDetail = { kind: 'fk_violation', message, table, hint }
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail } })
}
