import { createHash } from 'node:crypto'
import { readSchemaText, type SchemaText } from '../../sqlite/schema.ts'
import { hashForms, RULES, readSchemaForms } from '../../sqlite/schema-form.ts'
import type { RunSql } from '../../sqlite/schema-map.ts'
import type { SchemaSummary } from '../metering/measurement.ts'
import { findApplied, readApplied } from './migrations/applied.ts'
import { findBookkeeping } from './migrations/bookkeeping.ts'
import { readChangeNumber } from './schema-changes.ts'

/** A summary, and what shows that it is still valid. */
export interface KeptSummary extends SchemaSummary {
  /** A hash of all statements, by which an unchanged schema is recognized without parsing it. */
  readonly statements: string
  readonly characters: number
  /** The number of the last logged schema change. */
  readonly change: number
}

/** The maximum length of a schema that is hashed. Parsing 1,000,000 characters takes up to 1 s. */
const MAX_CHARACTERS = 2_000_000

/** Returns the hash of a schema without the tables of migration tools. */
export function hashSchema(schema: SchemaText): string {
  return hashForms(readSchemaForms(schema, isBookkeeping))
}

/** Returns whether a table belongs to a migration tool: it says nothing about the schema. */
export const isBookkeeping = (table: string, columns: readonly string[]): boolean =>
  findBookkeeping(table, columns) !== undefined

/** Returns whether no schema change and no migration was recorded since a summary. */
export function isCurrent(kv: SyncKvStorage, kept: KeptSummary | undefined): boolean {
  return (
    kept !== undefined &&
    kept.change === readChangeNumber(kv) &&
    JSON.stringify(kept.migration) === JSON.stringify(findApplied(kv))
  )
}

/** Reads the summary, and writes to system storage. The schema is parsed only if its statements differ from those of the last summary. */
export function summarize(run: RunSql, kv: SyncKvStorage, last: KeptSummary | undefined): KeptSummary {
  const schema = readSchemaText(run)
  const objects = [...schema.tables, ...schema.others]
  const characters = objects.reduce((sum, { name, sql }) => sum + name.length + sql.length, 0)
  const digest = createHash('sha256').update(`${RULES}`)
  for (const { type, name, sql } of objects) digest.update(`\0${type}\0${name}\0${sql}`)
  const statements = digest.digest('hex')
  const hash = () => (characters > MAX_CHARACTERS ? null : hashSchema(schema))
  const schemaHash = last?.statements === statements ? last.schemaHash : hash()
  return { schemaHash, migration: readApplied(kv), statements, characters, change: readChangeNumber(kv) }
}
