import { type ErrorCode, PerSQLError } from '@persql/contract'
import type { DatabaseCall, Grant, StatementInput } from '../calls/call.ts'
import type { Result } from '../engine/result.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import { parseResults } from '../reads/reader-result.ts'
import { parseControl } from '../transactions/control.ts'
import type { Program } from './program.ts'

/** The services that reads in other processes use. */
export interface ReadElsewhereServices {
  readonly reads: DatabaseReads
  /** Returns whether the caller still has access. */
  readonly admits: (grant: Grant) => boolean
}

/** Results of statements that ran before the program that yields them. */
export interface FinishedReads {
  readonly rowsRead: number
  readonly statementCount: number
  readonly sql: readonly string[]
  /** Whether the program has no transaction open. */
  readonly isAutocommit: boolean
  /** Runs a program with these results. */
  run<T>(program: Program<T>): T
}

/** Errors that end a reader in the middle of a statement. Then no other statement of the request runs. */
const INTERRUPTIONS: ReadonlySet<string> = new Set<ErrorCode>(['query_timeout', 'query_canceled'])
/** The number of failed statements after which the rest isn't tried. */
const MAX_FAILURES = 10
const EMPTY: Result = Object.freeze({ columns: [], rows: [], rowsRead: 0, rowsWritten: 0 })

/** Returns the statements of a request that only reads, if it could take long; `undefined` for any other request. */
export function findLongReads(
  inputs: readonly StatementInput[],
  { grant }: DatabaseCall,
  { reads }: ReadElsewhereServices,
): readonly StatementInput[] | undefined {
  if (!reads.areAvailable) return undefined
  const statements = inputs.filter(({ sql }) => !isControl(sql))
  return statements.length > 0 && reads.areLong(statements, grant) ? statements : undefined
}

/** Runs reads in readers, in their order. A failed one doesn't stop the others. */
export async function readElsewhere(
  statements: readonly StatementInput[],
  { grant, requestId, span }: DatabaseCall,
  { reads, admits }: ReadElsewhereServices,
): Promise<FinishedReads> {
  const outcomes: (Result | PerSQLError)[] = []
  const sql: string[] = []
  let rowsRead = 0
  let failures = 0
  let interruption: PerSQLError | undefined
  while (outcomes.length < statements.length && failures < MAX_FAILURES) {
    const rest = statements.slice(outcomes.length).map((each) => ({ ...each, integers: 'bigint' as const }))
    const options = { statements: rest, permission: grant, tokenId: grant.tokenId, requestId, span }
    const read = await reads.run(options).catch(toInterruption)
    if (read instanceof PerSQLError) {
      interruption = read
      sql.push(...rest.slice(0, 1).map((each) => each.sql))
      break
    }
    const { results, counts, failure } = read
    for (const count of counts) rowsRead += count.rowsRead
    sql.push(...rest.slice(0, counts.length).map((each) => each.sql))
    outcomes.push(...parseResults(results as string).slice(0, counts.length))
    if (failure) outcomes.push(failure)
    if (failure) failures++
  }
  // The token can have been revoked in that time.
  if (!admits(grant)) throw new PerSQLError('token_unknown')
  return new Finished(statements, outcomes, rowsRead, sql, interruption)
}

/** @throws any other error */
function toInterruption(cause: unknown): PerSQLError {
  if (cause instanceof PerSQLError && INTERRUPTIONS.has(cause.code)) return cause
  throw cause
}

class Finished implements FinishedReads {
  readonly #statements: readonly StatementInput[]
  readonly #outcomes: readonly (Result | PerSQLError)[]
  readonly rowsRead: number
  readonly sql: readonly string[]
  /** The error of the statements without an outcome. */
  readonly #rest: PerSQLError
  isAutocommit = true
  #next = 0

  constructor(
    statements: readonly StatementInput[],
    outcomes: readonly (Result | PerSQLError)[],
    rowsRead: number,
    sql: readonly string[],
    rest = new PerSQLError('too_busy', { problem: 'Too many statements of the request failed.', seconds: 1 }),
  ) {
    this.#statements = statements
    this.#outcomes = outcomes
    this.rowsRead = rowsRead
    this.sql = sql
    this.#rest = rest
  }

  get statementCount(): number {
    return this.sql.length
  }

  run<T>(program: Program<T>): T {
    let step = program.next()
    while (!step.done) {
      const outcome = this.#findOutcome(step.value)
      step = outcome instanceof PerSQLError ? program.throw(outcome) : program.next(outcome)
    }
    return step.value
  }

  #findOutcome({ sql, params }: StatementInput): Result | PerSQLError {
    const control = isControl(sql) ? parseControl(sql) : undefined
    if (control) return this.#control(control.kind)
    const isSame = (each: StatementInput, at: number) =>
      at >= this.#next && each.sql === sql && (each.params === params || !hasAny(params))
    const at = this.#statements.findIndex(isSame)
    this.#next = at + 1
    return this.#outcomes[at] ?? this.#rest
  }

  #control(kind: string): Result | PerSQLError {
    if (kind === 'begin' && this.isAutocommit) this.isAutocommit = false
    else if ((kind === 'commit' || kind === 'rollback') && !this.isAutocommit) this.isAutocommit = true
    else if (kind === 'begin') return refused('cannot start a transaction within a transaction')
    else return refused(`cannot ${kind} - no transaction is active`)
    return EMPTY
  }
}

const hasAny = (params: StatementInput['params']): boolean =>
  params instanceof Map ? params.size > 0 : (params as readonly unknown[]).length > 0

function refused(message: string): PerSQLError {
  return new PerSQLError('sql_error', { message }, { extra: { errorDetail: { message, kind: 'unknown' } } })
}

/** A request with savepoints runs in place. */
function isControl(sql: string): boolean {
  try {
    const kind = parseControl(sql)?.kind
    return kind === 'begin' || kind === 'commit' || kind === 'rollback'
  } catch (cause) {
    if (cause instanceof PerSQLError) return false
    throw cause
  }
}
