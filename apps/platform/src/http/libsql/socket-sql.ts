import { PerSQLError } from '@persql/contract'
import { isObject } from '../../json-object.ts'

/** The most texts that a socket stores, and the most characters of each and of all together. Clients store up to 100. */
const MAX_STORED = 150
const MAX_LENGTH = 20_000
const MAX_TOTAL_LENGTH = 1_000_000

/** The SQL that a client stored for all streams of a socket. */
export class SocketSql {
  readonly #stored = new Map<number, string>()
  #length = 0

  /** @throws PerSQLError `invalid_input` */
  store(id: unknown, sql: unknown): void {
    if (typeof id !== 'number' || !Number.isInteger(id) || this.#stored.has(id))
      throw refused('"sql_id" must be an integer that no stored SQL has.')
    if (typeof sql !== 'string') throw refused('"sql" must be a string.')
    if (sql.length > MAX_LENGTH)
      throw refused(`A stored SQL text can have at most ${MAX_LENGTH.toLocaleString('en-US')} characters.`)
    if (this.#stored.size >= MAX_STORED) throw refused(`A WebSocket can store at most ${MAX_STORED} SQL texts.`)
    if (this.#length + sql.length > MAX_TOTAL_LENGTH)
      throw refused(
        `The stored SQL of a WebSocket can have at most ${MAX_TOTAL_LENGTH.toLocaleString('en-US')} characters.`,
      )
    this.#stored.set(id, sql)
    this.#length += sql.length
  }

  close(id: unknown): void {
    this.#length -= this.#stored.get(id as number)?.length ?? 0
    this.#stored.delete(id as number)
  }

  /** Returns the stored SQL that a request names, with its IDs. */
  usedBy(request: Record<string, unknown>): readonly (readonly [id: number, sql: string])[] {
    const { stmt, batch } = request
    const steps = isObject(batch) && Array.isArray(batch.steps) ? (batch.steps as unknown[]) : []
    const statements = [request, stmt, ...steps.map((step) => (isObject(step) ? step.stmt : undefined))]
    const ids = new Set(statements.map((each) => (isObject(each) ? each.sql_id : undefined)))
    return [...ids].flatMap((id) => {
      const sql = this.#stored.get(id as number)
      return sql === undefined ? [] : [[id as number, sql] as const]
    })
  }
}

const refused = (problem: string) => new PerSQLError('invalid_input', { problem })
