/** The errors of interactive transactions, as in `errors`. */
export const transactionErrors = {
  transaction_not_found: {
    status: 404,
    message: 'Transaction "{id}" not found. It belongs to another token.',
  },
  transaction_expired: {
    status: 410,
    message: 'Transaction "{id}" has ended: {reason}. {instead}',
  },
  transaction_busy: {
    status: 409,
    message:
      'Open transactions of this database or namespace blocked this call, so it had no effect. Retry after {seconds} s.',
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
    message: 'This transaction {problem}. {instead}',
  },
} as const satisfies Record<string, { status: number; message: string }>
