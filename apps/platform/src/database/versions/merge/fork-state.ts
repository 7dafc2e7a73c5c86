import { PerSQLError } from '@persql/contract'
import { readSchemaText, type SchemaText } from '../../../sqlite/schema.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import { type HighestId, readHighestIds } from '../ids/highest.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import { type CommonSchema, FORK_POINT, keepSchema, keptSchema, MERGED } from './merge-base-schema.ts'
import { parseRenames, type Rename } from './renames.ts'

/** The state of a branch that a merge compares. */
export interface ForkState {
  /**
   * The ID of the last creation or reset of the branch, with its initial schema; `undefined` in branches that predate
   * it.
   */
  readonly fork: string | undefined
  readonly base: SchemaText | undefined
  readonly schema: SchemaText
  /** The number of the last schema change, and the renames in all schema changes. */
  readonly change: number
  readonly renames: readonly Rename[]
  /** The highest IDs of its tables. */
  readonly ids: readonly HighestId[]
  /** The versions of migration tools when the branch was created. */
  readonly versions: CommonSchema['versions']
  /** An ID that changes each time a snapshot replaces the rows. */
  readonly rows: string
}

/** Records the initial schema of a branch. Call it in the transaction that creates it. */
export const beginFork = (kv: SyncKvStorage, schema: SchemaText, versions: CommonSchema['versions']): void =>
  keepSchema(kv, FORK_POINT, { fork: crypto.randomUUID(), change: 0, schema, versions })

/** Returns whether a database was created as a branch. */
export const isBranch = (kv: SyncKvStorage): boolean => [...kv.list({ prefix: FORK_POINT, limit: 1 })].length > 0

/** Reads the state in one turn, so that its parts are consistent. */
export function readForkState(kv: SyncKvStorage, run: RunSql, schemaChanges: SchemaChangeLog): ForkState {
  const point = keptSchema(kv, FORK_POINT)
  const changes = schemaChanges.list(1_000)
  return {
    fork: point?.fork,
    base: point?.schema,
    schema: readSchemaText(run),
    change: changes[0]?.number ?? 0,
    renames: parseRenames(changes),
    ids: readHighestIds(run),
    versions: point?.versions,
    rows: kv.get<string>(ROWS) ?? '',
  }
}

/**
 * Returns the merge base: the schema of the last merge into this parent, or the initial schema of the branch.
 * @throws PerSQLError `fork_point_unknown`
 */
export function findCommonSchema(
  kv: SyncKvStorage,
  branchId: string,
  { fork, base, versions }: ForkState,
  ref: string,
): Omit<CommonSchema, 'fork'> {
  if (!base || fork === undefined) throw new PerSQLError('fork_point_unknown', { ref })
  const merged = keptSchema(kv, MERGED + branchId)
  return merged?.fork === fork ? merged : { change: 0, schema: base, ...(versions && { versions }) }
}

const ROWS = 'rows'

/** Records that the rows were replaced since the last merge. Call it in the transaction that replaces them. */
export const renewRows = (kv: SyncKvStorage): void => kv.put(ROWS, crypto.randomUUID())
