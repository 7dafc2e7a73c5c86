import { RpcTarget } from 'cloudflare:workers'
import { PerSQLError } from '@persql/contract'
import type { SchemaText } from '../../../sqlite/schema.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import { mergeSchema, type SchemaSides } from './merge-schema.ts'

/** The longest time that a trial waits for those before it. */
const MAX_WAIT_MS = 10_000
/** When the next trial of this process may begin: all databases share a thread. */
let freeAtMs = 0

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

  /**
   * Creates the schema of a parent, merges the changes of its branch, and rolls everything back. Trials hold the thread, so all
   * together take at most half of its time.
   * @throws PerSQLError `too_busy` if others take too long
   */
  async merge(parent: SchemaText, sides: SchemaSides): Promise<ReturnType<typeof mergeSchema>> {
    if (this.#isOccupied()) throw new PerSQLError('internal')
    const untilMs = performance.now() + MAX_WAIT_MS
    for (let nowMs = performance.now(); nowMs < freeAtMs; nowMs = performance.now()) {
      if (nowMs >= untilMs)
        throw new PerSQLError('too_busy', { problem: 'Too many branches are being compared.', seconds: 5 })
      await scheduler.wait(Math.min(freeAtMs, untilMs) - nowMs)
    }
    const startedMs = performance.now()
    try {
      return this.#try(parent, sides)
    } finally {
      const endedMs = performance.now()
      freeAtMs = endedMs + (endedMs - startedMs)
    }
  }

  #try(parent: SchemaText, sides: SchemaSides): ReturnType<typeof mergeSchema> {
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
