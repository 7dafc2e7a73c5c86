import { PerSQLError } from '@persql/contract'
import type { Env } from '../../env.ts'
import { gauge } from '../../metrics/metrics.ts'
import { getSettings } from '../../settings.ts'
import type { Migration } from '../../storage/migrate.ts'
import type { Damage, DatabaseRecord } from './database-rows.ts'
import type { Databases } from './databases.ts'

export const DAMAGE: Migration = {
  name: 'generations and damage of databases',
  sql: `
    -- The highest generation of the file that the database reported. 0 before its first report; -1 accepts any file.
    ALTER TABLE database ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE database ADD COLUMN damage TEXT;
  `,
}

/** The services that the detection of damage uses. */
export interface DamageOptions {
  readonly env: Env
  readonly databases: Databases
  readonly namespace: () => string
}

/** The numbers of damaged databases in this process, by namespace. */
const counts = new Map<string, number>()

/** Notices damaged files of databases, so that none is served as an empty or an older database. */
export class FileDamage {
  readonly #options: DamageOptions

  constructor(options: DamageOptions) {
    this.#options = options
  }

  /**
   * Compares the file of a database that takes a lease with the record. A file that fits again is served again.
   * @param id the database in the file; `undefined` if the file is empty
   * @throws PerSQLError `database_damaged`
   */
  assertFits(record: DatabaseRecord, id: string | undefined, generation: number): void {
    const { env } = this.#options
    // On Cloudflare, files can't be lost, and point-in-time recovery brings older ones back.
    if (getSettings(env).runtime === 'cloudflare') return
    const damage = findDamage(record, id, generation)
    if (damage !== undefined) {
      this.report(record, damage, `generation ${generation} in the file, ${record.generation} on record`)
      throw new PerSQLError('database_damaged')
    }
    if (record.damage !== null && record.damage !== 'corrupt') this.#set(record, null)
  }

  /** Records that the file of a database is damaged, and logs its path in the data folder. */
  report(record: DatabaseRecord, damage: Damage, cause: string): void {
    if (record.damage !== null) return
    this.#set(record, damage)
    const { env, namespace } = this.#options
    const folder = Number(env.PERSQL_CELL ?? 0) === 0 ? 'objects' : `cells/${env.PERSQL_CELL}/objects`
    const file = `${folder}/${this.#getPath(record)}`
    const about = { namespace: namespace(), database: record.slug, damage, file, cause }
    console.error(JSON.stringify({ level: 'error', event: 'database_damaged', ...about }))
  }

  /**
   * Records the damage if a folder is in the place of a file that SQLite can't open. Anything else, such as too few
   * descriptors, can pass.
   */
  async reportFolder(record: DatabaseRecord, cause: string): Promise<boolean> {
    const { OBJECT_FILES: files } = this.#options.env
    const response = await files?.fetch(`http://files/${this.#getPath(record)}`, { method: 'HEAD' })
    const isFolder = response?.headers.get('content-type') === 'application/json'
    if (isFolder) this.report(record, 'replaced', cause)
    return isFolder
  }

  /** Records that a database has a new file, which can replace a damaged one. */
  acceptNew(id: string): void {
    const { databases } = this.#options
    databases.setGeneration(id, 1)
    databases.setDamage(id, null)
    this.count()
  }

  /** Serves the file of a database as it is, even if it is empty or older than the record. */
  accept(record: DatabaseRecord): void {
    this.#options.databases.setGeneration(record.id, -1)
    this.#set(record, null)
  }

  /** Updates the number of damaged databases in the metrics. Call it when the namespace starts. */
  count(): void {
    counts.set(this.#options.namespace(), this.#options.databases.countDamaged())
    gauge(
      'persql_damaged_databases',
      [...counts.values()].reduce((sum, count) => sum + count, 0),
    )
  }

  #getPath({ slug }: DatabaseRecord): string {
    const { env, namespace } = this.#options
    return `database/${env.DATABASES.idFromName(`${namespace()}/${slug}`)}.sqlite`
  }

  #set(record: DatabaseRecord, damage: Damage | null): void {
    this.#options.databases.setDamage(record.id, damage)
    this.count()
  }
}

function findDamage(
  { id: known, generation: recorded, lease }: DatabaseRecord,
  id: string | undefined,
  generation: number,
): Damage | undefined {
  // Records of older versions have no generation, but usage shows that the database had a file.
  const isInitialized = recorded > 0 || (recorded === 0 && lease.seen.requests > 0)
  if (!isInitialized) return undefined
  if (id === undefined) return 'missing'
  if (id !== known) return 'replaced'
  return generation < recorded ? 'outdated' : undefined
}
