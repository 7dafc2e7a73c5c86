import { PerSQLError } from '@persql/contract'
import { quoteName } from '../../sqlite/identifiers.ts'
import { type DatabaseCall, type Grant, getActor, type StatementInput } from '../calls/call.ts'
import { done, type Outcome } from '../calls/outcome.ts'
import type { BatchWithoutForeignKeys } from '../engine/batch-without-foreign-keys.ts'
import type { Engine } from '../engine/engine.ts'
import { RetryRequired } from '../engine/retry-required.ts'
import { createRunSql } from '../engine/run-sql.ts'
import { withoutForeignKeys } from '../engine/without-foreign-keys.ts'
import { type Control, parseControl } from '../transactions/control.ts'
import { FailedInTransaction, TransactionHold } from '../transactions/hold.ts'
import { Session } from '../transactions/session.ts'
import type { SessionServices } from '../transactions/session-options.ts'
import { checkForeignKeys } from '../versions/migrations/foreign-keys.ts'
import { describeStatement } from './describe.ts'
import { formatCursor, formatEntries, formatLines, formatOk, formatPipeline } from './format.ts'
import {
  NOTHING_STORED,
  parseBatch,
  parseCursorBody,
  parsePipelineBody,
  parseRequests,
  parseSocketBody,
  type StoredSql,
} from './parse.ts'
import { listStatements, type Program, runBatch, runRequests, type Stream } from './program.ts'
import { findLongReads, type ReadElsewhereServices, readElsewhere } from './read-elsewhere.ts'
import { expired, type KeptStream, newStreamId, type Streams } from './streams.ts'
import { needsExclusive, rebuiltTables, translated } from './translate.ts'

/** The services that the libSQL protocol uses. */
export interface LibsqlServices extends SessionServices, BatchWithoutForeignKeys, ReadElsewhereServices {
  readonly streams: Streams
}

/** A parsed request of a stream. */
interface StreamCall<T> {
  /** The stream of its baton; `undefined` for a new one. */
  readonly kept: KeptStream | undefined
  /** The SQL that is stored after it. */
  readonly stored: StoredSql
  /** Whether it closes its stream. */
  readonly closes: boolean
  /** The statements that it can run. */
  readonly inputs: readonly StatementInput[]
  readonly program: (stream: Stream) => Program<T>
  /** Returns the body of the response. */
  readonly format: (baton: string | null, done: T) => string
}

/** How the statements of a request run. */
interface Mode {
  /** Whether the request has the database for itself, with foreign keys off. */
  readonly isAlone: boolean
  /** Whether the caller can have that. */
  readonly mayRunAlone: boolean
}

/** Returns the handlers of requests of the libSQL protocol. They aren't operations of the contract. */
export function operations(services: LibsqlServices) {
  const { streams } = services

  /** Returns the stream of a baton. @throws PerSQLError `stream_expired` */
  const find = (baton: string | null, { grant }: DatabaseCall): KeptStream | undefined => {
    if (baton === null) return undefined
    const kept = streams.find(baton, grant.tokenId)
    const { transactionId } = kept
    if (transactionId === undefined || services.transactions.has(transactionId, grant.tokenId)) return kept
    streams.end(kept.id)
    throw new FailedInTransaction(expired('Its transaction was rolled back. Begin it again.'), transactionId)
  }

  return {
    libsql_pipeline(call: DatabaseCall): Outcome | Promise<Outcome> {
      const { baton, requests: list } = parsePipelineBody(call.body)
      let kept: KeptStream | undefined
      try {
        kept = find(baton, call)
      } catch (cause) {
        // Clients close their stream also after they gave up.
        if (isOnlyClose(list)) return done(undefined, { body: formatPipeline(null, CLOSED) })
        throw cause
      }
      const { requests, stored } = parseRequests(list, kept?.stored ?? NOTHING_STORED)
      return serve(call, services, streams, {
        ...{ kept, stored, closes: requests.at(-1)?.type === 'close' },
        inputs: listStatements(requests),
        program: (stream) => runRequests(requests, stream),
        format: formatPipeline,
      })
    },

    libsql_cursor(call: DatabaseCall): Outcome | Promise<Outcome> {
      const { baton, batch } = parseCursorBody(call.body)
      const kept = find(baton, call)
      const stored = kept?.stored ?? NOTHING_STORED
      const steps = parseBatch(batch, stored)
      return serve(call, services, streams, {
        ...{ kept, stored, closes: false },
        inputs: steps.map(({ statement }) => statement),
        program: (stream) => runBatch(steps, stream),
        format: (next, outcomes) =>
          formatCursor(
            next,
            formatEntries(outcomes, (i) => steps[i]?.statement.wantsRows ?? true),
          ),
      })
    },

    libsql_socket(call: DatabaseCall): Outcome | Promise<Outcome> {
      const { baton, requests } = parseSocketBody(call.body)
      return serve(call, services, streams, {
        ...{ kept: find(baton, call), stored: NOTHING_STORED, closes: requests.at(-1)?.type === 'close' },
        inputs: listStatements(requests),
        program: (stream) => runRequests(requests, stream),
        format: formatLines,
      })
    },
  }
}

