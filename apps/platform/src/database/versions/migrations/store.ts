import { createHash } from 'node:crypto'
import { type Api, type Listed, type Migration, type Parsed, PerSQLError } from '@persql/contract'
import * as z from 'zod'
import { toIso } from '../../../clock.ts'
import { type Order, readPage } from '../../../paging.ts'
import type { StoredMigration } from '../../../sqlite/stored-migration.ts'
import { limitReached } from '../../../storage/limit-reached.ts'
import type { SystemStorage } from '../../engine/system-storage.ts'
import { addApplied, contentKeys as appliedKeys, PREFIX } from './applied.ts'

/** The content of a draft. */
export type MigrationDraft = Pick<StoredMigration, 'name' | 'sql' | 'statements'>

/** The paging input of the list. */
type Wanted = Pick<Parsed<Api['list_migrations']>, 'pageSize' | 'cursor' | 'limit' | 'before'>

const MAX_MIGRATIONS = 5_000
/** The number of migrations in a list without `limit` and `pageSize`. */
const LISTED = 100
const NEWEST_FIRST: Order<StoredMigration, [number]> = {
  name: 'migrations',
  key: z.tuple([z.int().min(1)]),
  toKey: ({ number }) => [number],
  measure: ({ sql }) => sql.length,
}
/** The prefix of the keys of migration names. */
export const NAMES = 'migration-name/'
/** The storage keys, or their prefixes, that are deleted with the rows and tables of a database. */
export const contentKeys = [PREFIX, NAMES, ...appliedKeys]
/** The key of the last assigned number. */
export const NUMBER = 'migration-number'

/**
 * The migrations of a database, stored outside of SQL: `migration/<number>`, and the number under
 * `migration-name/<name>`.
 */
export class Migrations {
  readonly #kv: SyncKvStorage
  readonly #ownPages: SystemStorage

  constructor(storage: DurableObjectStorage, ownPages: SystemStorage) {
    this.#kv = storage.kv
    this.#ownPages = ownPages
  }

  /**
   * Returns a page of migrations, newest first, from before the migration `before`.
   * @throws PerSQLError `migration_not_found`, or `invalid_input` for an invalid cursor
   */
  page({ pageSize, cursor, limit, before }: Wanted): Listed<StoredMigration> {
    if (cursor !== undefined && before !== undefined) {
      throw new PerSQLError('invalid_input', { problem: 'Pass "cursor" or "before", not both.' })
    }
    const first = before === undefined ? undefined : parseId(before)
    const read = (after: readonly [number] | undefined, most: number | undefined) => {
      const behind = after?.[0] ?? first
      const end = behind === undefined ? {} : { end: toKey(behind) }
      const options = { prefix: PREFIX, reverse: true, limit: most ?? MAX_MIGRATIONS, ...end }
      return [...this.#kv.list<StoredMigration>(options)].map(([, each]) => each)
    }
    const size = pageSize ?? limit ?? (cursor === undefined ? LISTED : undefined)
    return readPage(NEWEST_FIRST, { pageSize: size, cursor }, read, [...this.#kv.list({ prefix: NAMES })].length)
  }

  /** Returns a migration that is not applied. @throws PerSQLError `migration_not_found` or `migration_applied` */
  draft(id: string): StoredMigration {
    const stored = this.#kv.get<StoredMigration>(toKey(parseId(id)))
    if (!stored) throw notFound(id)
    if (stored.applied) throw taken(stored)
    return stored
  }

  /**
   * Creates a draft.
   * @throws PerSQLError `migration_applied` or `migration_exists` if the name is taken, or `limit_reached`
   */
  create(draft: MigrationDraft, nowMs: number): StoredMigration {
    this.#requireFree(draft.name)
    if ([...this.#kv.list({ prefix: NAMES })].length >= MAX_MIGRATIONS) {
      throw limitReached(MAX_MIGRATIONS, 'migrations', 'Delete drafts you no longer need.')
    }
    const number = (this.#kv.get<number>(NUMBER) ?? 0) + 1
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs }
    const stored = { ...draft, number, checksum: sha256(draft.sql), ...times }
    this.#ownPages.around(() => {
      this.#kv.put(NUMBER, number)
      this.#put(stored)
    })
    return stored
  }

  /** Updates a draft. @throws PerSQLError `migration_applied` or `migration_exists` if the name is taken */
  change({ failed, ...before }: StoredMigration, draft: MigrationDraft, nowMs: number): StoredMigration {
    if (draft.name !== before.name) this.#requireFree(draft.name)
    const checksum = sha256(draft.sql)
    // The recorded failure belongs to the previous text.
    const still = checksum === before.checksum && failed ? { failed } : {}
    const stored = { ...before, ...draft, checksum, updatedAtMs: nowMs, ...still }
    this.#ownPages.around(() => {
      this.#kv.delete(NAMES + before.name)
      this.#put(stored)
    })
    return stored
  }

