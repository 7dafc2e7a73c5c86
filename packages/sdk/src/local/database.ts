import type { Answer, Call } from '../http.ts'
import type { QueryMeta } from '../types.ts'
import type { WireResult } from '../values.ts'
import type { Engine } from './engine.ts'
import { assertExpected } from './expectations.ts'
import { assertExact, assertWhole } from './refusals.ts'
import { readSchema, readTables } from './schema.ts'
import { parseScript, runScript, type Script } from './script.ts'
import { createError, sqlError } from './sql-error.ts'
import {
  attempt,
  execute,
  getEffect,
  inspect,
  prepare,
  type ResultFormat,
  type WireStatement,
  withFormat,
} from './statements.ts'
import { Transactions } from './transactions.ts'

interface Proposal {
  statement: WireStatement
  effect: string
  expiresAtMs: number
}
interface Batch extends ResultFormat {
  statements: WireStatement[]
  transaction?: boolean
}

const MAX_STATEMENTS = 100
/** The operations of interactive transactions, with the ID and the action. */
const TRANSACTION = /^POST transactions(?:\/([^/]+)\/(statements|commit|rollback))?$/
const FOREIGN_KEYS_OFF = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*PRAGMA\s+foreign_keys\s*=\s*(?:OFF|0|NO|FALSE)\s*;?\s*$/i

/** A database in this process that responds to calls like a server. */
export class LocalDatabase {
  readonly #engine: Engine
  readonly #transactions: Transactions
  readonly #proposals = new Map<string, Proposal>()
  readonly #kept = new Map<string, { request: string; answer: Promise<Answer> }>()

  constructor(engine: Engine) {
    this.#engine = engine
    this.#transactions = new Transactions(engine)
  }

  close(): void {
    this.#engine.close()
  }

