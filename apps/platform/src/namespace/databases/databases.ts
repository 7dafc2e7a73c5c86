import { type Database, type DatabaseSort, type Listed, type Paging, PerSQLError, rates } from '@persql/contract'
import * as z from 'zod'
import type { SizeMeasurement } from '../../database/metering/measurement.ts'
import { assertRoom } from '../../disk-space.ts'
import { mapPage, type Order, readPage } from '../../paging.ts'
import type { Migration } from '../../storage/migrate.ts'
import { type CreditLease, NO_LEASE, outstanding } from '../credit/credit-account.ts'
import { type DatabaseSelection, type ListKey, toCountQuery, toListQuery, toOrder } from './database-list.ts'
import {
  type Damage,
  type DatabaseRecord,
  type LeaseRow,
  type RecordRow,
  type Row,
  SELECT_ROWS,
  toDatabase,
  toLease,
  toRecord,
} from './database-rows.ts'
import { recordSchema } from './schema-summaries.ts'

/** Last reported size and last use, so that a list needs no calls to databases. */
export const SIZES: Migration = {
  name: 'sizes and last use of databases',
  sql: `
    ALTER TABLE database ADD COLUMN stored_bytes INTEGER;
    ALTER TABLE database ADD COLUMN row_count INTEGER;
    ALTER TABLE database ADD COLUMN rows_estimated INTEGER;
    ALTER TABLE database ADD COLUMN measured_at INTEGER;
    ALTER TABLE database ADD COLUMN used_at INTEGER;
    UPDATE database SET used_at = (
      SELECT 1000 * unixepoch(max(day)) FROM usage WHERE database_id = database.id AND requests > 0
    );
  `,
}

/** The indexes of the orders and filters of a list. */
export const LIST_ORDERS: Migration = {
  name: 'orders of the list of databases',
  sql: `
    -- Without NULL, so that one comparison finds the next page.
    ALTER TABLE database ADD COLUMN used_order INTEGER GENERATED ALWAYS AS (coalesce(used_at, -1)) VIRTUAL;
    ALTER TABLE database ADD COLUMN bytes_order INTEGER GENERATED ALWAYS AS (coalesce(stored_bytes, -1)) VIRTUAL;
    ALTER TABLE database ADD COLUMN rows_order INTEGER GENERATED ALWAYS AS (coalesce(row_count, -1)) VIRTUAL;
    CREATE INDEX database_created ON database (created_at, id);
    CREATE INDEX database_used ON database (used_order, id);
    CREATE INDEX database_bytes ON database (bytes_order, id);
    CREATE INDEX database_rows ON database (rows_order, id);
    CREATE INDEX lineage_parent ON lineage (parent_id);
  `,
}

// A lease reads its database several times. Reading all columns takes three times as long.
const LEASE_COLUMNS = 'requests, rows_read, rows_written, ai_tokens, lease_version, ceiling_nano'
const FIND = `SELECT id, slug, generation, damage, ${LEASE_COLUMNS} FROM database
  LEFT JOIN lineage ON lineage.database_id = database.id
  WHERE slug = ? AND status = 'healthy' AND coalesce(ready, 1) = 1`

const SPENT_NANO = `requests * ${rates.requests} + rows_read * ${rates.rowsRead} + rows_written * ${rates.rowsWritten}
  + ai_tokens * ${rates.aiTokens}`

/** The databases of a namespace and their credit leases. */
export class Databases {
  readonly #sql: SqlStorage
  readonly #assertRoom: (count: number) => void
  #lentNano: number | undefined
  #storedBytes: number | undefined
  #count: number | undefined

  /** @param assertRoom throws if a namespace with this number of databases can't have one more */
  constructor(sql: SqlStorage, assertRoom: (count: number) => void) {
    this.#sql = sql
    this.#assertRoom = assertRoom
  }

  list(): Database[] {
    return this.#rows('ORDER BY slug').map(toDatabase)
  }

  /** Returns a page of the databases of a selection. @throws PerSQLError `invalid_input` for an invalid cursor */
  page(selection: DatabaseSelection, sort: DatabaseSort, paging: Paging): Listed<Database> {
    const read = (after: ListKey | undefined, limit = -1) => {
      const { sql, params } = toListQuery(selection, sort, after, limit)
      return this.#sql.exec(sql, ...params).toArray() as unknown as Row[]
    }
    const count = toCountQuery(selection)
    const total = count ? this.#sql.exec<{ total: number }>(count.sql, ...count.params).one().total : this.count()
    return mapPage(readPage(toOrder(sort), paging, read, total), toDatabase)
  }

  /** Returns a page of the branches of a database by ref. @throws PerSQLError `invalid_input` */
  branchPage(parentId: string, paging: Paging): Listed<Database> {
    const where = "parent_id = ? AND ref IS NOT NULL AND status = 'healthy'"
    const read = (after: readonly [string] | undefined, limit = -1) =>
      after === undefined
        ? this.#rows(`WHERE ${where} ORDER BY ref LIMIT ?`, parentId, limit)
        : this.#rows(`WHERE ${where} AND ref > ? ORDER BY ref LIMIT ?`, parentId, ...after, limit)
    const count = `SELECT count(*) AS total FROM database JOIN lineage ON lineage.database_id = database.id WHERE ${where}`
    const { total } = this.#sql.exec<{ total: number }>(count, parentId).one()
    return mapPage(readPage(BY_REF, paging, read, total), toDatabase)
  }

