import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { SchemaText } from '../../../sqlite/schema-text.ts'

/** A table in which a migration tool records applied migrations. */
interface Bookkeeping {
  readonly name: string
  /** The required columns, and those that only some versions of the tool add. */
  readonly columns: readonly string[]
  readonly optional?: readonly string[]
  /**
   * The columns that identify a migration; `version` for a table whose only row is the current version; `lock` for a
   * column that is 0 if the lock is free.
   */
  readonly is: { readonly key: readonly string[]; readonly number?: string } | 'version' | { readonly lock: string }
}

/** A table of a migration tool and its number of rows; `null` if they are too many or too large to be copied alone. */
export interface BookkeepingRows {
  readonly table: string
  readonly rows: number | null
}

const by = (...key: string[]) => ({ key })
const numbered = (number: string, ...key: string[]) => ({ key, number })

const KNOWN: readonly Bookkeeping[] = [
  {
    name: '__drizzle_migrations',
    columns: ['id', 'hash', 'created_at'],
    optional: ['name', 'applied_at'],
    is: numbered('id', 'hash'),
  },
  { name: 'kysely_migration', columns: ['name', 'timestamp'], is: by('name') },
  { name: 'kysely_migration_lock', columns: ['id', 'is_locked'], is: { lock: 'is_locked' } },
  { name: 'knex_migrations', columns: ['id', 'name', 'batch', 'migration_time'], is: numbered('id', 'name') },
  { name: 'knex_migrations_lock', columns: ['index', 'is_locked'], is: { lock: 'is_locked' } },
  {
    name: '_prisma_migrations',
    columns: [
      'id',
      'checksum',
      'finished_at',
      'migration_name',
      'logs',
      'rolled_back_at',
      'started_at',
      'applied_steps_count',
    ],
    is: by('migration_name', 'rolled_back_at'),
  },
  { name: 'd1_migrations', columns: ['id', 'name', 'applied_at'], is: numbered('id', 'name') },
  { name: 'migrations', columns: ['id', 'timestamp', 'name'], is: numbered('id', 'timestamp', 'name') },
  {
    name: 'typeorm_metadata',
    columns: ['type', 'database', 'schema', 'table', 'name', 'value'],
    is: by('type', 'database', 'schema', 'table', 'name'),
  },
  { name: 'SequelizeMeta', columns: ['name'], is: by('name') },
  { name: 'SequelizeData', columns: ['name'], is: by('name') },
  { name: 'mikro_orm_migrations', columns: ['id', 'name', 'executed_at'], is: numbered('id', 'name') },
  { name: 'django_migrations', columns: ['id', 'app', 'name', 'applied'], is: numbered('id', 'app', 'name') },
  { name: 'migrations', columns: ['id', 'migration', 'batch'], is: numbered('id', 'migration') },
  { name: 'schema_migrations', columns: ['version', 'dirty'], is: 'version' },
  { name: 'schema_migrations', columns: ['version'], optional: ['inserted_at'], is: by('version') },
  { name: 'ar_internal_metadata', columns: ['key', 'value', 'created_at', 'updated_at'], is: by('key') },
  { name: 'alembic_version', columns: ['version_num'], is: 'version' },
  {
    name: 'goose_db_version',
    columns: ['id', 'version_id', 'is_applied', 'tstamp'],
    is: numbered('id', 'version_id', 'is_applied'),
  },
  {
    name: '_sqlx_migrations',
    columns: ['version', 'description', 'installed_on', 'success', 'checksum', 'execution_time'],
    is: by('version'),
  },
  { name: '__diesel_schema_migrations', columns: ['version', 'run_on'], is: by('version') },
  { name: 'seaql_migrations', columns: ['version', 'applied_at'], is: by('version') },
  { name: 'refinery_schema_history', columns: ['version', 'name', 'applied_on', 'checksum'], is: by('version') },
  {
    name: 'flyway_schema_history',
    columns: [
      'installed_rank',
      'version',
      'description',
      'type',
      'script',
      'checksum',
      'installed_by',
      'installed_on',
      'execution_time',
      'success',
    ],
    is: numbered('installed_rank', 'version', 'script'),
  },
  {
    name: 'DATABASECHANGELOG',
    columns: [
      'id',
      'author',
      'filename',
      'dateexecuted',
      'orderexecuted',
      'exectype',
      'md5sum',
      'description',
      'comments',
      'tag',
      'liquibase',
    ],
    optional: ['contexts', 'labels', 'deployment_id'],
    is: by('id', 'author', 'filename'),
  },
  { name: 'DATABASECHANGELOGLOCK', columns: ['id', 'locked', 'lockgranted', 'lockedby'], is: { lock: 'locked' } },
  {
    name: 'atlas_schema_revisions',
    columns: [
      'version',
      'description',
      'type',
      'applied',
      'total',
      'executed_at',
      'execution_time',
      'error',
      'error_stmt',
      'hash',
      'partial_hashes',
      'operator_version',
    ],
    is: by('version'),
  },
  { name: '__EFMigrationsHistory', columns: ['migrationid', 'productversion'], is: by('migrationid') },
  {
    name: 'phinxlog',
    columns: ['version', 'migration_name', 'start_time', 'end_time', 'breakpoint'],
    is: by('version'),
  },
]