  delete({ number, name }: StoredMigration): void {
    this.#ownPages.around(() => {
      this.#kv.delete(NAMES + name)
      this.#kv.delete(toKey(number))
    })
  }

  /** Marks a draft as applied. Call it in the transaction of its statements. */
  freeze(
    { failed: _failed, ...draft }: StoredMigration,
    applied: NonNullable<StoredMigration['applied']>,
  ): StoredMigration {
    const stored = { ...draft, applied }
    this.#ownPages.around(() => {
      addApplied(this.#kv, stored)
      this.#put(stored)
    })
    return stored
  }

  /** Saves the reason why a draft couldn't be applied. */
  fail(draft: StoredMigration, failed: NonNullable<StoredMigration['failed']>): void {
    this.#ownPages.around(() => this.#put({ ...draft, failed }))
  }

  #put(stored: StoredMigration): void {
    this.#kv.put(NAMES + stored.name, stored.number)
    this.#kv.put(toKey(stored.number), stored)
  }

  #requireFree(name: string): void {
    const number = this.#kv.get<number>(NAMES + name)
    if (number !== undefined) throw taken(this.#kv.get<StoredMigration>(toKey(number)) as StoredMigration)
  }
}

/** Returns a migration in the format of the API. */
export function toMigration(stored: StoredMigration): Migration {
  const { name, sql, checksum, statements, createdAtMs, updatedAtMs, applied, inherited, failed } = stored
  return {
    id: formatId(stored),
    name,
    sql,
    checksum,
    statements,
    createdAt: toIso(createdAtMs),
    updatedAt: toIso(updatedAtMs),
    appliedAt: applied ? toIso(applied.atMs) : null,
    appliedBy: applied?.by ?? null,
    durationMs: applied?.durationMs ?? null,
    bookmark: applied?.bookmark ?? null,
    ...(inherited && { inherited }),
    ...(failed && { error: toError(failed) }),
  }
}

/** Returns the ID of a migration in URLs. */
export const formatId = ({ number }: Pick<StoredMigration, 'number'>): string => `mig_${number}`

function parseId(id: string): number {
  const digits = /^mig_([1-9]\d{0,11})$/.exec(id)?.[1]
  if (!digits) throw notFound(id)
  return Number(digits)
}

/**
 * Returns the error for a taken name. It includes the ID and checksum, so that the caller can compare the migrations.
 */
function taken(stored: StoredMigration): PerSQLError {
  const { name, checksum, applied } = stored
  const known = { id: formatId(stored), checksum }
  return applied
    ? new PerSQLError('migration_applied', { name }, { extra: { ...known, appliedAt: toIso(applied.atMs) } })
    : new PerSQLError('migration_exists', { name }, { extra: known })
}

const toError = ({ atMs, ...error }: NonNullable<StoredMigration['failed']>) => ({ ...error, at: toIso(atMs) })
const notFound = (id: string) => new PerSQLError('migration_not_found', { id })
/** Returns the storage key of a migration. */
export const toKey = (number: number) => PREFIX + String(number).padStart(12, '0')
// The runtime's own digest is asynchronous, and the name could be taken before it resolves.
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