  /** @throws PerSQLError `database_not_found` */
  get(slug: string): Database {
    const [row] = this.#rows('WHERE slug = ?', slug)
    if (!row) throw new PerSQLError('database_not_found', { database: slug })
    return toDatabase(row)
  }

  has(slug: string): boolean {
    return this.find(slug) !== undefined
  }

  /** Finds an active database that isn't being filled. */
  find(slug: string): DatabaseRecord | undefined {
    const [row] = this.#sql.exec<RecordRow>(FIND, slug).toArray()
    return row && toRecord(row)
  }

  /** Finds a database, even if it is being filled or deleted. */
  ofAnyStatus(id: string): DatabaseRecord | undefined {
    return this.#records('WHERE id = ?', id)[0]
  }

  /** Finds an active database, even if it is still being filled. */
  byId(id: string): DatabaseRecord | undefined {
    return this.#records("WHERE id = ? AND status = 'healthy'", id)[0]
  }

  /** Finds a database for a list, unless it is being deleted. */
  listed(id: string): Database | undefined {
    const [row] = this.#rows("WHERE id = ? AND status = 'healthy'", id)
    return row && toDatabase(row)
  }

  /** Returns whether a database uses the slug, even one that is being deleted. */
  hasAny(slug: string): boolean {
    return this.#records('WHERE slug = ?', slug).length > 0
  }

  /** Returns an active database that isn't being filled. @throws PerSQLError `database_not_found` */
  existing(slug: string): DatabaseRecord {
    const record = this.find(slug)
    if (!record) throw new PerSQLError('database_not_found', { database: slug })
    return record
  }

  /** Lists the databases that can still spend credit, as far as the namespace knows. */
  listLeaseHolders(): DatabaseRecord[] {
    return this.#records(`WHERE ceiling_nano > (${SPENT_NANO})`)
  }

  /** Lists all databases that aren't being deleted. */
  listHealthy(): DatabaseRecord[] {
    return this.#records("WHERE status = 'healthy'")
  }

  /** Lists the databases that can contain data. */
  listDueForSampling(): DatabaseRecord[] {
    return this.#records("WHERE status = 'healthy' AND (lease_version > 0 OR stored_bytes > 0)")
  }

  /** Returns the time up to which the storage of a database is billed. */
  getSampledAt(id: string): number | undefined {
    const sql = 'SELECT coalesce(sampled_at, created_at) AS at FROM database WHERE id = ?'
    return this.#sql.exec<{ at: number }>(sql, id).toArray()[0]?.at
  }

  markSampled(id: string, atMs: number): void {
    this.#sql.exec('UPDATE database SET sampled_at = ? WHERE id = ?', atMs, id)
  }

  /** The stored bytes of all databases, as last reported. A running sum, because it goes with every lease. */
  get storedBytes(): number {
    this.#storedBytes ??= this.#sql
      .exec<{ total: number }>('SELECT coalesce(sum(stored_bytes), 0) AS total FROM database')
      .one().total
    return this.#storedBytes
  }

  /** Returns the stored bytes of one database, as last reported. */
  getStoredBytes(id: string): number {
    const rows = this.#sql.exec<Pick<Row, 'stored_bytes'>>('SELECT stored_bytes FROM database WHERE id = ?', id)
    return rows.toArray()[0]?.stored_bytes ?? 0
  }

  /** Returns the database that stores the most. */
  largest(): { readonly slug: string; readonly storedBytes: number } | undefined {
    const sql = 'SELECT slug, coalesce(stored_bytes, 0) AS storedBytes FROM database ORDER BY stored_bytes DESC LIMIT 1'
    return this.#sql.exec<{ slug: string; storedBytes: number }>(sql).toArray()[0]
  }

  /** Counts bytes for a database that is being filled, until it is measured. */
  reserveBytes(id: string, bytes: number): void {
    this.#storedBytes = undefined
    this.#sql.exec('UPDATE database SET stored_bytes = ? WHERE id = ?', bytes, id)
  }

