import { PerSQLError } from '@persql/contract'
import { tokens, word } from '../../sqlite/tokenizer.ts'
import type { Grant } from '../calls/call.ts'
import { type Engine, RetryRequired } from '../engine/engine.ts'
import { NO_RESULT, type StatementResult } from './format.ts'
import type { Program } from './program.ts'
import type { LibsqlStatement } from './protocol.ts'

/** Runs programs: statements outside of a transaction commit one by one. */
export class ProgramRunner {
  readonly #engine: Engine
  readonly #grant: Grant
  readonly #storage: DurableObjectStorage
  readonly results: StatementResult[] = []
  readonly texts: string[] = []
  isAutocommit = true

  constructor(engine: Engine, storage: DurableObjectStorage, grant: Grant) {
    this.#engine = engine
    this.#storage = storage
    this.#grant = grant
  }

  run<T>(program: Program<T>): T {
    let step = program.next()
    while (!step.done) {
      const { value } = step
      const verb = transactionVerb(value.sql)
      if (verb === 'BEGIN') {
        this.#transaction(program)
        step = program.next(NO_RESULT)
      } else if (verb !== undefined) step = program.throw(noTransaction(verb))
      else step = this.#give(program, value, false)
    }
    return step.value
  }

  /** Runs the statements up to COMMIT or ROLLBACK. */
  #transaction<T>(program: Program<T>): void {
    try {
      this.#storage.transactionSync(() => {
        this.isAutocommit = false
        let step = program.next(NO_RESULT)
        for (;;) {
          if (step.done) throw new Undone()
          const verb = transactionVerb(step.value.sql)
          if (verb === 'COMMIT') break
          if (verb === 'ROLLBACK') throw new Undone()
          step = this.#give(program, step.value, true)
        }
        this.#engine.checkKeys()
      })
    } catch (cause) {
      this.#engine.forget()
      if (!(cause instanceof Undone)) throw cause
    } finally {
      this.isAutocommit = true
    }
  }

  #give<T>(
    program: Program<T>,
    statement: LibsqlStatement,
    inTransaction: boolean,
  ): IteratorResult<LibsqlStatement, T> {
    const startedMs = performance.now()
    let result: StatementResult
    try {
      const input = { sql: statement.sql, params: statement.params }
      this.texts.push(statement.sql)
      const analysis = this.#engine.prepare(input, this.#grant)
      const run = () => this.#engine.run(analysis, input, inTransaction)
      const { columns, rows, rowsRead, rowsWritten, changes, lastInsertRowid } = inTransaction
        ? this.#storage.transactionSync(run)
        : run()
      result = {
        ...{ columns, rowsRead, rowsWritten },
        declaredTypes: columns.map(() => null),
        rows: rows.map((row) => row.map((cell) => (Number.isSafeInteger(cell) ? BigInt(cell as number) : cell))),
        changes: changes ?? 0,
        lastInsertRowid: lastInsertRowid === undefined ? undefined : BigInt(lastInsertRowid),
        durationMs: performance.now() - startedMs,
      }
      this.results.push(result)
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      return program.throw(cause)
    }
    return program.next(result)
  }
}

class Undone extends Error {}

const noTransaction = (verb: string) =>
  new PerSQLError('sql_error', { message: `cannot ${verb.toLowerCase()} - no transaction is active` })

function transactionVerb(sql: string): string | undefined {
  try {
    const [first] = tokens(sql)
    const verb = word(sql, first)
    return verb === 'END' ? 'COMMIT' : ['BEGIN', 'COMMIT', 'ROLLBACK'].includes(verb) ? verb : undefined
  } catch (cause) {
    if (cause instanceof PerSQLError) return undefined
    throw cause
  }
}
