import { readSchemaText, type SchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type HighestId, readHighestIds } from '../ids/highest.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import { type CommonSchema, FORK_POINT, keepSchema, keptSchema } from './merge-base-schema.ts'
import { type Rename, renamesOf } from './renames.ts'

/** A branch as a merge sees it. */
export interface ForkState {
  /** Of this making or reset of the branch, with the schema it began with; nothing in a branch older than that is kept. */
  readonly fork: string | undefined
  readonly base: SchemaText | undefined
  readonly schema: SchemaText
  /** The number of the last change of the schema, and what changes have renamed. */
  readonly change: number
  readonly renames: readonly Rename[]
  /** Of its tables, the highest ids. */
  readonly ids: readonly HighestId[]
  /** How far migration tools had come where it began. */
  readonly versions: CommonSchema['versions']
  /** Another one each time that its rows are replaced by those of a snapshot. */
  readonly rows: string
}

/** Notes what a branch begins with. To be called in the transaction in which it begins. */
export const beginFork = (kv: SyncKvStorage, schema: SchemaText, versions: CommonSchema['versions']): void =>
  keepSchema(kv, FORK_POINT, { fork: crypto.randomUUID(), change: 0, schema, versions })

/** Whether a database has begun as a branch. */
export const isBranch = (kv: SyncKvStorage): boolean => [...kv.list({ prefix: FORK_POINT, limit: 1 })].length > 0

/** All in one turn, so that it goes together. */
export function forkStateOf(kv: SyncKvStorage, run: RunSql, schemaChanges: SchemaChangeLog): ForkState {
  const point = keptSchema(kv, FORK_POINT)
  const changes = schemaChanges.list(1_000)
  return {
    fork: point?.fork,
    base: point?.schema,
    schema: readSchemaText(run),
    change: changes[0]?.number ?? 0,
    renames: renamesOf(changes),
    ids: readHighestIds(run),
    versions: point?.versions,
    rows: kv.get<string>(ROWS) ?? '',
  }
}

const ROWS = 'rows'

/** Notes that the rows are others than those that were merged. To be called in the transaction that replaces them. */
export const renewRows = (kv: SyncKvStorage): void => kv.put(ROWS, crypto.randomUUID())