/** Returns whether the fee of a call was reserved when its transaction began: it does nothing but end the transaction. */
export function isPrepaidEnd(
  { operation, grant, body }: DatabaseCall,
  { streams, transactions }: Pick<LibsqlServices, 'streams' | 'transactions'>,
): boolean {
  if (operation !== 'libsql_pipeline' && operation !== 'libsql_socket') return false
  try {
    const socket = operation === 'libsql_socket' ? parseSocketBody(body) : undefined
    const { baton, requests: list } = socket ?? parsePipelineBody(body)
    if (baton === null) return false
    const { transactionId, stored } = streams.find(baton, grant.tokenId)
    if (transactionId === undefined || !transactions.has(transactionId, grant.tokenId)) return false
    const { requests } = socket ?? parseRequests(list, stored)
    if (requests.some(({ type }) => type === 'describe' || type === 'store_sql')) return false
    return listStatements(requests).every(({ sql }) => /^(commit|rollback)$/.test(getControlKind(sql) ?? ''))
  } catch (cause) {
    if (cause instanceof PerSQLError) return false
    throw cause
  }
}

const CLOSED = [formatOk('close')]

const isOnlyClose = (list: readonly unknown[]): boolean =>
  list.length === 1 && (list[0] as { type?: unknown } | null)?.type === 'close'

function serve<T>(
  call: DatabaseCall,
  services: LibsqlServices,
  streams: Streams,
  request: StreamCall<T>,
): Outcome | Promise<Outcome> {
  const { kept, stored, closes, inputs } = request
  const { role, tableScope } = call.grant
  const mayRunAlone = role === 'admin' && tableScope === null
  // Otherwise the stream could have to be kept.
  const isWhole =
    kept === undefined && (closes || (stored.size === 0 && !inputs.some(({ sql }) => getControlKind(sql))))
  const reads = isWhole ? findLongReads(inputs, call, services) : undefined
  if (reads) return runElsewhere(reads, call, services, request)
  if (!mayRunAlone || kept?.transactionId !== undefined || !needsExclusive(inputs)) {
    return run(call, services, streams, request, { isAlone: false, mayRunAlone })
  }
  const author = { actor: getActor(call.grant), migrationId: null }
  // Such a request has no open transaction, so it runs in this turn.
  const runAlone = () => run(call, services, streams, request, { isAlone: true, mayRunAlone }) as Outcome
  return withoutForeignKeys(call, services, true, () =>
    services.engine.transaction(() => services.schemaChanges.by(author, runAlone)),
  )
}

/** Runs a request that only reads in other processes. */
async function runElsewhere<T>(
  statements: readonly StatementInput[],
  call: DatabaseCall,
  services: LibsqlServices,
  { program, format }: StreamCall<T>,
): Promise<Outcome> {
  const { engine, storage } = services
  const finished = await readElsewhere(statements, call, services)
  const results = finished.run(program(createStream(finished, engine, call.grant, storage)))
  const { rowsRead, statementCount, sql } = finished
  return done(undefined, { body: format(null, results), rowsRead, statementCount, sql: sql.join(';\n') })
}

const createStream = (
  state: Pick<Stream, 'isAutocommit'>,
  engine: Engine,
  grant: Grant,
  { sql: file }: DurableObjectStorage,
): Stream => ({
  get isAutocommit() {
    return state.isAutocommit
  },
  describe: (sql) => describeStatement(sql, engine, grant, file),
  getTypes(statement) {
    try {
      return engine.columnTypes.of(engine.prepare(statement, grant))
    } catch (cause) {
      // The schema can have changed since the statement ran.
      if (cause instanceof PerSQLError) return []
      throw cause
    }
  },
})

