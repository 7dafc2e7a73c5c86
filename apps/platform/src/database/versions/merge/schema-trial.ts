import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import type { SchemaText } from '../../../sqlite/schema.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { mergeSchema, type SchemaSides } from './merge-schema.ts'

/** Merges schemas in an object that isn't a database, without rows. Nothing stays there. */
export class SchemaTrial extends RpcTarget {
  readonly #storage: DurableObjectStorage
  readonly #isOccupied: () => boolean

  /** @param isOccupied whether this object contains a database, which a trial must not change */
  constructor(storage: DurableObjectStorage, isOccupied: () => boolean) {
    super()
    this.#storage = storage
    this.#isOccupied = isOccupied
  }

  /** Creates the schema of a parent, merges the changes of its branch, and rolls everything back. */
  merge(parent: SchemaText, sides: SchemaSides): ReturnType<typeof mergeSchema> {
    if (this.#isOccupied()) throw new PerSQLError('internal')
    const { sql } = this.#storage
    let result: ReturnType<typeof mergeSchema> | undefined
    sql.exec('PRAGMA foreign_keys = OFF')
    try {
      this.#storage.transactionSync(() => {
        for (const object of [...parent.tables, ...parent.others]) sql.exec(object.sql)
        result = mergeSchema(createRunSql(sql), sides, true)
        throw new Undone()
      })
    } catch (cause) {
      if (!(cause instanceof Undone)) throw cause
    }
    return result as ReturnType<typeof mergeSchema>
  }
}

class Undone extends Error {}
