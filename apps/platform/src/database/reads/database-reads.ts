import { PerSQLError } from '@persql/contract'
import { count } from '../../metrics/metrics.ts'
import type { Span } from '../../tracing/tracer.ts'
import type { Analysis, Permission } from '../authorizer/authorizer.ts'
import type { StatementInput } from '../calls/call.ts'
import type { Params } from '../calls/values.ts'
import type { Engine } from '../engine/engine.ts'
import { assertExpected } from '../engine/expectation.ts'
import { MAX_RESULT_BYTES, type Result, tooLarge } from '../engine/result.ts'
import { canReturnIntegers, rounded } from '../engine/rounded-integers.ts'
import { sqlError } from '../engine/sql-error.ts'
import type { Identity, IdentityStore } from '../identity.ts'
import type { LongReads } from './long-reads.ts'
import { type ReadCount, type ReadFailure, type SentRead, type SentStatement, toSentValue } from './protocol.ts'
import { FULL, type ReaderAnswer, type ReaderPool } from './reader-pool.ts'
import { ReaderResult } from './reader-result.ts'
import { type Slot, tooManyReads } from './slots.ts'

/** A caller's read: its statements see one state of the database. */
export interface ReadRequest {
  readonly statements: readonly StatementInput[]
  readonly permission: Permission
  /** Whom a read that is stopped counts for. */
  readonly tokenId: string
  /** The ID with which the caller can cancel it. */
  readonly requestId?: string | undefined
  /** The span of the call, if its trace is recorded. */
  readonly span?: Span | undefined
  /** Whether a large result can be a stream. */
  readonly canStream?: boolean
}

/** The result of a read in a reader. */
export interface ReadResult {
  /** The results in the form of `Result`, as JSON separated by commas: text, unless the request allows a stream. */
  readonly results: string | ReadableStream<Uint8Array>
  readonly counts: readonly ReadCount[]
  /** The failure of the statement after the last result. */
  readonly failure?: PerSQLError
}

/** The services that long reads use. */
export interface ReadsOptions {
  readonly ctx: DurableObjectState
  readonly pool: ReaderPool | undefined
  readonly identity: IdentityStore
  readonly engine: Engine
  readonly longReads: LongReads
  /** Waits until the write-ahead log is short enough for another reader. */
  readonly trimLog: () => Promise<void>
  readonly timeoutMs: number
}

/** Why a running read ends early. */
type EndReason = 'timeout' | 'canceled' | 'deleted'

/** A read that runs, or waits for a reader. */
class RunningRead {
  readonly database: Identity
  readonly requestId: string | undefined
  readonly tokenId: string
  /** Resolves when the read has to end early. */
  readonly reason: Promise<EndReason>
  /** Resolves when no process runs it any more. */
  readonly ended: Promise<void>
  endedBy: EndReason | undefined
  end: (reason: EndReason) => void = () => {}
  finish: () => void = () => {}

  constructor({ requestId, tokenId }: ReadRequest, database: Identity) {
    this.database = database
    this.requestId = requestId
    this.tokenId = tokenId
    this.reason = new Promise((resolve) => {
      this.end = (reason) => {
        this.endedBy ??= reason
        resolve(reason)
      }
    })
    this.ended = new Promise((resolve) => {
      this.finish = resolve
    })
  }
}

/** The number of processes that may die under one read before it fails. */
const MAX_DEATHS = 5
/** The number of times that a read is sent to one process: a connection of its predecessor can still be in the pool. */
const MAX_SENDS = 5
/** The number of times that a changed schema is tried again. */
const MAX_SCHEMA_CHANGES = 3
const START_POLL_MS = 5
const MAX_START_MS = 10_000
const MAX_FULL_MS = 1_000
const MAX_END_MS = 5_000
const LOGGED_SQL = 500

/** Runs the long reads of one database in reader processes, so that other calls don't wait for them. */
export class DatabaseReads {
  readonly #options: ReadsOptions
  readonly #running = new Set<RunningRead>()
  #open = 0