/** Runs a request in one turn. A transaction that stays open keeps its stream. */
function run<T>(
  { grant, ticket, inside }: DatabaseCall,
  services: LibsqlServices,
  streams: Streams,
  { kept, stored, closes, inputs, program, format }: StreamCall<T>,
  { isAlone, mayRunAlone }: Mode,
): Outcome | Promise<Outcome> {
  const { engine, transactions, storage } = services
  const transaction = kept?.transactionId === undefined ? undefined : transactions.find(kept.transactionId, grant)
  // The lock makes all others wait, so the transaction needs no hold.
  const hold = isAlone ? new TransactionHold(() => false) : services.hold
  const endsAll = closes || !leavesOpen(inputs, transaction !== undefined)
  const options = { grant, transaction, ticket, inside, endsAll, canContinue: !isAlone }
  const session = new Session({ ...services, hold }, options)
  const runSql = createRunSql(storage.sql)
  const keys = isAlone ? checkForeignKeys(runSql, toScript(inputs), true) : undefined
  const dropped = isAlone ? rebuiltTables(inputs).map(toDrop) : []
  if (!inside && mayCommit(inputs, transaction !== undefined)) {
    precheck(engine, grant, [...(transaction?.inputs ?? []), ...dropped, ...inputs])
  }
  if (!inside) engine.begin(false)
  if (!inside && inputs.some(({ sql }) => /total_changes/i.test(sql))) session.countTotal()
  const stream = createStream(session, engine, grant, storage)
  const checkKeys = () => keys?.end()
  const isAutocommit = () => session.isAutocommit
  const leave = () => {
    if (session.transaction) transactions.end(session.transaction)
    if (kept) streams.end(kept.id)
  }
  const fail = (cause: unknown): never => {
    if (cause instanceof RetryRequired) throw cause
    const { id } = session.transaction ?? transaction ?? {}
    leave()
    throw id === undefined ? cause : new FailedInTransaction(cause, id)
  }
  const finish = (results: T): Outcome => {
    try {
      checkKeys()
    } catch (cause) {
      return fail(cause)
    }
    // With foreign keys off, a transaction can't stay open.
    const keeps = !closes && ((session.transaction && !isAlone) || stored.size > 0)
    let baton: string | null = null
    if (keeps) {
      const { id = newStreamId(), step = 0, tokenId = grant.tokenId } = kept ?? {}
      baton = streams.keep({ id, tokenId, step: step + 1, stored, transactionId: session.transaction?.id })
    } else leave()
    const { rowsRead, rowsWritten, statementCount, sql } = session.used
    const used = { rowsRead, rowsWritten, statementCount, sql: sql.join(';\n') }
    const transactionId = session.transaction?.id ?? transaction?.id
    return { ...done(undefined, used), body: format(baton, results), commits: session.hasApplied, transactionId }
  }
  const translation = { isAlone, mayRunAlone, isAutocommit, run: runSql, checkKeys }
  return session.perform(translated(program(stream), translation), finish, fail)
}

/**
 * Requires the snapshot for statements that delete existing rows before anything runs, because a request that committed
 * a statement can't be repeated. Rows that the request itself inserts need no snapshot.
 */
function precheck(engine: Engine, grant: Grant, inputs: readonly StatementInput[]): void {
  for (const input of inputs) {
    try {
      engine.precheckDestructive([input], grant)
    } catch (cause) {
      if (cause instanceof RetryRequired) throw cause
      // The statement results in this error when it runs.
    }
  }
}

/** A statement that can't be parsed controls nothing. */
function getControlKind(sql: string): Control['kind'] | undefined {
  try {
    return parseControl(sql)?.kind
  } catch (cause) {
    if (cause instanceof PerSQLError) return undefined
    throw cause
  }
}

/** Returns whether a request can commit anything, and not only continue a transaction. */
function mayCommit(inputs: readonly StatementInput[], isOpen: boolean): boolean {
  let isInside = isOpen
  return inputs.some(({ sql }) => {
    const kind = getControlKind(sql)
    if (kind === 'begin' || kind === 'savepoint') isInside = true
    return kind === undefined ? !isInside : kind === 'commit' || kind === 'release' || kind === 'rollback'
  })
}

/** Returns whether a transaction is open after all statements of a request. */
function leavesOpen(inputs: readonly StatementInput[], isOpen: boolean): boolean {
  const last = inputs.map(({ sql }) => getControlKind(sql)).findLast((kind) => kind !== undefined && ENDS.has(kind))
  return last === undefined ? isOpen : ENDS.get(last) === false
}

/** Statements that begin or end a transaction, and whether they end it. */
const ENDS: ReadonlyMap<Control['kind'], boolean> = new Map([
  ['begin', false],
  ['savepoint', false],
  ['commit', true],
  ['rollback', true],
])

const toDrop = (table: string): StatementInput => ({ sql: `DROP TABLE ${quoteName(table)}`, params: [] })

const toScript = (inputs: readonly StatementInput[]) =>
  inputs.map(({ sql }, i) => ({ number: i + 1, line: 1, text: sql }))
