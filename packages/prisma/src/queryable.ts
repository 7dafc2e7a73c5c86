import type { PerSQLDatabase, QueryResult, Row } from '@persql/sdk'
import type { SqlQuery, SqlQueryable, SqlResultSet } from '@prisma/driver-adapter-utils'
import { toDriverError } from './errors.ts'
import { toParam, toResultSet } from './values.ts'

/** How adapters identify themselves to Prisma. */
export const ADAPTER = { provider: 'sqlite', adapterName: '@persql/prisma' } as const

/** Runs queries of Prisma in a database or a transaction. */
export class PerSQLQueryable implements SqlQueryable {
  readonly provider: 'sqlite' = ADAPTER.provider
  readonly adapterName: string = ADAPTER.adapterName
  readonly #target: Pick<PerSQLDatabase<'bigint'>, 'query'>

  constructor(target: Pick<PerSQLDatabase<'bigint'>, 'query'>) {
    this.#target = target
  }

  async queryRaw(query: SqlQuery): Promise<SqlResultSet> {
    return toResultSet(await this.#run(query))
  }

  async executeRaw(query: SqlQuery): Promise<number> {
    return (await this.#run(query)).changes ?? 0
  }

  #run({ sql, args, argTypes }: SqlQuery): Promise<QueryResult<Row<'bigint'>, 'bigint'>> {
    const params = args.map((value, index) => toParam(value, argTypes[index]?.scalarType))
    return withDriverErrors(this.#target.query(sql, params))
  }
}

/** Converts the rejection of a promise. @throws DriverAdapterError, or an error that only concerns PerSQL unchanged */
export async function withDriverErrors<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise
  } catch (cause) {
    throw toDriverError(cause)
  }
}
