import { PerSQLError } from '@persql/contract'
import type { DatabaseCall, Grant, StatementInput } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import { sumRowsRead } from '../reads/count-tables.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import type { OpenTransaction } from './open-transaction.ts'
import type { Transactions } from './transactions.ts'

/** The services that long reads of a transaction use. */
export interface LongReadServices {
  readonly engine: Engine
  readonly reads: DatabaseReads
  readonly transactions: Transactions
  readonly now: () => number
  /** Returns whether the caller still has access. */
  readonly admits: (grant: Grant) => boolean
}

/** The results of reads that ran in a reader. */
interface LongRead {
  /** The results as JSON, separated by commas. */
  readonly results: string
  readonly statementCount: number
  readonly rowsRead: number
  /** The failure of the statement after the last result. */
  readonly failure?: PerSQLError | undefined
}

/** Returns whether statements of a transaction have to run in a reader. A reader doesn't see what the transaction wrote. */
export const isLongRead = (
  transaction: OpenTransaction | undefined,
  statements: readonly StatementInput[],
  { grant }: DatabaseCall,
  { reads }: Pick<LongReadServices, 'reads'>,
): boolean => !transaction?.hasWritten && statements.length > 0 && reads.areLong(statements, grant)

/**
 * Runs reads of a transaction in a reader.
 * @throws PerSQLError `transaction_conflict` if another write ran in that time, `transaction_expired` or `token_unknown`
 */
export async function readInReader(
  transaction: OpenTransaction,
  statements: readonly StatementInput[],
  { grant, requestId, span }: DatabaseCall,
  { engine, reads, transactions, now, admits }: LongReadServices,
): Promise<LongRead> {
  const { tokenId } = grant
  const check = () => (transaction.holds ? transaction.assertAlive() : transaction.see(engine.writes))
  check()
  transaction.isReading = true
  try {
    const read = await reads.run({ statements, permission: grant, tokenId, requestId, span })
    if (!admits(grant)) throw new PerSQLError('token_unknown')
    transactions.find(transaction.id, grant)
    check()
    const { results, counts, failure } = read
    return { results: results as string, statementCount: counts.length, rowsRead: sumRowsRead(counts), failure }
  } finally {
    transaction.isReading = false
    transaction.usedMs = now()
  }
}
