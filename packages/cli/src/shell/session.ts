import { type PerSQLDatabase, PerSQLError, type QueryResult } from '@persql/sdk'
import { CliError } from '../cli-error.ts'
import type { Context } from '../context.ts'
import { type Mode, render } from '../format-output.ts'
import { toCommandHint } from '../hint.ts'
import { visibleLines } from '../width.ts'
import { listNames, type Names } from './completer.ts'
import { costLine } from './cost.ts'
import { dotCommands, type ShellContext, splitArgs } from './dot-commands.ts'
import { changesSchema, splitStatements } from './statements.ts'
import { parseControl, ShellTransaction } from './transaction.ts'

const CELL = 60

/** A shell session, for input from a terminal or a pipe. */
export class Session implements ShellContext {
  db: PerSQLDatabase
  mode: Mode = 'table'
  timing = true
  quit = false
  names: Names = { tables: {} }
  readonly #ctx: Context
  readonly #interactive: boolean
  #running = new AbortController()
  #typed = ''
  #transaction: ShellTransaction | undefined

  constructor(ctx: Context, db: PerSQLDatabase, interactive: boolean) {
    this.#ctx = ctx
    this.db = db
    this.#interactive = interactive
    this.timing = interactive
  }

  /** Whether a statement is incomplete. */
  get pending(): boolean {
    return this.#typed.trim() !== ''
  }

  /** Whether a transaction is open. */
  get inTransaction(): boolean {
    return this.#transaction !== undefined
  }

  get signal(): AbortSignal {
    return this.#running.signal
  }

  readonly print = (text: string): void => {
    if (text !== '') process.stdout.write(`${text}\n`)
  }

  /** Handles a line: a dot command, or part of a statement. Returns whether it succeeded. */
  async take(line: string): Promise<boolean> {
    if (!this.pending && line.trimStart().startsWith('.')) return this.#guarded(() => this.#dot(line))
    const { statements, rest } = splitStatements(`${this.#typed}${line}\n`)
    this.#typed = rest
    return this.#guarded(() => this.#runAll(statements))
  }

  /** Runs the last statement without `;`. */
  async finish(): Promise<boolean> {
    const rest = this.#typed
    this.#typed = ''
    return rest.trim() === '' || this.#guarded(() => this.#runAll([rest]))
  }

  /** Discards an incomplete statement. */
  forget(): void {
    this.#typed = ''
  }

  /** Cancels the running statement. Returns whether there was one. */
  cancel(): boolean {
    const busy = this.#busy
    if (busy) this.#running.abort()
    return busy
  }

  async runText(sql: string): Promise<void> {
    const { statements, rest } = splitStatements(sql)
    await this.#runAll(rest === '' ? statements : [...statements, rest])
  }

  async open(address: string): Promise<void> {
    if (this.#transaction)
      throw new CliError('usage', 'usage', 'A transaction is open. End it with COMMIT or ROLLBACK.')
    const db = await this.#ctx.database(address)
    await db.tables({ signal: this.signal })
    this.db = db
    await this.refresh()
  }

  /** Rolls back a transaction that is still open. Returns whether there was one. */
  async close(): Promise<boolean> {
    const transaction = this.#transaction
    this.#transaction = undefined
    await transaction?.rollback().catch(() => {})
    return transaction !== undefined
  }

  /** Reads the names of tables and columns, for completion. */
  async refresh(): Promise<void> {
    if (!this.#interactive) return
    this.names = await this.db.schema({ maxRetries: 0 }).then(listNames, () => ({ tables: {} }))
  }

  #busy = false

  async #dot(line: string): Promise<void> {
    const [name = '', ...args] = splitArgs(line.trim().replace(/;$/, ''))
    const dot = Object.hasOwn(dotCommands, name) ? dotCommands[name] : undefined
    if (!dot) throw new CliError('usage', 'usage', `Unknown command "${name}". Type .help for the list.`)
    await dot.run(this, args)
  }

  async #runAll(statements: readonly string[]): Promise<void> {
    for (const sql of statements) {
      const startMs = performance.now()
      const result = await this.#run(sql)
      if (!result) continue
      const { columns, rows } = result
      const max = this.#interactive ? CELL : undefined
      if (columns.length > 0 && (rows.length > 0 || this.mode === 'csv'))
        this.print(render(this.mode, columns, rows, max))
      if (this.timing) this.print(costLine([result], performance.now() - startMs))
      if (changesSchema(sql)) await this.refresh()
    }
  }

  /** Runs a statement, in the transaction if one is open. Returns no result for BEGIN, COMMIT and ROLLBACK. */
  async #run(sql: string): Promise<QueryResult | undefined> {
    const control = parseControl(sql)
    const transaction = this.#transaction
    if (!control) return (await transaction?.run(sql, this.signal)) ?? this.#query(sql)
    if (control.kind === 'begin') {
      if (transaction) throw new CliError('usage', 'usage', 'A transaction is already open.')
      this.#transaction = new ShellTransaction(this.db, control.mode)
      return undefined
    }
    if (!transaction) throw new CliError('usage', 'usage', 'No transaction is open. Start one with BEGIN.')
    if (control.kind === 'commit') await transaction.commit(this.signal)
    else await transaction.rollback()
    this.#transaction = undefined
    return undefined
  }

  #query(sql: string): Promise<QueryResult> {
    return this.db.query(sql, [], { signal: this.signal, timeoutMs: 0 })
  }

  async #guarded(work: () => Promise<void>): Promise<boolean> {
    this.#running = new AbortController()
    this.#busy = true
    try {
      await work()
      return true
    } catch (error) {
      process.stderr.write(`${this.signal.aborted ? canceled : visibleLines(formatError(error))}\n`)
      if (this.#transaction?.isEnded) {
        this.#transaction = undefined
        process.stderr.write('The transaction was rolled back.\n')
      }
      // An unknown name can mean that the schema was changed by another client.
      if (error instanceof PerSQLError && error.detail?.kind.startsWith('unknown_')) await this.refresh()
      return false
    } finally {
      this.#busy = false
    }
  }
}

const canceled = 'Canceled. The statement may still have run.'

const toShellHint = (hint: string | undefined) => hint && toCommandHint(hint, '.tables', '.schema')

function formatError(error: unknown): string {
  const { message } = error as Error
  if (!(error instanceof PerSQLError)) return `Error: ${message}`
  const { body, detail, code } = error
  const more = typeof body.approvalUrl === 'string' ? `To approve, open ${body.approvalUrl}` : toShellHint(detail?.hint)
  return [`Error: ${message} (${detail?.kind ?? code})`, more].filter(Boolean).join('\n')
}
