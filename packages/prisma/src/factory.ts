import type { Int64, PerSQLDatabase } from '@persql/sdk'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { PerSQLAdapter } from './adapter.ts'
import { ADAPTER } from './queryable.ts'

/** The options of the driver adapter. */
export interface PrismaPerSQLOptions {
  /** `new PerSQL().database('namespace/database')` of `@persql/sdk`. */
  database: PerSQLDatabase<Int64>
  /** An empty database for Prisma's tools that need a shadow database. */
  shadowDatabase?: PerSQLDatabase<Int64>
}

/** The driver adapter of a PerSQL database for Prisma Client: `new PrismaClient({ adapter: new PrismaPerSQL({ database }) })`. */
export class PrismaPerSQL implements SqlMigrationAwareDriverAdapterFactory {
  readonly provider: 'sqlite' = ADAPTER.provider
  readonly adapterName: string = ADAPTER.adapterName
  readonly #options: PrismaPerSQLOptions

  constructor(options: PrismaPerSQLOptions) {
    this.#options = options
  }

  async connect(): Promise<SqlDriverAdapter> {
    return new PerSQLAdapter(this.#options.database)
  }

  async connectToShadowDb(): Promise<SqlDriverAdapter> {
    const { shadowDatabase } = this.#options
    if (!shadowDatabase) throw new Error('Pass an empty database as "shadowDatabase" to PrismaPerSQL.')
    return new PerSQLAdapter(shadowDatabase)
  }
}
