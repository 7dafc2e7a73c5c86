import { type CompiledQuery, type Dialect, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import { directoryObject } from '../api/objects.ts'
import type { Env } from '../env.ts'

/** A Kysely dialect for the Directory's SQLite: each query is one call, and transactions can't span calls. */
export function directoryDialect(env: Env): Dialect {
  const connection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery) {
      // A stub belongs to the request that created it, but all requests share this dialect.
      const { rows, changes } = await directoryObject(env).runAccountQuery(sql, parameters.map(bindable))
      return { rows: rows as R[], numAffectedRows: BigInt(changes) }
    },
    // biome-ignore lint/correctness/useYield: Kysely's interface requires a generator, but no caller streams
    async *streamQuery(): AsyncGenerator<never> {
      throw new Error("Account queries can't be streamed.")
    },
  }
  const nothing = async () => {}
  return {
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createDriver: () => ({
      init: nothing,
      acquireConnection: async () => connection,
      beginTransaction: nothing,
      commitTransaction: nothing,
      rollbackTransaction: nothing,
      releaseConnection: nothing,
      destroy: nothing,
    }),
  }
}

function bindable(value: unknown): SqlStorageValue {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'boolean') return Number(value)
  return value as SqlStorageValue
}
