import type { Grant } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { TransactionHold } from './hold.ts'
import type { Inside } from './inside.ts'
import type { OpenTransaction } from './open-transaction.ts'
import type { Transactions } from './transactions.ts'

/** The statements that a session ran for the first time, to charge and log them. */
export interface SessionUse {
  rowsRead: number
  rowsWritten: number
  statementCount: number
  /** The statements, for the query log. */
  readonly sql: string[]
}

/** The services of the database that sessions use. */
export interface SessionServices {
  readonly engine: Engine
  readonly transactions: Transactions
  readonly hold: TransactionHold
  readonly now: () => number
}

/** The caller of a session. */
export interface SessionOptions {
  readonly grant: Grant
  /** The transaction that an earlier call left open. */
  readonly transaction?: OpenTransaction | undefined
  /** The ID of the transaction for which the call had to wait, if it is repeated. */
  readonly ticket?: string | undefined
  /**
   * Whether the program ends each transaction, so that no later call repeats its writes. A transaction that isn't continued may
   * have more writes then, and random ones. If it stays open after a random write, it can only be rolled back.
   */
  readonly endsAll?: boolean
  /** Whether a transaction whose writes can't be repeated is continued as one of the file. Otherwise they are refused. */
  readonly canContinue?: boolean
  /** The continued transaction in which the program runs. */
  readonly inside?: Inside | undefined
}
