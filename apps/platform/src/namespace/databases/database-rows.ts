import type { Database, Labels } from '@persql/contract'
import { toIso } from '../../clock.ts'
import type { CreditLease } from '../credit/credit-account.ts'

/**
 * The damage of a database's file. `corrupt`: SQLite can't read it. The others are found when the database takes a
 * lease, by the generation in its file, which grows with each save: the file is gone, is an older copy, or is the file
 * of another database or a folder.
 */
export type Damage = 'corrupt' | 'missing' | 'outdated' | 'replaced'

export interface Row {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly status: 'healthy' | 'deleting'
  readonly created_at: number
  readonly expires_at: number | null
  readonly sampled_at: number | null
  readonly requests: number
  readonly rows_read: number
  readonly rows_written: number
  readonly ai_tokens: number
  readonly lease_version: number
  readonly ceiling_nano: number
  readonly stored_bytes: number | null
  readonly row_count: number | null
  readonly rows_estimated: number | null
  readonly measured_at: number | null
  readonly used_at: number | null
  readonly parent_id: string | null
  readonly parent_slug: string | null
  readonly parent_name: string | null
  readonly ref: string | null
  readonly forked_at: number | null
  readonly ready: number | null
  readonly generation: number
  readonly damage: Damage | null
  readonly schema_hash: string | null
  readonly migration_name: string | null
  readonly migration_at: number | null
  readonly migration_count: number | null
  readonly description: string | null
  /** A JSON object. */
  readonly labels: string
  readonly delete_protected: number
  readonly region: string | null
  readonly max_bytes: number | null
  readonly created_by: string | null
  readonly used_order: number
  readonly bytes_order: number
  readonly rows_order: number
}

/** A database in its namespace's records, with its credit lease. */
export interface DatabaseRecord {
  readonly id: string
  readonly slug: string
  readonly lease: CreditLease
  /** The highest generation of its file that the database reported. */
  readonly generation: number
  readonly damage: Damage | null
}

/** The columns of a lease. */
export type LeaseRow = Pick<
  Row,
  'requests' | 'rows_read' | 'rows_written' | 'ai_tokens' | 'lease_version' | 'ceiling_nano'
>
/** The columns of a record. */
export type RecordRow = LeaseRow & Pick<Row, 'id' | 'slug' | 'generation' | 'damage'>

/** Selects all columns of databases. */
export const SELECT_ROWS = `SELECT *, (
    SELECT json_group_object(key, value) FROM label WHERE label.database_id = database.id
  ) AS labels FROM database LEFT JOIN lineage ON lineage.database_id = database.id`

/** Converts a row for a response. */
export function toDatabase(row: Row): Database {
  const { id, slug, name, ref } = row
  return {
    id,
    slug,
    name,
    description: row.description,
    labels: JSON.parse(row.labels) as Labels,
    deleteProtected: row.delete_protected === 1,
    region: row.region as Database['region'],
    maxBytes: row.max_bytes,
    createdFrom: row.parent_id === null ? 'empty' : ref === null ? 'fork' : 'branch',
    createdBy: row.created_by,
    status: toStatus(row),
    createdAt: toIso(row.created_at),
    branchRef: ref,
    forkedFrom:
      row.parent_id === null ? null : { id: row.parent_id, slug: row.parent_slug ?? '', name: row.parent_name ?? '' },
    forkedAt: toIso(row.forked_at),
    expiresAt: toIso(row.expires_at),
    storedBytes: row.stored_bytes,
    rows: row.row_count,
    rowsAreEstimated: row.rows_estimated === 1,
    measuredAt: toIso(row.measured_at),
    lastUsedAt: toIso(row.used_at),
    ...toSchema(row),
  }
}

function toStatus({ status, ready, damage }: Row): Database['status'] {
  if (status !== 'healthy') return status
  if (damage !== null) return 'damaged'
  return ready === 0 ? 'provisioning' : 'healthy'
}

/** Converts a row to a record. */
export function toRecord(row: RecordRow): DatabaseRecord {
  const { id, slug, generation, damage } = row
  return { id, slug, generation, damage, lease: toLease(row) }
}

/** Converts a row to a lease. */
export function toLease(row: LeaseRow): CreditLease {
  const { requests, rows_read: rowsRead, rows_written: rowsWritten, ai_tokens: aiTokens } = row
  const seen = { requests, rowsRead, rowsWritten, aiTokens }
  return { seen, version: row.lease_version, ceilingNano: row.ceiling_nano }
}

/** Returns the schema of a database in the format of the API. */
function toSchema(row: Row): Pick<Database, 'schemaHash' | 'migration'> {
  const { schema_hash: schemaHash, migration_name: name, migration_at: at, migration_count: count } = row
  return { schemaHash, migration: name === null ? null : { name, appliedAt: toIso(at ?? 0), count: count ?? 0 } }
}
