import type { Result } from '../engine/result.ts'
import type { ReadCount } from './protocol.ts'

/** The result of one statement in a reader. It stays text, which can be large, until its values are needed. */
export class ReaderResult implements Result {
  readonly rowsRead: number
  readonly rowsWritten = 0
  readonly #text: string
  #parsed: Pick<Result, 'columns' | 'rows'> | undefined

  /** @param text the result as JSON, in the order of the fields of `Result` */
  constructor(text: string, { rowsRead }: ReadCount) {
    this.#text = text
    this.rowsRead = rowsRead
  }

  get columns(): Result['columns'] {
    return this.#values.columns
  }

  get rows(): Result['rows'] {
    return this.#values.rows
  }

  /** Columns and rows alone, as JSON. */
  get tableText(): string {
    return `${this.#text.slice(0, this.#text.lastIndexOf(',"rowsRead":'))}}`
  }

  get #values(): Pick<Result, 'columns' | 'rows'> {
    this.#parsed ??= parseResult(this.#text)
    return this.#parsed
  }
}

/** Parses the results of a reader, which are separated by commas. */
export const parseResults = (texts: string): Result[] => JSON.parse(`[${texts}]`, reviveBigint) as Result[]

const parseResult = (text: string) => JSON.parse(text, text.includes('"int64"') ? reviveBigint : undefined) as Result

/** Restores the bigints of exact results. Blobs are the only other objects in rows. */
function reviveBigint(_key: string, value: unknown): unknown {
  const { int64 } = (typeof value === 'object' && value !== null ? value : {}) as { int64?: unknown }
  return typeof int64 === 'string' ? BigInt(int64) : value
}

/** Calls `next` with a result, now or once it is there. */
export const withResult = <T>(result: Result | Promise<Result>, next: (result: Result) => T): T | Promise<T> =>
  result instanceof Promise ? result.then(next) : next(result)
