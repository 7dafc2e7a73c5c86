/** The errors of interactive transactions, as in `errors`. */
export const transactionErrors = {
  transaction_not_found: {
    status: 404,
    message: 'Transaction "{id}" not found. Another token opened it.',
  },
  transaction_expired: {
    status: 410,
    message: 'Transaction "{id}" has ended: {reason}. Nothing was written. Run it again.',
  },
  transaction_busy: {
    status: 409,
    message: 'Another transaction of this database is open, so nothing was written. Retry after {seconds} s.',
  },
  transaction_conflict: {
    status: 409,
    message:
      'The database changed after this transaction read it, so the transaction was rolled back. Run it again from its start.',
  },
  transaction_step: {
    status: 409,
    message:
      "Step {step} can't run: the last step of this transaction was {last}. Send {next}, or repeat {last} to get the same response.",
  },
  transaction_committed: { status: 409, message: 'Transaction "{id}" is already committed.' },
  transaction_too_long: {
    status: 413,
    message: 'This transaction {problem}. Commit it, or run its statements as a batch in one transaction.',
  },
} as const satisfies Record<string, { status: number; message: string }>
