import type { Int64, PerSQLDatabase } from '@persql/sdk'
import {
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  SqliteQueryCompiler,
} from 'kysely'
import { PerSQLAdapter } from './adapter.ts'
import { PerSQLDriver } from './driver.ts'
import { PerSQLIntrospector } from './introspector.ts'

/** The options of the dialect. */
export interface PerSQLDialectConfig {
  /** `new PerSQL().database('namespace/database')` of `@persql/sdk`. */
  database: PerSQLDatabase<Int64>
}

/** The Kysely dialect for a PerSQL database. */
export class PerSQLDialect implements Dialect {
  readonly #config: PerSQLDialectConfig

  constructor(config: PerSQLDialectConfig) {
    this.#config = config
  }

  createDriver(): Driver {
    return new PerSQLDriver(this.#config.database)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new PerSQLAdapter()
  }

  // biome-ignore lint/suspicious/noExplicitAny: Kysely's own signature
  createIntrospector(db: Kysely<any>): DatabaseIntrospector {
    return new PerSQLIntrospector(db)
  }
}