  constructor(options: ReadsOptions) {
    this.#options = options
  }

  /** Whether this instance has readers. */
  get areAvailable(): boolean {
    return this.#options.pool !== undefined
  }

  /** Whether reads run or wait for a reader. */
  get areRunning(): boolean {
    return this.#running.size > 0
  }

  /** Whether a reader has the file open. */
  get haveFileOpen(): boolean {
    return this.#open > 0
  }

  /**
   * Returns whether these statements only read and could take long. Statements that don't compile, or depend on those
   * before them, run in place.
   */
  areLong(statements: readonly StatementInput[], permission: Permission): boolean {
    const { pool, engine, longReads } = this.#options
    if (!pool) return false
    let isLong = false
    for (const statement of statements) {
      let analysis: Analysis
      try {
        analysis = engine.prepare(statement, permission)
      } catch {
        return false
      }
      if (!canRunElsewhere(analysis)) return false
      isLong ||= longReads.isLong(analysis, statement.params)
    }
    return isLong
  }

  /** Returns whether a prepared statement only reads and could take long. */
  isLong(analysis: Analysis, params: Params): boolean {
    if (analysis.shape === undefined || !this.#options.pool) return false
    return canRunElsewhere(analysis) && this.#options.longReads.isLong(analysis, params)
  }

  /** Runs a statement here, or in a reader if it only reads and could take long. @throws PerSQLError */
  runAnywhere(statement: StatementInput, permission: Permission, tokenId: string): Result | Promise<Result> {
    const { engine } = this.#options
    const analysis = engine.prepare(statement, permission)
    if (!this.isLong(analysis, statement.params)) return engine.run(analysis, statement)
    return this.#runOne({ statements: [statement], permission, tokenId })
  }

  async #runOne(request: ReadRequest): Promise<Result> {
    const { results, counts, failure } = await this.run(request)
    if (failure) throw failure
    return new ReaderResult(results as string, counts[0] as ReadCount)
  }