  /** Handles a call. @throws PerSQLError with the codes of a server, or `not_available_locally` */
  call(name: string, { method, body, idempotencyKey, planKey, planStep }: Call): Promise<Answer> {
    const key = planKey && planStep ? JSON.stringify([planKey, planStep]) : idempotencyKey
    const request = JSON.stringify([name, body])
    const kept = key === undefined ? undefined : this.#kept.get(key)
    if (kept && kept.request !== request) {
      throw createError(
        422,
        'idempotency_mismatch',
        'This key was already used with a different request. Use a new key.',
      )
    }
    if (kept) return kept.answer
    const answer = this.#respond(method, name, body)
    if (key !== undefined) {
      this.#kept.set(key, { request, answer })
      answer.catch(() => this.#kept.delete(key))
    }
    return answer
  }

  async #respond(method: string, name: string, body: unknown): Promise<Answer> {
    assertExact(body)
    const operation = `${method} ${name}`
    const transaction = TRANSACTION.exec(operation)
    if (transaction) return this.#serveTransaction(transaction[1] ?? '', transaction[2], body as never)
    return this.#transactions.beside(
      () => this.#isRead(operation, body),
      () => this.#serve(operation, body),
    )
  }

  async #serveTransaction(id: string, action: string | undefined, body: unknown): Promise<Answer> {
    const startedMs = performance.now()
    const data = await this.#inTransaction(id, action, body)
    const results = 'results' in data ? (data.results as WireResult[]) : []
    return { data, meta: toMeta(results, results.length, startedMs) }
  }

  async #inTransaction(id: string, action: string | undefined, body: unknown): Promise<object> {
    const transactions = this.#transactions
    if (action === 'rollback') return transactions.rollback(id)
    const given = body as Partial<Batch>
    const statements = given.statements?.map((statement) => withFormat(statement, given))
    const input = { ...given, ...(statements && { statements }) }
    if (!action) return transactions.begin(input as Parameters<Transactions['begin']>[0])
    if (action === 'commit') return transactions.commit(id, input as Parameters<Transactions['commit']>[1])
    return transactions.run(id, input as Parameters<Transactions['run']>[1])
  }

  /** Returns whether a call only reads. One that fails to compile writes nothing either. */
  #isRead(operation: string, body: unknown): boolean {
    if (/^(GET |POST (validate|explain)$)/.test(operation)) return true
    if (!/^POST (query|batch)$/.test(operation)) return false
    const { statements = [body as WireStatement] } = body as { statements?: WireStatement[] }
    try {
      return statements.every((statement) => this.#effect(statement).kind === 'read')
    } catch {
      return statements.length === 1
    }
  }

  #serve(operation: string, body: unknown): Answer {
    const engine = this.#engine
    const statement = body as WireStatement
    switch (operation) {
      case 'POST query':
        return this.#measured(1, () => execute(engine, withFormat(statement, body as ResultFormat)))
      case 'POST batch':
        return this.#batch(body as Batch)
      case 'POST script':
        return this.#script(body as Script & ResultFormat)
      case 'GET tables':
        return { data: readTables(engine) }
      case 'GET schema':
        return { data: readSchema(engine) }
      case 'POST validate':
        return { data: this.#validate(statement) }
      case 'POST explain':
        return { data: { ...this.#effect(statement), plan: this.#planned(statement) } }
      case 'POST propose':
        return { data: this.#propose(body as WireStatement & { ttlSec?: number }) }
      case 'POST apply':
        return this.#measured(1, () => this.#apply((body as { executionToken: string }).executionToken))
      default: {
        const what = operation.split(' ')[1]?.split(/[/?]/)[0]
        throw createError(0, 'not_available_locally', `${what} isn't available in local mode. Connect to a server.`)
      }
    }
  }

  #script(body: Script & ResultFormat): Answer {
    const statements = parseScript(body)
    const runner = {
      execute: (sql: string, isInTransaction: boolean) => {
        const statement = withFormat({ sql }, body)
        if (isInTransaction) assertWhole(inspect(this.#engine, prepare(this.#engine, statement)).clause)
        return execute(this.#engine, statement)
      },
      command: (sql: string) => void attempt(() => this.#engine.compile(sql).run([])),
      atomically: <T>(run: () => T) => this.#atomically(run),
    }
    withFormat({ sql: '' }, body)
    return this.#measured(statements.length, () => runScript(statements, body.transaction === true, runner))
  }

  #batch({ statements, transaction, ...format }: Batch): Answer {
    if (statements.length < 1 || statements.length > MAX_STATEMENTS) {
      throw createError(400, 'invalid_input', `A batch must have 1 to ${MAX_STATEMENTS} statements.`)
    }
    const all = () => statements.map((statement, index) => this.#checked(withFormat(statement, format), index))
    if (transaction && FOREIGN_KEYS_OFF.test(statements[0]?.sql ?? '')) {
      return this.#measured(statements.length, () => this.#withoutForeignKeys(all))
    }
    return this.#measured(statements.length, () => (transaction ? this.#atomically(all) : all()))
  }

  /**
   * Runs a function without foreign key enforcement. SQLite ignores the PRAGMA within a transaction, so it is set
   * outside of one, and the keys are checked at its end.
   */
  #withoutForeignKeys<T>(run: () => T): T {
    const rows = (sql: string) => this.#engine.compile(sql).run([])
    const orphans = () => rows('PRAGMA foreign_key_check')
    rows('PRAGMA foreign_keys = OFF')
    try {
      return this.#atomically(() => {
        const before = orphans().length
        const result = run()
        const after = orphans()
        if (after.length <= before) return result
        const [table, rowid, parent] = after.at(-1) ?? []
        const message = `FOREIGN KEY constraint failed: row ${rowid} of "${table}" references a row of "${parent}" that doesn't exist.`
        throw createError(400, 'sql_error', message, {
          errorDetail: { kind: 'fk_violation', message, table: String(table) },
        })
      })
    } finally {
      rows('PRAGMA foreign_keys = ON')
    }
  }

  #checked(statement: WireStatement, index: number): WireResult {
    const result = execute(this.#engine, statement)
    assertExpected(statement, result, index)
    return result
  }

  #atomically<T>(run: () => T): T {
    const command = (sql: string) => this.#engine.compile(sql).run([])
    command('BEGIN IMMEDIATE')
    try {
      const result = run()
      command('COMMIT')
      return result
    } catch (cause) {
      // Some errors have already rolled back the transaction.
      attemptQuietly(() => command('ROLLBACK'))
      throw sqlError(cause)
    }
  }

  #validate(statement: WireStatement) {
    try {
      prepare(this.#engine, statement)
      return { ok: true }
    } catch (cause) {
      const { message, detail } = sqlError(cause)
      return { ok: false, error: message, ...(detail && { errorDetail: detail }) }
    }
  }

  #effect(statement: WireStatement) {
    const { sql, values } = prepare(this.#engine, statement)
    return getEffect(this.#engine, sql, values)
  }

  #planned(statement: WireStatement) {
    return this.#plan(statement).map(([id, parent, , detail]) => ({ id, parent, detail }))
  }

  #plan({ sql, params }: WireStatement) {
    return execute(this.#engine, { sql: `EXPLAIN QUERY PLAN ${sql}`, params }).rows
  }

  #propose({ sql, params, ttlSec = 600, ...format }: WireStatement & ResultFormat & { ttlSec?: number }) {
    const statement = withFormat({ sql, params }, format)
    const effect = this.#effect(statement)
    if (effect.kind === 'read')
      throw createError(400, 'invalid_input', "This statement doesn't write. Use query instead.")
    const executionToken = `pmut_${crypto.randomUUID().replaceAll('-', '')}`
    const expiresAtMs = Date.now() + ttlSec * 1000
    const estimatedAffectedRows = effect.kind === 'write' && !/\bselect\b/i.test(sql) ? this.#tried(statement) : null
    this.#proposals.set(executionToken, { statement, effect: JSON.stringify(effect), expiresAtMs })
    const expiresAt = new Date(expiresAtMs).toISOString()
    return { sql, plan: this.#plan(statement), estimatedAffectedRows, executionToken, expiresAt, action: effect.kind }
  }

  /** Returns the number of rows that a statement changes, from a run that is rolled back. */
  #tried(statement: WireStatement): number {
    let changes = 0
    const undo = new Error('undo')
    try {
      this.#atomically(() => {
        changes = execute(this.#engine, statement).changes ?? 0
        throw undo
      })
    } catch (cause) {
      if ((cause as Error).message !== undo.message) throw cause
    }
    return changes
  }

  #apply(executionToken: string): WireResult {
    const proposal = this.#proposals.get(executionToken)
    if (!proposal || proposal.expiresAtMs < Date.now()) {
      throw createError(404, 'proposal_not_found', 'Proposal not found. It may have been applied or expired.')
    }
    const { statement, effect } = proposal
    if (JSON.stringify(this.#effect(statement)) !== effect) {
      throw createError(
        409,
        'proposal_stale',
        'The schema changed since the write was proposed. Propose the write again.',
      )
    }
    const result = execute(this.#engine, statement)
    this.#proposals.delete(executionToken)
    return result
  }

  #measured(statementCount: number, run: () => WireResult | WireResult[]): Answer {
    const startedMs = performance.now()
    const data = run()
    return { data, meta: toMeta([data].flat(), statementCount, startedMs) }
  }
}

function toMeta(results: readonly WireResult[], statementCount: number, startedMs: number): QueryMeta {
  const sum = (count: 'rowsRead' | 'rowsWritten') => results.reduce((total, result) => total + result[count], 0)
  const durationMs = performance.now() - startedMs
  return { rowsRead: sum('rowsRead'), rowsWritten: sum('rowsWritten'), durationMs, statementCount, costUsd: 0 }
}

function attemptQuietly(run: () => unknown): void {
  try {
    attempt(run)
  } catch {}
}