  /** Records the size of a database, unless a newer measurement exists. */
  recordMeasurement(id: string, measurement: SizeMeasurement): void {
    const { storedBytes, rows, rowsAreEstimated, measuredAtMs } = measurement
    const before = this.#storedBytes === undefined ? 0 : this.getStoredBytes(id)
    const { rowsWritten: isRecorded } = this.#sql.exec(
      `UPDATE database SET stored_bytes = ?, row_count = ?, rows_estimated = ?, measured_at = ?
       WHERE id = ? AND (measured_at IS NULL OR measured_at <= ?)`,
      storedBytes,
      rows,
      rowsAreEstimated ? 1 : 0,
      measuredAtMs,
      id,
      measuredAtMs,
    )
    if (isRecorded > 0) recordSchema(this.#sql, id, measurement)
    if (isRecorded > 0 && this.#storedBytes !== undefined) this.#storedBytes += storedBytes - before
  }

  /** Records the generation of a database's file, unless a higher one is known. */
  recordGeneration(id: string, generation: number): void {
    this.#sql.exec('UPDATE database SET generation = ? WHERE id = ? AND generation < ?', generation, id, generation)
  }

  /** Sets the generation that a database's file must have at least. */
  setGeneration(id: string, generation: number): void {
    this.#sql.exec('UPDATE database SET generation = ? WHERE id = ?', generation, id)
  }

  setDamage(id: string, damage: Damage | null): void {
    this.#sql.exec('UPDATE database SET damage = ? WHERE id = ?', damage, id)
  }

  countDamaged(): number {
    const count = "SELECT count(*) AS damaged FROM database WHERE damage IS NOT NULL AND status = 'healthy'"
    return this.#sql.exec<{ damaged: number }>(count).one().damaged
  }

  /** Records the last use of a database. */
  recordUse(id: string, atMs: number): void {
    this.#sql.exec('UPDATE database SET used_at = ? WHERE id = ?', atMs, id)
  }

  /** Lists the databases whose deletion isn't finished. */
  listPendingDeletion(): DatabaseRecord[] {
    return this.#records("WHERE status = 'deleting'")
  }

  /** Returns the number of databases. Branches count, and so do databases whose deletion isn't finished. */
  count(): number {
    this.#count ??= this.#sql.exec<{ total: number }>('SELECT count(*) AS total FROM database').one().total
    return this.#count
  }

  /** Adds a database. @throws PerSQLError `slug_taken`, `database_deleting`, `too_many_databases` or `storage_full` */
  add(slug: string, name: string, createdBy: string, nowMs: number): Database {
    assertRoom('stores')
    const [existing] = this.#rows('WHERE slug = ?', slug)
    if (existing) throw new PerSQLError(existing.status === 'deleting' ? 'database_deleting' : 'slug_taken', { slug })
    this.#assertRoom(this.count())
    this.#count = undefined
    const id = `db_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    this.#sql.exec(
      `INSERT INTO database
         (id, slug, name, status, created_by, created_at, stored_bytes, row_count, rows_estimated, measured_at)
       VALUES (?, ?, ?, 'healthy', ?, ?, 0, 0, 0, ?)`,
      id,
      slug,
      name,
      createdBy,
      nowMs,
      nowMs,
    )
    return this.get(slug)
  }

  markPendingDeletion(id: string): void {
    this.#sql.exec("UPDATE database SET status = 'deleting' WHERE id = ?", id)
  }

  remove(id: string): void {
    this.#sql.exec('DELETE FROM label WHERE database_id = ?', id)
    this.#sql.exec('DELETE FROM database WHERE id = ?', id)
    this.#lentNano = undefined
    this.#storedBytes = undefined
    this.#count = undefined
  }

  /** Reads the current lease. A lease from before an `await` can be outdated. */
  lease(id: string): CreditLease {
    const [row] = this.#sql.exec<LeaseRow>(`SELECT ${LEASE_COLUMNS} FROM database WHERE id = ?`, id).toArray()
    return row ? toLease(row) : NO_LEASE
  }

  putLease(id: string, lease: CreditLease): void {
    const before = this.#lentNano === undefined ? undefined : outstanding(this.lease(id))
    const { seen, version, ceilingNano } = lease
    const { rowsWritten } = this.#sql.exec(
      'UPDATE database SET requests = ?, rows_read = ?, rows_written = ?, ai_tokens = ?, lease_version = ?, ceiling_nano = ? WHERE id = ?',
      seen.requests,
      seen.rowsRead,
      seen.rowsWritten,
      seen.aiTokens,
      version,
      ceilingNano,
      id,
    )
    if (rowsWritten === 0 || this.#lentNano === undefined || before === undefined) return
    this.#lentNano += outstanding(lease) - before
  }

  /**
   * The credit that all databases can still spend. A running sum, because there can be thousands of databases, and each
   * requests credit every few seconds.
   */
  get lentNano(): number {
    this.#lentNano ??= this.listLeaseHolders().reduce((sum, { lease }) => sum + outstanding(lease), 0)
    return this.#lentNano
  }

  #records(where: string, ...params: string[]): DatabaseRecord[] {
    const text = `SELECT id, slug, generation, damage, ${LEASE_COLUMNS} FROM database ${where}`
    return this.#sql
      .exec<RecordRow>(text, ...params)
      .toArray()
      .map(toRecord)
  }

  #rows(where: string, ...params: (string | number)[]): Row[] {
    return this.#sql.exec(`${SELECT_ROWS} ${where}`, ...params).toArray() as unknown as Row[]
  }
}

const BY_REF: Order<Row, [string]> = { name: 'branches', key: z.tuple([z.string()]), toKey: ({ ref }) => [ref ?? ''] }