  /** Runs statements in a reader. @throws PerSQLError for a failure that concerns all statements */
  async run(request: ReadRequest): Promise<ReadResult> {
    const { pool, identity, engine, ctx } = this.#options
    if (!pool) throw new Error('This instance has no readers.')
    engine.assertReadable()
    const database = identity.known
    const { id, namespace, slug } = database
    pool.penalties.assertMayRead(toPenalized(request, database))
    const running = new RunningRead(request, database)
    this.#running.add(running)
    const span = request.span?.startChild('reader')
    let slot: Slot | undefined
    let endedRun: string | undefined
    let isOpen = false
    try {
      slot = await pool.slots.acquire(namespace, slug, () => {
        if (running.endedBy) throw this.#endError(undefined, running.endedBy)
      })
      count('persql_reader_reads_total', '', 1)
      span?.note({ 'persql.reader': slot.reader, 'persql.reader.wait_ms': span.elapsedMs })
      count('persql_reads_running', '', 1)
      // The database can have been deleted in that time.
      if (identity.current?.id !== id) throw new PerSQLError('database_not_found', { database: slug })
      await this.#options.trimLog()
      isOpen = true
      this.#open++
      // A reader sees what is on disk.
      await ctx.storage.sync()
      for (let changes = 0; ; changes++) {
        const answer = await this.#send(request, slot, running, (run) => {
          endedRun = run
        })
        const result = this.#toResult(request, answer)
        if (result) return result
        if (changes === MAX_SCHEMA_CHANGES) throw new PerSQLError('unavailable')
        // A table of PerSQL can be new, which no caller's statement created.
        engine.recompile()
      }
    } finally {
      span?.end({ isError: running.endedBy !== undefined })
      if (isOpen) this.#open--
      if (slot) count('persql_reads_running', '', -1)
      slot?.release(endedRun)
      running.finish()
      this.#running.delete(running)
    }
  }

  /** Ends the reads with this request ID that the token may end. Returns whether there were any. */
  cancel(requestId: string, mayCancel: (tokenId: string) => boolean): boolean {
    const found = [...this.#running].filter((read) => read.requestId === requestId && mayCancel(read.tokenId))
    for (const read of found) read.end('canceled')
    return found.length > 0
  }

  /** Ends all reads, and waits until no reader has the file open. */
  async endAll(): Promise<void> {
    const ended = [...this.#running].map((read) => {
      read.end('deleted')
      return read.ended
    })
    await Promise.all(ended)
  }

  /** Sends the read to the slot's reader, to a new process if one dies, and ends the process if the read has to end. */
  async #send(
    request: ReadRequest,
    { reader }: Slot,
    { reason, database }: RunningRead,
    endedRun: (run: string) => void,
  ): Promise<ReaderAnswer> {
    const { pool, timeoutMs } = this.#options as ReadsOptions & { readonly pool: ReaderPool }
    const body = JSON.stringify(this.#toSent(request, database))
    let last: string | undefined
    for (let deaths = 0, sends = 0; ; sends++) {
      const run = await this.#waitForRun(pool, reader, reason, database)
      if (last !== undefined && run !== last) {
        deaths++
        sends = 0
      }
      last = run
      const timer = new AbortController()
      const timeout = (): EndReason => 'timeout'
      const timedOut = scheduler.wait(timeoutMs, { signal: timer.signal }).then(timeout, timeout)
      const read = pool.read(reader, database.namespace, body, request.canStream ?? false).then(
        (answer) => ({ answer }),
        (cause: unknown) => ({ cause }),
      )
      const outcome = await Promise.race([read, reason, timedOut])
      timer.abort()
      if (typeof outcome === 'object' && 'answer' in outcome) return outcome.answer
      if (typeof outcome !== 'object') {
        endedRun(run)
        this.#endProcess(request, database, reader, run, outcome)
        // The process is gone when its response fails.
        await Promise.race([read, scheduler.wait(MAX_END_MS)])
        throw this.#endError(request, outcome)
      }
      logReaderFailure(reader, outcome.cause)
      if (deaths === MAX_DEATHS || sends === MAX_SENDS)
        throw new PerSQLError('unavailable', {}, { cause: outcome.cause })
    }
  }

  async #waitForRun(
    pool: ReaderPool,
    reader: number,
    reason: Promise<EndReason>,
    { namespace }: Identity,
  ): Promise<string> {
    const untilMs = Date.now() + MAX_START_MS
    for (;;) {
      const run = await pool.findRun(reader, namespace)
      if (typeof run === 'string') return run
      // Other namespaces can use the reader, so a namespace that doesn't receive its results must not keep it waiting.
      const leftMs = untilMs - Date.now()
      if (leftMs < 0 || (run === FULL && leftMs < MAX_START_MS - MAX_FULL_MS)) throw tooManyReads(1)
      const early = await Promise.race([reason, scheduler.wait(START_POLL_MS)])
      if (early !== undefined) throw this.#endError(undefined, early)
    }
  }

  /** Asks the launcher to end a reader's process. It reads the lines that this process writes to stderr. */
  #endProcess(
    { tokenId, statements }: ReadRequest,
    { namespace, slug }: Identity,
    reader: number,
    run: string,
    reason: EndReason,
  ): void {
    const sql = statements
      .map((statement) => statement.sql)
      .join(';\n')
      .slice(0, LOGGED_SQL)
    count('persql_reader_kills_total', `reason="${reason}"`)
    const about = { reason, database: `${namespace}/${slug}`, tokenId, sql }
    console.error(JSON.stringify({ event: 'read_ended', reader, run, ...about }))
  }

  #endError(request: ReadRequest | undefined, reason: EndReason): PerSQLError {
    const { pool, identity, timeoutMs } = this.#options
    if (reason === 'canceled') return new PerSQLError('query_canceled')
    if (reason === 'deleted') return new PerSQLError('database_not_found', { database: identity.current?.slug ?? '' })
    if (request && identity.current) pool?.penalties.stopped(toPenalized(request, identity.current))
    return new PerSQLError('query_timeout', { seconds: timeoutMs / 1000 })
  }

  #toSent({ statements, permission }: ReadRequest, { id, namespace, slug }: Identity): SentRead {
    const { engine } = this.#options
    const sent = statements.map((statement): SentStatement => {
      const { bind, cookie, statement: parsed, layout, columns } = engine.prepare(statement, permission)
      const { sql, values } = bind(statement.params)
      const { integers, asObjects } = statement
      const checksIntegers = canReturnIntegers(parsed)
      return { sql, params: values.map(toSentValue), cookie, checksIntegers, layout, integers, asObjects, columns }
    })
    return { name: `${namespace}/${slug}`, id, statements: sent, maxBytes: MAX_RESULT_BYTES }
  }

  /** Converts a reader's response. Returns `undefined` if the schema changed, so that the caller sends the statements again. */
  #toResult({ statements, permission }: ReadRequest, { head, results }: ReaderAnswer): ReadResult | undefined {
    const { engine, longReads } = this.#options
    const { counts, failure } = head
    if (failure?.reason === 'schema_changed') return undefined
    for (const [i, { rowsRead }] of counts.entries()) {
      longReads.ranElsewhere(engine.prepare(statements[i] as StatementInput, permission), rowsRead)
    }
    for (const [i, { rows }] of counts.entries()) {
      try {
        assertExpected(statements[i] as StatementInput, { rows: { length: rows }, rowsWritten: 0 })
      } catch (cause) {
        return { results, counts: counts.slice(0, i), failure: PerSQLError.from(cause) }
      }
    }
    if (failure)
      return { results, counts, failure: this.#toError(failure, statements[counts.length] as StatementInput) }
    return { results, counts }
  }

  #toError(failure: Exclude<ReadFailure, { reason: 'schema_changed' }>, { sql }: StatementInput): PerSQLError {
    switch (failure.reason) {
      case 'gone':
        return new PerSQLError('database_not_found', { database: this.#options.identity.current?.slug ?? '' })
      case 'too_large':
        return tooLarge()
      case 'rounded':
        return rounded()
      case 'duplicate_column':
        return new PerSQLError('duplicate_column', { column: failure.column })
      case 'error':
        if (OUT_OF_SPACE.test(failure.message)) return tooMuchSpace()
        return sqlError(new Error(failure.message), sql)
    }
  }
}

/** Returns whom a stopped read counts for. IDs of endpoints and schedules are unique only within their database. */
const toPenalized = ({ tokenId }: ReadRequest, { id }: Identity): string =>
  /^(endpoint|schedule):/.test(tokenId) ? `${id}/${tokenId}` : tokenId

const logReaderFailure = (reader: number, cause: unknown): void =>
  console.error(JSON.stringify({ level: 'warn', event: 'reader_failed', reader, cause: String(cause) }))

/** A reader writes nothing except for temporary files, whose size the launcher limits. */
const OUT_OF_SPACE = /SQLITE_(IOERR_WRITE|FULL)/

function tooMuchSpace(): PerSQLError {
  const message = 'This statement needs more than 1 GiB of temporary space.'
  const hint = 'Add an index for its ORDER BY, GROUP BY or DISTINCT, or process fewer rows.'
  const errorDetail = { kind: 'limit_exceeded', message, hint }
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail } })
}

/** Returns whether a statement gives the same result in another process: the counters belong to the connection. */
const canRunElsewhere = ({ effect, counters, reserved }: Analysis): boolean =>
  effect.kind === 'read' && counters.reads.length === 0 && reserved === undefined && effect.defers === 'none'