/** Finds the migration tool's table that matches this name and these columns. */
export function findBookkeeping(table: string, columns: readonly string[]): Bookkeeping | undefined {
  const names = new Set(columns.map(lower))
  return KNOWN.find(
    (known) =>
      lower(known.name) === lower(table) &&
      known.columns.every((column) => names.has(column)) &&
      [...names].every((name) => known.columns.includes(name) || known.optional?.includes(name)),
  )
}

const MAX_ROWS = 10_000
const MAX_BYTES = 1024 * 1024

/** Lists the tables of migration tools with their row counts. */
export function bookkeepingRows(run: RunSql, { tables }: SchemaText): BookkeepingRows[] {
  return tables.flatMap(({ name, sql }) => {
    if (!NAMES.has(lower(name)) || /^\s*create\s+virtual\b/i.test(sql)) return []
    const columns = run('SELECT name FROM pragma_table_info(?)', name).map(([column]) => column as string)
    return findBookkeeping(name, columns) ? [{ table: name, rows: countSmall(run, name, columns) }] : []
  })
}

const NAMES = new Set(KNOWN.map(({ name }) => lower(name)))

function countSmall(run: RunSql, table: string, columns: readonly string[]): number | null {
  const rows = run(`SELECT count(*) FROM (SELECT 1 FROM ${quoteName(table)} LIMIT ${MAX_ROWS + 1})`)[0]?.[0] as number
  if (rows > MAX_ROWS) return null
  const lengths = columns.map((column) => `coalesce(length(CAST(${quoteName(column)} AS BLOB)), 0)`).join(' + ')
  const bytes = run(`SELECT coalesce(sum(${lengths}), 0) FROM ${quoteName(table)}`)[0]?.[0] as number
  return bytes > MAX_BYTES ? null : rows
}

/** Releases the locks of migration tools: their holders work in another database. */
export function freeLocks(run: RunSql, carried: readonly BookkeepingRows[]): void {
  for (const { table } of carried) {
    const columns = run('SELECT name FROM pragma_table_info(?)', table).map(([column]) => column as string)
    const is = findBookkeeping(table, columns)?.is
    if (typeof is === 'object' && 'lock' in is) run(`UPDATE ${quoteName(table)} SET ${quoteName(is.lock)} = 0`)
  }
}

/** Reads the current versions of tools that store only the version, as comparable text. */
export function readVersions(
  run: RunSql,
  tables: readonly Pick<BookkeepingRows, 'table'>[],
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    tables.flatMap(({ table }) => {
      const columns = run('SELECT name FROM pragma_table_info(?)', table).map(([column]) => column as string)
      const isVersion = findBookkeeping(table, columns)?.is === 'version'
      return isVersion ? [[lower(table), readVersion(run, table, columns)] as const] : []
    }),
  )
}

/** Reads the rows of a version table as text. */
export const readVersion = (run: RunSql, table: string, columns: readonly string[]): string =>
  JSON.stringify(
    run(
      `SELECT ${columns.map((column) => `CAST(${quoteName(column)} AS TEXT)`)} FROM ${quoteName(table)} ORDER BY 1 LIMIT 100`,
    ),
  )
